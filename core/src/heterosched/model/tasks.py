"""Task graphs: what is to be done, in which order, and what each way of doing it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from heterosched.errors import InvalidGraph, InvalidInput
from heterosched.model.cluster import Demand
from heterosched.model.throughput import Confidence, Origin, confidence_of


@dataclass(frozen=True, slots=True)
class Option:
    """One way to run a task: a device type, a number of workers, and what that takes.

    `seconds` is the run time, `watts` the power of the devices that one worker holds, `demand` what it takes.
    `scaled_from`: the device type from whose figure `seconds` was concluded, "" where it was given or measured.
    `node_watts`: of workers on several device types the power of one on each node; `watts` is then their mean.
    `percent`: confidence in `seconds` where repeated runs taught them, else None. `nodes`: those whose kubelets can
    align a worker as the task requires it; None where it does not. The way is the same, whatever nodes there are.
    `cap_watts`: the power cap of each of its devices that `seconds` and `watts` are for; 0 where there is none.
    """

    device: str
    seconds: float
    demand: Demand
    watts: float = 0.0
    workers: int = 1
    variant: str = ""
    origin: Origin = "estimated"
    scaled_from: str = ""
    node_watts: tuple[tuple[str, float], ...] = ()
    percent: int | None = None
    nodes: frozenset[str] | None = field(default=None, compare=False)
    cap_watts: float = 0.0

    @property
    def confidence(self) -> Confidence:
        """How far `seconds` may be trusted."""
        return confidence_of(self.origin, self.scaled_from, self.percent)

    @property
    def joules(self) -> float:
        """Energy that the task's devices draw when it runs this way."""
        return self.watts * self.workers * self.seconds

    def watts_on(self, node: str) -> float:
        """Power of the devices that one worker holds on this node."""
        return dict(self.node_watts).get(node, self.watts)


@dataclass(frozen=True, slots=True)
class Task:
    """A node of the graph. `known` is False where nobody gave a run time: order and fit count, the seconds do not.

    `nodes`: the cluster's nodes that it selects and whose taints it tolerates; None where it is not restricted.
    `external_bytes`: data from outside the job that a named mechanism brings; measured run times contain reading it.
    `deadline`: when it should have finished, seconds with the origin of the problem's `now`; None where it has none.
    `unrated`: device types that it may use and on which it is not placed, since nothing is known of its run time there.
    `unaligned`: why nodes that could run it otherwise can never align it as it requires; empty where there are none.
    `figured_by`: where the figures stand that alone say on which device types it may run; empty where something else
    does. `absent_profile`: the ThroughputProfile that it names and that is not there.
    """

    name: str
    options: tuple[Option, ...]
    known: bool = True
    external_bytes: float = 0.0
    nodes: frozenset[str] | None = None
    deadline: float | None = None
    unrated: tuple[str, ...] = ()
    unaligned: str = ""
    figured_by: str = ""
    absent_profile: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """`consumer` may start when `producer` has finished and `size_bytes` have been moved to its node."""

    producer: str
    consumer: str
    size_bytes: float = 0.0


