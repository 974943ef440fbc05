"""NUMA zones in a record of a decision: null stands for an amount without bound, and for a time that is not known."""

from __future__ import annotations

import msgspec
import numpy as np

from heterosched.errors import InvalidInput
from heterosched.policy.zone_arrays import Floats, Reserved, ZoneArrays

Grid = list[list[list[float | None]]]


class _Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Camel case, as everywhere in our JSON."""


class Zones(_Wire, frozen=True, kw_only=True):
    """`ZoneArrays`; `size` and `free` by resource, zone, node."""

    resources: tuple[str, ...]
    size: Grid
    free: Grid
    count: list[int]
    policy: list[int]
    near: list[float]
    unshown: list[int]
    old: list[bool]
    every: list[bool]
    updated: list[float | None]


class Held(_Wire, frozen=True, kw_only=True):
    """`Reserved`; `taken` by resource, node of `rows`."""

    rows: list[int]
    taken: list[list[float]]
    every: list[bool]


def zones_of(arrays: ZoneArrays | None) -> Zones | None:
    """The arrays as they are written."""
    if arrays is None:
        return None
    return Zones(
        resources=tuple(arrays.resources),
        size=arrays.size.tolist(),
        free=arrays.free.tolist(),
        count=arrays.count.tolist(),
        policy=arrays.policy.tolist(),
        near=arrays.near.tolist(),
        unshown=arrays.unshown.tolist(),
        old=arrays.old.tolist(),
        every=arrays.every.tolist(),
        updated=arrays.updated.tolist(),
    )


def held_of(reserved: Reserved | None) -> Held | None:
    """What is reserved as it is written."""
    return (
        None
        if reserved is None
        else Held(rows=reserved.rows.tolist(), taken=reserved.taken.tolist(), every=reserved.every.tolist())
    )


def arrays_of(zones: Zones | None) -> ZoneArrays | None:
    """The arrays as they were."""
    if zones is None:
        return None
    return ZoneArrays(
        resources={name: number for number, name in enumerate(zones.resources)},
        size=_grid(zones.size),
        free=_grid(zones.free),
        count=np.array(zones.count, dtype=np.int64),
        policy=np.array(zones.policy, dtype=np.int64),
        near=np.array(zones.near, dtype=np.float64),
        unshown=np.array(zones.unshown, dtype=np.int64),
        old=np.array(zones.old, dtype=np.bool_),
        every=np.array(zones.every, dtype=np.bool_),
        updated=np.array([np.nan if at is None else at for at in zones.updated], dtype=np.float64),
    )


def reserved_of(held: Held | None) -> Reserved | None:
    """What was reserved."""
    if held is None:
        return None
    return Reserved(
        np.array(held.rows, dtype=np.int64),
        np.array(held.taken, dtype=np.float64).reshape(-1, len(held.rows)),
        np.array(held.every, dtype=np.bool_),
    )


def check_zones(zones: Zones | None, held: Held | None, nodes: int, name: str) -> None:
    """Raises InvalidInput where the zones of the record `name` do not add up for so many nodes."""
    if zones is None:
        return
    remedy = "take the record anew"
    for field in ("count", "policy", "near", "unshown", "old", "every", "updated"):
        if (length := len(getattr(zones, field))) != nodes:
            raise InvalidInput(name, f"zones.{field}", f"has {length} entries for {nodes} nodes", remedy)
    most = max(zones.count, default=0)
    for field, grid in (("zones.size", zones.size), ("zones.free", zones.free)):
        if not _even(grid, len(zones.resources), nodes, most):
            raise InvalidInput(name, field, f"is not {len(zones.resources)} x {most} or more x {nodes}", remedy)
    if held is not None:
        lengths = [len(held.taken), *(len(line) for line in held.taken), len(held.every)]
        if lengths != [len(zones.resources), *[len(held.rows)] * (len(zones.resources) + 1)]:
            raise InvalidInput(name, "reserved", f"does not fit {len(held.rows)} rows", remedy)


def _even(grid: Grid, resources: int, nodes: int, most: int) -> bool:
    depths = {len(plane) for plane in grid}
    return (
        len(grid) == resources
        and len(depths) <= 1
        and min(depths, default=most) >= most
        and all(len(line) == nodes for plane in grid for line in plane)
    )


def _grid(grid: Grid) -> Floats:
    bounded = [[[np.inf if value is None else value for value in line] for line in plane] for plane in grid]
    return np.array(bounded, dtype=np.float64)
