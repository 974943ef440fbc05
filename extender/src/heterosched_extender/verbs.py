"""The two verbs as pure functions of a snapshot: which candidates must not take the pod, and how good the others are.

They do no I/O, take no lock, read no clock, and leave nothing behind: the scheduler may ask twice, ask for a pod that
is never bound, or throw the answer away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heterosched.policy.score import integers, weigh
from heterosched.policy.terms import Floats, Ints, Signals, runs_on, term_values
from heterosched_extender.asked import Asked
from heterosched_extender.snapshot import Roster, Snapshot


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
    flags = np.zeros(len(roster.names), dtype=np.bool_)
    flags[at] = True
    return Candidates(roster, np.flatnonzero(flags), np.packbits(flags).tobytes(), unknown)


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """Of the candidates' rows, in their order: the terms, their weighted mean (NaN: no term), the integers 0..10."""

    values: Mapping[str, Floats | None]
    raw: Floats
    integers: Ints

    @property
    def best(self) -> int:
        """Position of the (first) best candidate; -1 where no term says anything."""
        return int(self.integers.argmax()) if len(self.integers) and self.integers.any() else -1


def prioritize(
    snapshot: Snapshot, asked: Asked, rows: Ints, hinted: Floats | None, now: float, every: bool = False
) -> Scores:
    """Score the nodes `rows`; `every` also evaluates the terms that the policy gives no weight (for explanations)."""
    signals = snapshot.signals(now, asked.ask.row.max_age_seconds, hinted)
    values = term_values(asked.ask, snapshot.nodes, signals, rows, every)
    raw = weigh(values, asked.ask.row.weights, len(rows))
    return Scores(values, raw, integers(raw))


def reject(snapshot: Snapshot, asked: Asked, rows: Ints, strict: bool, now: float) -> dict[str, str]:
    """Nodes of `rows` that must not take the pod, with the reason; evicting pods would cure none of them.

    Always: a device type that the plan does not allow (behind the required node affinity, in case a template lost it).
    `strict` adds what only a call that cannot be skipped may promise: GPUs at their limit, NUMA alignment.
    """
    found: dict[str, str] = {}
    if asked.allowed:
        _reject_devices(snapshot, asked, rows, found)
    if strict:
        if asked.numa_required:
            _reject_without_topology(snapshot, rows, found)
        if asked.ask.gpus > 0:
            signals = snapshot.signals(now, asked.ask.row.max_age_seconds)
            _reject_hot(snapshot, signals, asked.ask.row.limit_celsius, rows, found)
    return found


def _reject_devices(snapshot: Snapshot, asked: Asked, rows: Ints, found: dict[str, str]) -> None:
    nodes, names = snapshot.nodes, snapshot.roster.names
    known = dict.fromkeys(asked.allowed, 0.0)
    allowed = np.array(
        [runs_on(device, asked.ask.gpus, known) in asked.allowed for device in nodes.devices], dtype=np.bool_
    )
    if allowed.all():
        return
    permitted = ", ".join(sorted(asked.allowed))
    for row in rows[~allowed[nodes.device[rows]]].tolist():
        found[names[row]] = f"offers {nodes.devices[nodes.device[row]]}, the plan allows {permitted}"


def _reject_without_topology(snapshot: Snapshot, rows: Ints, found: dict[str, str]) -> None:
    for row in rows.tolist():
        found.setdefault(snapshot.roster.names[row], "NUMA alignment is required and the node's topology is not known")


def _reject_hot(snapshot: Snapshot, signals: Signals, limit: float, rows: Ints, found: dict[str, str]) -> None:
    names = snapshot.roster.names
    if signals.throttling is not None:
        for row in rows[signals.throttling[rows] > 0].tolist():
            found.setdefault(names[row], "a GPU throttles for heat or power")
    if signals.temperature is not None:
        for row in rows[signals.temperature[rows] >= limit].tolist():
            found.setdefault(
                names[row], f"a GPU is at {signals.temperature[row]:.0f} degrees Celsius, the limit is {limit:.0f}"
            )
