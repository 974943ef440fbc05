"""Pods that were just advised to a node and that telemetry cannot show yet.

Advice is no reservation: capacity is the scheduler's own business, and an advised pod may never be bound. Hints act on
the score term `load` alone, for `HINT_SECONDS`, and a pod that is asked about again replaces its own hint, so that
asking twice changes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from heterosched.policy.table import HINT_SECONDS
from heterosched.policy.terms import Floats
from heterosched_extender.snapshot import Roster


@dataclass(frozen=True, slots=True)
class Hint:
    """`cores` of a pod on `node`, advised at `at` (seconds of the same clock as the readers')."""

    node: str
    cores: float
    at: float


class Hints:
    """By pod UID, oldest first. Written and read by one event loop."""

    def __init__(self, ttl: float = HINT_SECONDS) -> None:
        self._ttl = ttl
        self._hints: OrderedDict[str, Hint] = OrderedDict()
        self._roster = Roster.of(0, ())
        self._sums: Floats = np.zeros(0)

    def __len__(self) -> int:
        return len(self._hints)

    def advise(self, uid: str, node: str, cores: float, now: float, roster: Roster) -> None:
        """The pod was advised to `node`; an earlier hint of the same pod no longer counts."""
        self._align(roster)
        self._remove(uid)
        self._hints[uid] = Hint(node, cores, now)
        self._add(node, cores)

    def bound(self, uid: str, node: str, roster: Roster) -> None:
        """The pod went to `node`, be it the advised one or another; its hint keeps its age."""
        hint = self._hints.get(uid)
        if hint is None or hint.node == node:
            return
        self._align(roster)
        self._add(hint.node, -hint.cores)
        self._hints[uid] = Hint(node, hint.cores, hint.at)
        self._add(node, hint.cores)

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._remove(uid)

    def cores(self, now: float, roster: Roster, but: str) -> Floats | None:
        """Hinted cores per node of the roster, without those of the pod `but`; None where there are none."""
        while self._hints:
            uid, hint = next(iter(self._hints.items()))
            if now - hint.at < self._ttl:
                break
            self._remove(uid)
        if not self._hints or (len(self._hints) == 1 and but in self._hints):
            return None
        self._align(roster)
        sums = self._sums.copy()
        own = self._hints.get(but)
        if own is not None and own.node in roster.index:
            sums[roster.index[own.node]] -= own.cores
        return np.maximum(sums, 0.0, out=sums)

    def _remove(self, uid: str) -> None:
        hint = self._hints.pop(uid, None)
        if hint is not None:
            self._add(hint.node, -hint.cores)

    def _add(self, node: str, cores: float) -> None:
        row = self._roster.index.get(node)
        if row is not None:
            self._sums[row] += cores

    def _align(self, roster: Roster) -> None:
        """Sum up anew when the nodes have been numbered anew."""
        if roster.key == self._roster.key:
            return
        self._roster, self._sums = roster, np.zeros(len(roster.names))
        for hint in self._hints.values():
            self._add(hint.node, hint.cores)
