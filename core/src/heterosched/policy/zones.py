"""The term `numa` and the predicate of `Required`: how much of a pod the best NUMA zone of each node holds.

A pod that a zone holds as a whole is admitted under every Topology Manager policy and scope, and aligned under all but
`none` (see `heterosched.model.topology`). Which zone the kubelet will take is its own business: what pods hold that the
topology does not show yet is counted in every zone that could hold them, so no choice of the kubelet can spoil the
result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from heterosched.model.topology import (
    CLAIMED,
    CLAIMS_UNALIGNED,
    NOT_KNOWN,
    POLICIES,
    PROMISING,
    UNALIGNED,
    Need,
    no_promise,
    too_full,
    too_small,
)
from heterosched.policy.zone_arrays import Flags, Floats, Ints, Reserved, ZoneArrays

NONE: Final = POLICIES.index("none")
RESTRICTED: Final = POLICIES.index("restricted")
FIRST_PROMISING: Final = POLICIES.index(PROMISING[0])
UNKNOWN: Final = -1


def shares(zones: ZoneArrays, need: Need, rows: Ints, reserved: Reserved | None = None) -> Floats:
    """The largest share of the need that one zone of each node `rows` has free, 0..1; 1: it holds all of it.

    The scarcest resource counts. Where a pod may start in any zone (`Need.roams`) the fullest zone counts instead. Says
    nothing about nodes whose zones are not known.
    """
    every = zones.every[rows] | need.roams
    here = mine = np.zeros(0, dtype=np.int64)
    if reserved is not None:
        _, here, mine = np.intersect1d(rows, reserved.rows, assume_unique=True, return_indices=True)
        every[here] |= reserved.every[mine]
    held = np.ones((zones.free.shape[1], len(rows)))
    for resource, amount in need.amounts.items():
        number = zones.resources.get(resource)
        if number is None:
            continue
        free = zones.free[number][:, rows]
        if reserved is not None:
            free[:, here] -= reserved.taken[number][mine]
        np.minimum(held, free / amount, out=held)
    found: Floats = np.maximum(held.max(axis=0, initial=0.0), 0.0)
    if every.any():
        least = np.where(_exists(zones, rows), held, 1.0).min(axis=0, initial=1.0)
        found = np.where(every, np.maximum(least, 0.0), found)
    return found


def large_enough(zones: ZoneArrays, need: Need, rows: Ints) -> Flags:
    """Whether a zone of each node `rows` (every one, where the pod roams) is large enough, however full it is."""
    large = _exists(zones, rows)
    for resource, amount in need.amounts.items():
        number = zones.resources.get(resource)
        if number is not None:
            large &= zones.size[number][:, rows] >= amount
    count = large.sum(axis=0)
    found: Flags = (count == zones.count[rows]) if need.roams else (count > 0)
    return found


def _exists(zones: ZoneArrays, rows: Ints) -> Flags:
    found: Flags = np.arange(zones.size.shape[1])[:, None] < zones.count[rows]
    return found


def numa(zones: ZoneArrays | None, need: Need, rows: Ints, reserved: Reserved | None = None) -> Floats | None:
    """How well the pod can be aligned on each node: 1 where the kubelet puts it into one zone.

    0 where the kubelet would refuse it. Where it admits it all the same (best-effort; restricted, if no zone is large
    enough): the share that the best zone holds, the rest counted by its nearness (distance within a zone / between
    zones). A kubelet that aligns nothing (none), and devices by claim, hit the best zone by chance, one in as many as
    there are. Absent where the topology is not known or old, or nothing of the pod is aligned.
    """
    if zones is None or not need:
        return None
    share = shares(zones, need, rows, reserved)
    policy, count = zones.policy[rows], zones.count[rows]
    spread = share + (1.0 - share) * zones.near[rows]
    own, claims = need.by_kubelet(), CLAIMED in need.amounts
    fits = shares(zones, own, rows, reserved) >= 1.0 if claims else share >= 1.0
    spans = (policy == RESTRICTED) & ~large_enough(zones, own, rows)
    value = np.where((policy == NONE) | claims, spread / np.maximum(count, 1), spread)
    value[~fits & (policy >= FIRST_PROMISING) & ~spans] = 0.0
    value[(count == 0) | zones.old[rows]] = np.nan
    return None if np.isnan(value).all() else value


def refusals(
    zones: ZoneArrays | None, need: Need, rows: Ints, reserved: Reserved | None
) -> Iterator[tuple[Ints, str, bool]]:
    """Nodes among `rows` that cannot be relied upon to run the pod within one zone, by reason.

    True where the zones are merely full: then evicting pods would help.
    """
    if not need or CLAIMED in need.amounts or zones is None:
        yield rows, CLAIMS_UNALIGNED if CLAIMED in need.amounts else NOT_KNOWN if need else UNALIGNED, False
        return
    known, policy = zones.count[rows] > 0, zones.policy[rows]
    large, promised = large_enough(zones, need, rows), policy >= FIRST_PROMISING
    full = shares(zones, need, rows, reserved) < 1.0
    yield rows[~known], NOT_KNOWN, False
    for number in range(FIRST_PROMISING):
        yield rows[policy == number], no_promise(POLICIES[number]), False
    yield rows[promised & ~large], too_small(need), False
    left = rows[promised & large & full]
    for unshown in np.unique(zones.unshown[left]).tolist():
        yield left[zones.unshown[left] == unshown], too_full(need, unshown), True
