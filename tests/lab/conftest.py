"""The registry of benchmarks, with those of the tests in it and no others."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from heterosched_lab import registry

Offer = Callable[..., None]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """`offer(good="Good", raises="Raises")`: these classes of lab_benchmarks are the benchmarks that there are."""

    def known(**classes: str) -> None:
        points = {
            name: EntryPoint(name, value if ":" in value else f"lab_benchmarks:{value}", registry.ENTRY_POINTS)
            for name, value in classes.items()
        }
        monkeypatch.setattr(registry, "_points", lambda: points)

    return known
