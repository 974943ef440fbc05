"""Pods that were sent to nodes and that the picture of the cluster does not show bound yet: they hold NUMA zones too.

A pod that passed the strict filter may go to any node that passed; one that was scored goes to the best; one that was
seen bound goes where it is bound, until a picture shows it there. Capacity is the scheduler's own business, zones are
not: it knows none. Asking about a pod again replaces what it held.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from heterosched.model.topology import Need
from heterosched.policy.nodes import Floats, Ints, Roster
from heterosched.policy.zone_arrays import Reserved, ZoneArrays

LONGEST_BINDING_SECONDS: Final = 660.0
"""A pod with one node to go to that is not bound there after this long was not bound at all: kube-scheduler gives
volumes ten minutes (`bindTimeoutSeconds` of its plug-in VolumeBinding).
"""

LONGEST_CHOICE_SECONDS: Final = 120.0
"""Choosing one of several nodes takes a moment; after this long nothing came of it."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """Where a pod may go: `rows` of `roster`. `shown_in`: the first snapshot that shows it bound; 0: not bound yet."""

    need: Need
    roster: Roster
    rows: Ints
    at: float
    shown_in: int = 0


class Pending:
    """By pod UID, oldest first. Written and read by one event loop."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, _Sent] = OrderedDict()
        self._bound: dict[str, int] = {}
        self._choosing: OrderedDict[str, float] = OrderedDict()
        self._resources: Mapping[str, int] = {}
        self._roster = Roster.of(0, ())
        self._sums: Floats = np.zeros((0, 0))
        self._counts: Ints = np.zeros(0, dtype=np.int64)
        self._roaming: Ints = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._sent)

    def send(self, uid: str, need: Need, rows: Ints, roster: Roster, now: float) -> None:
        """The pod may go to any of these nodes (epoch seconds `now`)."""
        self.forget(uid)
        sent = self._sent[uid] = _Sent(need, roster, rows, now)
        if len(rows) > 1:
            self._choosing[uid] = now
        self._add(sent, 1)

    def bound(self, uid: str, node: str, version: int) -> None:
        """The pod was seen bound to `node`; the snapshot after that of `version` will show it."""
        sent = self._sent.get(uid)
        if sent is None:
            return
        self._add(sent, -1)
        row = sent.roster.index.get(node)
        rows = np.array([] if row is None else [row], dtype=np.int64)
        moved = self._sent[uid] = replace(sent, rows=rows, shown_in=version + 1)
        self._bound[uid] = version + 1
        self._choosing.pop(uid, None)
        self._add(moved, 1)

    def forget(self, uid: str) -> None:
        """The pod is gone, or no node took it."""
        sent = self._sent.pop(uid, None)
        self._bound.pop(uid, None)
        self._choosing.pop(uid, None)
        if sent is not None:
            self._add(sent, -1)

    def reserved(self, zones: ZoneArrays, roster: Roster, version: int, asking: str, now: float) -> Reserved | None:
        """What pods hold that the snapshot `version` does not show; None where there are none.

        The pod `asking` holds nothing any more: it is being scheduled anew.
        """
        for uid in [uid for uid, shown_in in self._bound.items() if shown_in <= version]:
            self.forget(uid)
        self._expire(now)
        self.forget(asking)
        if not self._sent:
            return None
        self._align(zones, roster)
        rows = np.flatnonzero(self._counts)
        return Reserved(rows, self._sums[:, rows], self._roaming[rows] > 0) if len(rows) else None

    def _expire(self, now: float) -> None:
        while self._choosing:
            uid, at = next(iter(self._choosing.items()))
            if now - at < LONGEST_CHOICE_SECONDS:
                break
            self.forget(uid)
        while self._sent:
            uid, oldest = next(iter(self._sent.items()))
            if now - oldest.at < LONGEST_BINDING_SECONDS:
                break
            self.forget(uid)

    def _align(self, zones: ZoneArrays, roster: Roster) -> None:
        """Sum up anew when nodes or resources have been numbered anew."""
        if roster is self._roster and zones.resources == self._resources:
            return
        self._roster, self._resources = roster, zones.resources
        nodes = len(roster.names)
        self._sums = np.zeros((len(zones.resources), nodes))
        self._counts, self._roaming = np.zeros(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
        for uid, sent in self._sent.items():
            if sent.roster is not roster:
                names = [sent.roster.names[row] for row in sent.rows.tolist()]
                rows = np.array([row for row in roster.rows(names) if row >= 0], dtype=np.int64)
                sent = self._sent[uid] = replace(sent, roster=roster, rows=rows)
            self._add(sent, 1)

    def _add(self, sent: _Sent, sign: int) -> None:
        if sent.roster is not self._roster:
            return
        for resource, amount in sent.need.amounts.items():
            number = self._resources.get(resource)
            if number is not None:
                self._sums[number, sent.rows] += sign * amount
        self._counts[sent.rows] += sign
        self._roaming[sent.rows] += sign * sent.need.roams
