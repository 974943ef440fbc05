"""Every manifest that we publish in examples/ is taken by a real cluster, planned on a small fleet, and completes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import truth
from heterosched.model.devices import CPU
from spaces import Space, a_namespace
from stack import Stack

NODES = ("k80-0", "k80-1", "p100-0", "t4-0", "v100-0", "v100-1", "a40-0", "a100-0", "cpu-0", "cpu-1")
MANIFESTS = Path(__file__).resolve().parents[2] / "examples"
EXAMPLES = sorted([*MANIFESTS.glob("*.yaml"), *MANIFESTS.glob("workloads/*.yaml")])
MOST_WORKERS = 16
QUICK = {CPU: (1.5, 60.0)}
"""However long an example means to run: 1.5 simulated seconds on any device."""


def documents(path: Path) -> list[dict[str, Any]]:
    """The manifests of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def jobs(path: Path) -> list[dict[str, Any]]:
    """The HeteroJobs of a file."""
    return [document for document in documents(path) if document["kind"] == "HeteroJob"]


@pytest.fixture(scope="module")
def quick(stack: Stack) -> Iterator[Stack]:
    """The stack on a cluster on which every task of every example runs for a moment only."""
    tasks = [
        f"{job['metadata']['name']}.{task['name']}"
        for path in EXAMPLES
        for job in jobs(path)
        for task in job["spec"]["tasks"]
    ]
    keys = [key for task in tasks for key in (task, *(f"{task}.{n}" for n in range(1, MOST_WORKERS + 1)))]
    with a_namespace(stack.plane, "truth") as namespace:
        truth.install(stack.plane, dict.fromkeys(keys, QUICK), namespace)
        yield stack


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_planned_and_completes(quick: Stack, space: Space, path: Path) -> None:
    space.apply(*documents(path))
    for job in jobs(path):
        name = job["metadata"]["name"]
        planned = space.until(name, "Planned")
        assert planned["reason"] in ("PlanFound", "EstimatesMissing"), planned
        if job["spec"].get("suspend"):
            space.until(name, "Suspended")
            continue
        status = space.until_completed(name)
        assert [task["state"] for task in status["tasks"]] == ["Succeeded"] * len(job["spec"]["tasks"])
        for spec, task in zip(job["spec"]["tasks"], status["tasks"], strict=True):
            assert len(task["workers"]) >= spec.get("workers", {}).get("min", 1)
            assert all(worker["node"] for worker in task["workers"])


def test_there_are_examples() -> None:
    assert any(jobs(path) for path in EXAMPLES)
