"""Equal shares beforehand: which worker gets which chunks, as the production strategy `static` decides it."""

from __future__ import annotations

from functools import lru_cache

from heterosched.algorithms.base import Problem, strategy
from heterosched.model import Cluster, Demand, Node, Option, Task, TaskGraph
from heterosched.model.devices import CPU


def problem(chunks: int, workers: int, seconds: float = 1.0, watts: float = 0.0) -> Problem:
    """The chunks as tasks of `seconds` each that depend on nothing, the workers as nodes that run one at a time."""
    option = Option(CPU, seconds, Demand(cpu=1.0), watts)
    tasks = [Task(str(chunk), (option,)) for chunk in range(chunks)]
    nodes = tuple(Node(f"worker-{number}", CPU, Demand(cpu=1.0)) for number in range(workers))
    return Problem(TaskGraph.build(tasks, ()), Cluster(nodes))


@lru_cache(maxsize=64)
def shares(chunks: int, workers: int) -> tuple[tuple[int, ...], ...]:
    """The chunks of each worker, in order."""
    placed = strategy("static").schedule(problem(chunks, workers)).assignments
    found: dict[str, list[int]] = {f"worker-{number}": [] for number in range(workers)}
    for name, assignment in placed.items():
        found[assignment.nodes[0]].append(int(name))
    return tuple(tuple(sorted(one)) for one in found.values())