@dataclass(frozen=True)
class TaskGraph:
    """A directed acyclic graph of tasks; construct it with `TaskGraph.build`, which checks it."""

    tasks: Mapping[str, Task]
    edges: tuple[Edge, ...]
    object: str = "graph"

    @classmethod
    def build(cls, tasks: Iterable[Task], edges: Iterable[Edge], object: str = "graph") -> TaskGraph:
        """Check and build. Raises InvalidGraph (empty, duplicate, unknown dependency, cycle) or InvalidInput (a time or
        power that is no finite number of the right sign); the culprit is spelled out.
        """
        named: dict[str, Task] = {}
        for task in tasks:
            if task.name in named:
                raise InvalidGraph(object, f"spec.tasks[{task.name}]", "the name is used twice", "rename one of them")
            _check_options(task, object)
            named[task.name] = task
        if not named:
            raise InvalidGraph(object, "spec.tasks", "there is no task", "add at least one task")
        graph = cls(named, tuple(edges), object)
        _check_edges(graph)
        _ = graph.order  # raises on a cycle
        return graph

    @cached_property
    def parents(self) -> Mapping[str, tuple[Edge, ...]]:
        """Edges into each task."""
        return self._by(lambda edge: edge.consumer)

    @cached_property
    def children(self) -> Mapping[str, tuple[Edge, ...]]:
        """Edges out of each task."""
        return self._by(lambda edge: edge.producer)

    def _by(self, key: Callable[[Edge], str]) -> Mapping[str, tuple[Edge, ...]]:
        found: dict[str, list[Edge]] = {name: [] for name in self.tasks}
        for edge in self.edges:
            found[key(edge)].append(edge)
        return {name: tuple(edges) for name, edges in found.items()}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Topological order; tasks that are free at the same time in order of definition. Raises InvalidGraph."""
        position = {name: index for index, name in enumerate(self.tasks)}
        sorter = TopologicalSorter({name: [edge.producer for edge in self.parents[name]] for name in self.tasks})
        try:
            sorter.prepare()
        except CycleError as error:
            path = " -> ".join(reversed(error.args[1]))
            raise InvalidGraph(
                self.object, "spec.tasks", f"the dependencies form a cycle: {path}", "remove one of these dependencies"
            ) from error
        found: list[str] = []
        while sorter.is_active():
            free = sorted(sorter.get_ready(), key=position.__getitem__)
            found.extend(free)
            sorter.done(*free)
        return tuple(found)

    def ready(self, done: Iterable[str]) -> tuple[str, ...]:
        """Tasks not in `done` whose producers all are, in topological order."""
        finished = set(done)
        return tuple(
            name
            for name in self.order
            if name not in finished and all(edge.producer in finished for edge in self.parents[name])
        )

    def slack(self, seconds: Mapping[str, float]) -> dict[str, float]:
        """By how many seconds each task may be late without making the job longer: latest start less earliest start,
        where run times are these and transfers take none. Zero along the critical path.
        """
        starts, ends = dict.fromkeys(self.order, 0.0), dict.fromkeys(self.order, 0.0)
        for name in self.order:
            for edge in self.children[name]:
                starts[edge.consumer] = max(starts[edge.consumer], starts[name] + seconds[name])
        last = max((starts[name] + seconds[name] for name in self.order), default=0.0)
        for name in reversed(self.order):
            ends[name] = min(
                (ends[edge.consumer] - seconds[edge.consumer] for edge in self.children[name]), default=last
            )
        return {name: max(0.0, ends[name] - seconds[name] - starts[name]) for name in self.tasks}

    def critical_path(self, seconds: Mapping[str, float]) -> tuple[str, ...]:
        """The longest chain of tasks by `seconds` (transfers not counted); ties go to the task defined first."""
        position = {name: index for index, name in enumerate(self.tasks)}
        length: dict[str, float] = {}
        after: dict[str, str | None] = {}
        for name in reversed(self.order):
            following: Sequence[str] = [edge.consumer for edge in self.children[name]]
            best = max(sorted(following, key=position.__getitem__), key=length.__getitem__, default=None)
            length[name] = seconds[name] + (length[best] if best is not None else 0.0)
            after[name] = best
        step: str | None = max(self.tasks, key=length.__getitem__)
        path: list[str] = []
        while step is not None:
            path.append(step)
            step = after[step]
        return tuple(path)


def _check_options(task: Task, object: str) -> None:
    if task.deadline is not None and math.isnan(task.deadline):
        raise InvalidInput(object, f"spec.tasks[{task.name}]", "the deadline is not a number", "give a time or none")
    for option in task.options:
        field = f"spec.tasks[{task.name}] on {option.device}"
        if not math.isfinite(option.seconds) or option.seconds <= 0:
            raise InvalidInput(object, field, f"run time {option.seconds!r} s", "give a finite time above zero")
        if not math.isfinite(option.watts) or option.watts < 0:
            raise InvalidInput(object, field, f"power {option.watts!r} W", "give a finite power, zero or more")
        amounts = (option.demand.cpu, option.demand.memory, option.demand.gpus)
        if not all(math.isfinite(amount) and amount >= 0 for amount in amounts):
            raise InvalidInput(object, field, f"demand {option.demand}", "give finite amounts, zero or more")
        if option.workers < 1:
            raise InvalidInput(object, field, f"{option.workers} workers", "give at least one")


def _check_edges(graph: TaskGraph) -> None:
    for edge in graph.edges:
        if edge.consumer not in graph.tasks:
            field, remedy = f"spec.tasks[{edge.consumer}]", "remove the dependency or add the task"
            raise InvalidGraph(graph.object, field, "there is no task of this name", remedy)
        field = f"spec.tasks[{edge.consumer}].dependsOn"
        if edge.producer not in graph.tasks:
            known = ", ".join(list(graph.tasks)[:5]) + (", ..." if len(graph.tasks) > 5 else "")
            raise InvalidGraph(
                graph.object, field, f"unknown task {edge.producer!r}", f"name one of the job's tasks ({known})"
            )
        if edge.producer == edge.consumer:
            raise InvalidGraph(graph.object, field, f"task {edge.consumer!r} depends on itself", "remove it")
        if not math.isfinite(edge.size_bytes) or edge.size_bytes < 0:
            raise InvalidInput(graph.object, field, f"{edge.size_bytes!r} bytes", "give a size of zero or more")
