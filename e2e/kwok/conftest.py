"""HeteroSched on a cluster of its own for each module that asks, so that no other suite's parts take a hand."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster import ControlPlane
from operated import NODES, Operator
from processes import wait_until
from spaces import Space, a_fake_node, a_namespace
from stack import Stack

ROOT = Path(__file__).resolve().parents[2]
WORKDIR = ROOT / "build" / "e2e"
PROMPT = {"HETEROSCHED_OPERATOR_TELEMETRY_SECONDS": "1"}


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Extender, second scheduler, operator and Prometheus on the fake nodes that the module names in `NODES`.

    Its `OPERATOR`, if it has one, are the operator's settings.
    """
    module = re.sub(r"[^a-z]+", "-", request.path.stem.removeprefix("test_"))
    nodes = [a_fake_node(name) for name in request.module.NODES]
    with ControlPlane(f"e2e-{module}-{os.getpid()}", WORKDIR, keep_logs=True) as plane:
        plane.kubectl("create", "--filename=-", stdin=yaml.safe_dump_all(nodes))
        plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
        yield Stack(plane, operator=getattr(request.module, "OPERATOR", PROMPT)).up()


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Iterator[Operator]:
    """An operator alone, beside the default scheduler."""
    plane = control_plane
    plane.apply(ROOT / "crds")
    plane.kubectl("create", "--filename=-", stdin=yaml.safe_dump_all([a_fake_node(name) for name in NODES]))
    plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
    running = Operator(plane)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def space(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A namespace of this test's own beside a stack that works, whatever the test before it has broken."""
    stack.recover()
    with a_namespace(stack.plane, request.node.name) as name:
        yield Space(stack.plane, name)


@pytest.fixture
def quiet(stack: Stack, request: pytest.FixtureRequest) -> None:
    """Nothing of the test before holds a node any more, and Prometheus knows them all."""

    def left() -> list[str]:
        listed = json.loads(stack.plane.kubectl("get", "pods", "--all-namespaces", "--output=json"))["items"]
        own = [pod for pod in listed if pod["metadata"]["namespace"] != "kube-system"]
        return [pod["metadata"]["name"] for pod in own if pod["status"].get("phase") in ("Pending", "Running")]

    assert wait_until(lambda: not left(), 90.0, 0.5), left()
    stack.prometheus.wait_for_nodes(len(request.module.NODES))
