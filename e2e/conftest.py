"""One real control plane for each module of tests, one namespace for each test.

A cluster is up in seconds, and what one module leaves behind (a dead component, a node, a pod that still ends) can then
trouble no other. The programs are built by the first that asks, if no run has done so. Logs stay in `build/e2e/` for
whoever has to explain a failure.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import ControlPlane
from spaces import a_namespace

WORKDIR = Path(__file__).resolve().parent.parent / "build" / "e2e"


def pytest_sessionstart() -> None:
    """Hear Ctrl-C even as a shell's background job, which ignores it: what is started here would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test below this folder `e2e`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """The module's cluster: etcd, API server, controllers, scheduler and kwok; no nodes yet."""
    module = re.sub(r"[^a-z]+", "-", request.path.stem.removeprefix("test_"))
    plane = ControlPlane(f"plane-{module}-{os.getpid()}", WORKDIR, keep_logs=True)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        plane.up()
    else:
        with capture.global_and_fixture_disabled():  # a build takes minutes: its progress has to be seen
            plane.up()
    yield plane
    plane.down()


@pytest.fixture
def namespace(control_plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of this test's own that can take pods; deleted, without waiting for it, when the test ends."""
    with a_namespace(control_plane, request.node.name) as name:
        yield name
