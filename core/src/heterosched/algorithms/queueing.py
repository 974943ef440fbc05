"""Serving tasks as they become free: the order of strategies that do not rank the whole graph beforehand."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from heterosched.algorithms.base import Problem

Key = Callable[[str], tuple[float, ...]]


def as_they_come(problem: Problem, key: Key) -> Iterator[str]:
    """Tasks whose producers have all been yielded before, the least key first, then in order of definition.

    A task's key is asked for when the last of its producers is done with: by then all of them have been placed.
    """
    graph = problem.graph
    position = {name: number for number, name in enumerate(graph.tasks)}
    waits = {
        name: sum(edge.producer not in problem.fixed for edge in graph.parents[name])
        for name in graph.tasks
        if name not in problem.fixed
    }
    queue = [(key(name), position[name], name) for name, open_ in waits.items() if not open_]
    heapq.heapify(queue)
    while queue:
        _, _, name = heapq.heappop(queue)
        yield name
        for edge in graph.children[name]:
            if edge.consumer in waits:
                waits[edge.consumer] -= 1
                if not waits[edge.consumer]:
                    heapq.heappush(queue, (key(edge.consumer), position[edge.consumer], edge.consumer))
