"""Recorded workflows of WfCommons as task graphs: measured seconds on each device type, bytes along the edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from heterosched.errors import InvalidInput
from heterosched.model import CPU, Demand, Edge, Option, Task, TaskGraph
from heterosched.wfcommons import Instance, parse_instance


def read_instance(path: Path) -> Instance:
    """The instance, checked whole: the parser of `heterosched import wfcommons`, without its bound on size.

    Raises InvalidInput or BadRows, which names every row that cannot be used.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        problem = error.strerror or str(error)
        raise InvalidInput(path.name, "", f"cannot be read: {problem}", "check the path") from error
    return parse_instance(raw, path.name)


def task_graph(instance: Instance, speeds: Mapping[str, float], watts: Mapping[str, float] | None = None) -> TaskGraph:
    """The workflow as a graph of one-device tasks. `speeds`: of each device type against the machine that it was
    recorded on (an assumption, where it is not 1); `watts`: of one device. Raises InvalidInput.
    """
    draws = watts or {}
    options = {task.id: task.runtime_in_seconds for task in instance.workflow.execution.tasks}
    rows = instance.workflow.specification.tasks
    tasks = [
        Task(row.id, tuple(_option(device, options[row.id] / speed, draws) for device, speed in speeds.items()))
        for row in rows
    ]
    return TaskGraph.build(tasks, _edges(instance), instance.name or "workflow")


def _option(device: str, seconds: float, watts: Mapping[str, float]) -> Option:
    demand = Demand(cpu=1.0) if device == CPU else Demand(gpus=1.0)
    return Option(device, seconds, demand, watts.get(device, 0.0))


def _edges(instance: Instance) -> list[Edge]:
    """One edge per pair: the bytes of the files that the one writes and the other reads, none between a mere parent."""
    specification = instance.workflow.specification
    size = {file.id: float(file.size_in_bytes) for file in specification.files}
    writer = {file: row.id for row in specification.tasks for file in row.output_files}
    moved: dict[tuple[str, str], float] = defaultdict(float)
    for row in specification.tasks:
        for parent in row.parents:
            moved[parent, row.id] += 0.0
        for file in dict.fromkeys(row.input_files):
            if writer.get(file, row.id) != row.id:
                moved[writer[file], row.id] += size[file]
    return [Edge(*pair, amount) for pair, amount in moved.items()]
