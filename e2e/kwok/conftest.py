"""All of HeteroSched on a cluster of its own for each module that asks, so that no other suite's parts take a hand."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster import ControlPlane
from spaces import Space, a_fake_node, a_namespace
from stack import Stack

WORKDIR = Path(__file__).resolve().parents[2] / "build" / "e2e"
PROMPT = {"HETEROSCHED_OPERATOR_TELEMETRY_SECONDS": "1"}


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Extender, second scheduler, operator and Prometheus on the fake nodes that the module names in `NODES`."""
    module = re.sub(r"[^a-z]+", "-", request.path.stem.removeprefix("test_"))
    nodes = [a_fake_node(name) for name in request.module.NODES]
    with ControlPlane(f"e2e-{module}-{os.getpid()}", WORKDIR, keep_logs=True) as plane:
        plane.kubectl("create", "--filename=-", stdin=yaml.safe_dump_all(nodes))
        plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
        yield Stack(plane, operator=PROMPT).up()


@pytest.fixture
def space(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A namespace of this test's own beside a stack that works, whatever the test before it has broken."""
    stack.recover()
    with a_namespace(stack.plane, request.node.name) as name:
        yield Space(stack.plane, name)
