"""Scheduling problems: the published exact instances, and hypothesis strategies for any others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from heterosched.algorithms.base import Objective, Problem
from heterosched.model import Assignment, Cluster, Demand, Edge, Link, Node, Option, Reservation, Task, TaskGraph

ONE = Demand(cpu=1)


def processors(count: int) -> tuple[Node, ...]:
    """Processors of the scheduling literature: one task at a time, each a device of its own."""
    return tuple(Node(f"p{number}", f"p{number}", ONE) for number in range(1, count + 1))


def published(costs: Sequence[Sequence[float]], edges: Sequence[tuple[int, int, float]], now: float = 0.0) -> Problem:
    """Tasks T1, T2, ... with their cost on each processor; edges (producer, consumer, data) at unit bandwidth."""
    tasks = [
        Task(f"T{number}", tuple(Option(f"p{p}", cost, ONE) for p, cost in enumerate(row, start=1)))
        for number, row in enumerate(costs, start=1)
    ]
    graph = TaskGraph.build(tasks, [Edge(f"T{one}", f"T{two}", data) for one, two, data in edges])
    return Problem(graph, Cluster(processors(len(costs[0])), link=Link(0.0, 1.0)), now)


def topcuoglu(now: float = 0.0) -> Problem:
    """Topcuoglu, Hariri, Wu 2002, figure 2 and table 1: HEFT 80."""
    costs = [
        (14, 16, 9),
        (13, 19, 18),
        (11, 13, 19),
        (13, 8, 17),
        (12, 13, 10),
        (13, 16, 9),
        (7, 15, 11),
        (5, 11, 14),
        (18, 12, 20),
        (21, 7, 16),
    ]
    first = "1-2 18, 1-3 12, 1-4 9, 1-5 11, 1-6 14, 2-8 19, 2-9 16, 3-7 23, 4-8 27, 4-9 23, 5-9 13"
    return published(costs, _edges(f"{first}, 6-8 15, 7-10 17, 8-10 11, 9-10 13"), now)


def arabnejad(now: float = 0.0) -> Problem:
    """Arabnejad, Barbosa 2014, figure 1: HEFT 133."""
    costs = [
        (22, 21, 36),
        (22, 18, 18),
        (32, 27, 43),
        (7, 10, 4),
        (29, 27, 35),
        (26, 17, 24),
        (14, 25, 30),
        (29, 23, 36),
        (15, 21, 8),
        (13, 16, 33),
    ]
    first = "1-2 17, 1-3 31, 1-4 29, 1-5 13, 1-6 7, 2-8 3, 2-9 30, 3-7 16, 4-8 11, 4-9 7, 5-9 57"
    return published(costs, _edges(f"{first}, 6-8 5, 7-10 9, 8-10 42, 9-10 7"), now)


def autoscheduler() -> Problem:
    """AutoScheduler's example: a CPU (speed 1, 50 W) and a GPU (speed 2, 150 W); HEFT 6.4337 s and 612.5 J."""
    mib, devices = 2.0**20, {"cpu-0": (1.0, 50.0), "gpu-0": (2.0, 150.0)}
    work = {"t1": (5.0, 2.0), "t2": (3.0, 1.0), "t3": (4.0, None), "t4": (6.0, 2.5)}
    tasks = [
        Task(
            name,
            tuple(
                Option(device, seconds / speed, ONE, watts)
                for seconds, (device, (speed, watts)) in zip(row, devices.items(), strict=True)
                if seconds is not None
            ),
        )
        for name, row in work.items()
    ]
    edges = [
        Edge("t1", "t2", 100 * mib),
        Edge("t1", "t3", 100 * mib),
        Edge("t2", "t4", 50 * mib),
        Edge("t3", "t4", 75 * mib),
    ]
    nodes = tuple(Node(device, device, ONE) for device in devices)
    return Problem(TaskGraph.build(tasks, edges), Cluster(nodes, link=Link(0.0001, 1e9)))


