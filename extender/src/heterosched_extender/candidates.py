"""The nodes of a call as rows of the snapshot's arrays: what the decision code in core works on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from heterosched.policy.nodes import Ints, Roster


@dataclass(frozen=True, eq=False, slots=True)
class Candidates:
    """The nodes of a call: `rows` of the roster, ascending; `mask` the same packed; names that the roster lacks."""

    roster: Roster
    rows: Ints
    mask: bytes
    unknown: tuple[str, ...] = ()


def candidates_of(names: Sequence[str], roster: Roster) -> Candidates:
    """Number the names of a call; a name that was sent twice is one candidate."""
    index = roster.index
    unknown: tuple[str, ...] = ()
    try:
        at = np.fromiter(map(index.__getitem__, names), dtype=np.int64, count=len(names))
    except KeyError:
        at = np.array([index[name] for name in names if name in index], dtype=np.int64)
        unknown = tuple(dict.fromkeys(name for name in names if name not in index))
    return candidates_at(at, roster, unknown)


def candidates_at(at: Ints, roster: Roster, unknown: tuple[str, ...] = ()) -> Candidates:
    """The candidates of these rows, in any order and however often each."""
    flags = np.zeros(len(roster.names), dtype=np.bool_)
    flags[at] = True
    return Candidates(roster, np.flatnonzero(flags), np.packbits(flags).tobytes(), unknown)


def without(candidates: Candidates, names: Collection[str]) -> Candidates:
    """The candidates less those of these names."""
    if not names:
        return candidates
    out = np.array([row for row in candidates.roster.rows(names) if row >= 0], dtype=np.int64)
    left = np.setdiff1d(candidates.rows, out, assume_unique=True)
    return candidates_at(left, candidates.roster, tuple(name for name in candidates.unknown if name not in names))
