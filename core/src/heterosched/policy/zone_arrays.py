"""NUMA zones as arrays: what is known of every node's zones, and what pods under way will take of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ZoneArrays:
    """The NUMA zones of all nodes of a roster. The axes of `size` and `free` are resource, zone, node.

    `resources` numbers the resources that some zone lists. `size`: what pods may use, `free`: what is left of that,
    less what pods hold that the topology does not show yet. Infinite: no zone of that node lists the resource; -1: the
    node has fewer zones. `count`: zones per node, 0 where the topology is not known. `policy` indexes
    `heterosched.model.topology.POLICIES`, -1 where not known. `near`: nearness of the zones to each other, 0..1.
    `unshown`: bound pods that the topology does not show yet; `old`: some of them longer than an exporter takes.
    `every`: of the unshown pods some may start in any zone, so whoever comes must leave room in every zone.
    `updated`: when the topology was written, epoch seconds.
    """

    resources: Mapping[str, int]
    size: Floats
    free: Floats
    count: Ints
    policy: Ints
    near: Floats
    unshown: Ints
    old: Flags
    every: Flags
    updated: Floats

    @classmethod
    def blank(cls, resources: Iterable[str], zones: int, nodes: int) -> ZoneArrays:
        """Of so many nodes, none of whose topology is known, with room for so many zones each."""
        numbered = {name: number for number, name in enumerate(resources)}
        shapes = {"size": (len(numbered), zones, nodes), "free": (len(numbered), zones, nodes)}
        return cls(numbered, **{name: np.full(shapes.get(name, nodes), value) for name, value in _NOT_KNOWN.items()})

    def moved(self, rows: Ints) -> ZoneArrays:
        """The same of other nodes: `rows` says where each of them stood, -1 for one that was not there."""
        columns: dict[str, Any] = {}
        for name, value in _NOT_KNOWN.items():
            own = getattr(self, name)
            missing = np.full((*own.shape[:-1], 1), value, dtype=own.dtype)
            columns[name] = np.concatenate([own, missing], axis=-1)[..., rows]
        return replace(self, **columns)


_NOT_KNOWN: Final[Mapping[str, Any]] = {
    "size": -1.0,
    "free": -1.0,
    "count": np.int64(0),
    "policy": np.int64(-1),
    "near": 0.0,
    "unshown": np.int64(0),
    "old": False,
    "every": False,
    "updated": np.nan,
}
"""What stands for a node without a topology."""


@dataclass(frozen=True, eq=False)
class Reserved:
    """What pods will take that have just been sent to the nodes `rows` (ascending): by resource and such node.

    It counts in each zone. `every`: as in `ZoneArrays`, for these pods.
    """

    rows: Ints
    taken: Floats
    every: Flags
