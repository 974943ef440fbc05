"""What bound pods take of their nodes, worked out once for all pods of the same containers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from heterosched.kube.convert import Problems, demand_of
from heterosched.kube.objects import PodObject
from heterosched.kube.topology import aligned_need
from heterosched.model import Demand
from heterosched.model.topology import Need

MOST_KINDS = 4096
"""Kinds that are remembered; a cluster has a few hundred."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What pods of the same containers take, and need of NUMA zones; `parts` keeps alive what it is found by."""

    parts: tuple[object, ...]
    demand: Demand
    need: Need


class Kinds:
    """Found by the identity of a pod's containers: `heterosched_extender.slim` shares equal ones between pods."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._known: dict[tuple[int, ...], Kind] = {}

    def of(self, pod: PodObject) -> Kind:
        """The pod's kind. Not remembered where a quantity cannot be read: that is to be told of every pod."""
        spec, before = pod.spec, self._problems.count
        parts = (spec.containers, spec.init_containers, spec.resources, spec.overhead)
        key = tuple(map(id, parts))
        found = self._known.get(key)
        if found is None:
            demand = _shared(demand_of(pod, self._problems))
            found = Kind(parts, demand, aligned_need(spec, f"Pod {pod.key}", self._problems))
            if self._problems.count == before:
                if len(self._known) >= MOST_KINDS:
                    self._known.clear()
                self._known[key] = found
        return found


@lru_cache(maxsize=1024)
def _shared(demand: Demand) -> Demand:
    """One object for all that are equal: hundreds of kinds differ in nothing that is counted."""
    return demand
