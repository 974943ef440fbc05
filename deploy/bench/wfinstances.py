"""Real workflow executions (WfInstances, WfFormat 1.5) as scheduling problems on nodes of related speeds.

The model is the one that both sides of the race can express: a task takes cost / speed on a node that it has to itself,
data moves at one bandwidth between any two nodes. A task's cost is its measured run time on a node of speed 1.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heterosched.algorithms.base import Problem
from heterosched.model import Cluster, Demand, Edge, Link, Node, Option, Task, TaskGraph

ROOT = Path(__file__).resolve().parents[2]

LEAST_SECONDS = 0.001
"""A task whose run time was recorded as zero counts with this, on both sides."""

ONE = Demand(cpu=1)

Pairs = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Workflow:
    """Seconds of each task at speed 1, and the bytes that move along each edge (producer, consumer)."""

    name: str
    cost: Mapping[str, float]
    edges: Pairs


def folder() -> Path | None:
    """Where the instances lie (HETEROSCHED_DATA/wfinstances, default ../shared/data); None where they do not."""
    found = Path(os.environ.get("HETEROSCHED_DATA", ROOT.parent / "shared" / "data")) / "wfinstances"
    return found if found.is_dir() else None


def load(path: Path) -> Workflow:
    """One instance. An edge carries the files that its producer writes and its consumer reads."""
    with gzip.open(path) as file:
        workflow = json.load(file)["workflow"]
    size = {entry["id"]: float(entry["sizeInBytes"]) for entry in workflow["specification"].get("files", [])}
    tasks = {entry["id"]: entry for entry in workflow["specification"]["tasks"]}
    seconds = {entry["id"]: float(entry["runtimeInSeconds"]) for entry in workflow["execution"]["tasks"]}
    edges = {
        (parent, name): sum(
            size.get(file, 0.0)
            for file in sorted({*tasks[parent].get("outputFiles", [])} & {*task.get("inputFiles", [])})
        )
        for name, task in tasks.items()
        for parent in task["parents"]
    }
    return Workflow(path.name.split(".")[0], {name: max(seconds[name], LEAST_SECONDS) for name in tasks}, edges)


def bandwidth(workflow: Workflow, speeds: Sequence[float], ratio: float) -> float:
    """Bytes per second at which the mean transfer takes `ratio` times the mean run time on a node of mean speed."""
    size = sum(workflow.edges.values()) / len(workflow.edges)
    seconds = sum(workflow.cost.values()) / len(workflow.cost) / (sum(speeds) / len(speeds))
    return size / (ratio * seconds)


def problem(cost: Mapping[str, float], edges: Pairs, speeds: Sequence[float], bytes_per_second: float) -> Problem:
    """The workflow on one node per speed; nodes of a speed are of one device type."""
    kinds = sorted(set(speeds), reverse=True)
    tasks = [
        Task(name, tuple(Option(f"speed-{speed:g}", seconds / speed, ONE) for speed in kinds))
        for name, seconds in cost.items()
    ]
    nodes = tuple(Node(f"n{number}", f"speed-{speed:g}", ONE) for number, speed in enumerate(speeds))
    graph = TaskGraph.build(tasks, [Edge(one, two, size) for (one, two), size in edges.items()])
    return Problem(graph, Cluster(nodes, link=Link(0.0, bytes_per_second)))
