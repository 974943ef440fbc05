"""The small interface of packing policies: how good each possible placement of a pod is, given the fleet's arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np

from heterosched.algorithms.packing.fleet import Fleet, Floats, Ways
from heterosched.algorithms.packing.typical import Typical
from heterosched.algorithms.packing.watts import WattTable
from heterosched.errors import InvalidInput

ENTRY_POINTS = "heterosched.packings"

MOST = 100
"""The largest score of kube-scheduler's plug-ins, as which the published policies were written."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """What a policy knows besides the fleet: the pods to be expected, and what devices draw."""

    typical: Typical
    watts: WattTable


@runtime_checkable
class Packing(Protocol):
    """Scores placements; the larger the better."""

    name: str

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """Components x ways. Of the GPUs of a node a share takes the one whose first component is best; each other
        component counts as its best on the node.
        """
        ...

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """The score of each candidate node for one pod, from the components x nodes; the first among equals wins."""
        ...


class Highest:
    """Decides by the first component alone."""

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """The component as it is."""
        found: Floats = rated[0]
        return found


@cache
def packings() -> Mapping[str, type[Packing]]:
    """All installed packing policies by name; what is installed is looked up once."""
    return MappingProxyType({point.name: point.load() for point in entry_points(group=ENTRY_POINTS)})


def packing(name: str, object: str = "packing") -> Packing:
    """A packing policy by its name. Raises InvalidInput with the known names."""
    known = packings()
    if name not in known:
        raise InvalidInput(object, "name", f"unknown packing policy {name!r}", f"use one of {', '.join(sorted(known))}")
    return known[name]()
