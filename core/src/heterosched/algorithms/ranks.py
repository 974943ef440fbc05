"""The ranks of list scheduling: how far a task is from the end and from the beginning of its graph.

H. Topcuoglu, S. Hariri, M.-Y. Wu: Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing.
IEEE Transactions on Parallel and Distributed Systems 13(3), 2002, section 3. A task with several ways to run counts on
a node with the fastest that the node offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from heterosched.algorithms.ground import Ground


def upward_ranks(
    ground: Ground, cost: Callable[[str], float] | None = None, transfers: float = 1.0
) -> dict[str, float]:
    """Upward rank of every task, seconds: its cost plus the longest way on.

    The cost is the mean over the nodes that could run it, unless `cost` says otherwise. The way on is the largest sum
    of an edge's transfer time (between different nodes; times `transfers`) and its consumer's rank.
    """
    graph, cost = ground.problem.graph, cost or ground.mean_seconds
    ranks: dict[str, float] = {}
    for name in reversed(graph.order):
        onward = 0.0
        for edge in graph.children[name]:
            onward = max(onward, ranks[edge.consumer] + transfers * ground.transfer(edge.size_bytes))
        ranks[name] = cost(name) + onward
    return ranks


def downward_ranks(ground: Ground) -> dict[str, float]:
    """Downward rank of every task, seconds: the longest way to it from the beginning, its own cost not counted."""
    graph = ground.problem.graph
    ranks: dict[str, float] = {}
    for name in graph.order:
        before = 0.0
        for edge in graph.parents[name]:
            producer = edge.producer
            before = max(before, ranks[producer] + ground.mean_seconds(producer) + ground.transfer(edge.size_bytes))
        ranks[name] = before
    return ranks


def rounded(rank: float) -> float:
    """A rank without its rounding noise, so that noise orders no equals."""
    return float(f"{rank:.12g}")


def falling(names: Iterable[str], ranks: Mapping[str, float]) -> list[str]:
    """Names by decreasing rank; equals keep their order."""
    return sorted(names, key=lambda name: -rounded(ranks[name]))