def _edges(text: str) -> list[tuple[int, int, float]]:
    """`1-2 18, 1-3 12`: edges with their data."""
    parts = [part.split() for part in text.split(",")]
    return [(int(edge.split("-")[0]), int(edge.split("-")[1]), float(data)) for edge, data in parts]


# --- hypothesis ------------------------------------------------------------------------------------------------------

DEVICES = ("cpu", "nvidia-k80", "nvidia-t4", "nvidia-v100")


def demand_on(device: str) -> st.SearchStrategy[Demand]:
    """What a worker may ask for on a device; always less than any node of `clusters` has."""
    gpus = st.just(0) if device == "cpu" else st.integers(0, 2)
    return st.builds(Demand, st.sampled_from((0.0, 0.1, 0.5, 1.0, 2.5)), st.sampled_from((0.0, 1e9, 4e9)), gpus)


@st.composite
def options(draw: st.DrawFn) -> Option:
    """Any way to run a task that an idle cluster of `clusters` holds."""
    device = draw(st.sampled_from(DEVICES))
    return Option(
        device,
        draw(st.sampled_from((0.1, 1.0, 3.0, 7.5, 60.0, 1e6))),
        draw(demand_on(device)),
        draw(st.sampled_from((0.0, 6.5, 60.0, 270.0))),
        draw(st.sampled_from((1, 1, 1, 2))),
    )


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> TaskGraph:
    """Any graph of up to `most` tasks, connected or not."""
    count = draw(st.integers(1, most))
    tasks = [Task(f"t{n}", tuple(draw(st.lists(options(), min_size=1, max_size=3)))) for n in range(count)]
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), st.sampled_from((0.0, 1e6, 1e9)))
    chosen = draw(st.lists(pairs, max_size=3 * count, unique_by=lambda pair: (min(pair[:2]), max(pair[:2]))))
    edges = [Edge(f"t{min(a, b)}", f"t{max(a, b)}", size) for a, b, size in chosen if a != b]
    return TaskGraph.build(tasks, edges)


@st.composite
def clusters(draw: st.DrawFn, now: float) -> Cluster:
    """One to three nodes of every device, with reservations of others on them."""
    nodes = [
        Node(
            f"{device}-{number}",
            device,
            Demand(draw(st.sampled_from((6.0, 16.0))), 16e9, 0 if device == "cpu" else draw(st.sampled_from((4, 8)))),
        )
        for device in DEVICES
        for number in range(draw(st.integers(1, 3)))
    ]
    held = [
        Reservation(
            node.name,
            Demand(draw(st.sampled_from((1.0, 3.0, 20.0))), 1e9, draw(st.integers(0, 2))),
            now + draw(st.sampled_from((-50.0, 0.0, 2.0, 40.0))),
            now + draw(st.sampled_from((1.0, 45.0, 90.0))),
        )
        for node in draw(st.lists(st.sampled_from(nodes), max_size=6))
    ]
    return Cluster(tuple(nodes), tuple(held), draw(st.sampled_from((Link(), Link(0.0, 1e8)))))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Any placeable problem, at the origin or at epoch size, with tasks that are fixed, held back or restricted."""
    now = draw(st.sampled_from((0.0, 1.79e9)))
    graph, cluster = draw(graphs()), draw(clusters(now))
    fixed: Mapping[str, Assignment] = {}
    if draw(st.booleans()):
        first = graph.order[0]
        option = graph.tasks[first].options[0]
        places = (cluster.nodes[0].name,) * option.workers
        fixed = {first: Assignment(first, option, places, now - 5.0, now + draw(st.sampled_from((-1.0, 20.0))))}
    held_back = ((graph.order[-1], now + 33.0),) if draw(st.booleans()) and graph.order[-1] not in fixed else ()
    objective = draw(st.sampled_from((Objective(), Objective(1, 1), Objective(0, 1))))
    launch = draw(st.sampled_from((0.0, 1.5)))
    return Problem(graph, cluster, now, objective, held_back, fixed, launch)
