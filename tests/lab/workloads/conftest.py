"""Two worker processes that all tests of a run share: starting them is what takes the time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from counters import a_powercap
from heterosched_lab.workloads.energy import Meter
from heterosched_lab.workloads.processes import Crew


@pytest.fixture(scope="session")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """A crew of two on a machine without energy counters."""
    with Crew(2, Meter.of(tmp_path_factory.mktemp("no-rapl"))) as found:
        yield found


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """A machine with energy counters."""
    return a_powercap(tmp_path / "powercap")
