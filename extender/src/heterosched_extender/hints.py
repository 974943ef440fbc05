"""Pods that were just advised to a node and that telemetry cannot show yet.

Advice is no reservation: capacity is the scheduler's own business, and an advised pod may never be bound. Hints act on
the score term `load` alone, for as long as the policy of the pod that is being scheduled says (`hint_seconds`), and a
pod that is asked about again replaces its own hint, so that asking twice changes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from heterosched.policy.nodes import Floats, Roster
from heterosched.policy.table import BUILT_IN, DEFAULT


@dataclass(frozen=True, slots=True)
class Hint:
    """`cores` of a pod on `node`, advised at `at` (seconds of the same clock as the readers')."""

    node: str
    cores: float
    at: float


class Hints:
    """By pod UID, oldest first, for policies of all terms: one running sum per `hint_seconds` that is in use.

    Written and read by one event loop.
    """

    def __init__(self) -> None:
        usual = BUILT_IN[DEFAULT].hint_seconds
        self._windows: dict[float, _Window] = {usual: _Window(usual)}

    def __len__(self) -> int:
        return max(len(window.hints) for window in self._windows.values())

    def advise(self, uid: str, node: str, cores: float, now: float, roster: Roster) -> None:
        """The pod was advised to `node`; an earlier hint of the same pod no longer counts."""
        for window in self._windows.values():
            window.put(uid, Hint(node, cores, now), roster)

    def bound(self, uid: str, node: str, roster: Roster) -> None:
        """The pod went to `node`, be it the advised one or another; its hint keeps its age."""
        for window in self._windows.values():
            window.move(uid, node, roster)

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for window in self._windows.values():
            window.remove(uid)

    def cores(self, now: float, roster: Roster, but: str, seconds: float) -> Floats | None:
        """Cores hinted in the last `seconds`, per node of the roster, without those of the pod `but`; None where there
        are none. The array is to be read before the next change, and not to be written to.
        """
        window = self._windows.get(seconds) or self._open(seconds, roster)
        return window.cores(now, roster, but)

    def _open(self, seconds: float, roster: Roster) -> _Window:
        """A policy with another term: what the longest window still knows counts for it too."""
        longest = self._windows[max(self._windows)]
        window = self._windows[seconds] = _Window(seconds)
        for uid, hint in longest.hints.items():
            window.put(uid, hint, roster)
        return window


class _Window:
    """The hints of the last `seconds` and their sums by node."""

    def __init__(self, seconds: float) -> None:
        self.hints: OrderedDict[str, Hint] = OrderedDict()
        self._seconds = seconds
        self._roster = Roster.of(0, ())
        self._sums: Floats = np.zeros(0)

    def put(self, uid: str, hint: Hint, roster: Roster) -> None:
        self._align(roster)
        self.remove(uid)
        self._expire(hint.at)  # nobody may ask this window again
        self.hints[uid] = hint
        self._add(hint.node, hint.cores)

    def move(self, uid: str, node: str, roster: Roster) -> None:
        hint = self.hints.get(uid)
        if hint is None or hint.node == node:
            return
        self._align(roster)
        self._add(hint.node, -hint.cores)
        self.hints[uid] = Hint(node, hint.cores, hint.at)
        self._add(node, hint.cores)

    def remove(self, uid: str) -> None:
        hint = self.hints.pop(uid, None)
        if hint is not None:
            self._add(hint.node, -hint.cores)

    def cores(self, now: float, roster: Roster, but: str) -> Floats | None:
        self._expire(now)
        if not self.hints or (len(self.hints) == 1 and but in self.hints):
            return None
        self._align(roster)
        own = self.hints.get(but)
        if own is None or own.node not in roster.index:
            return self._sums
        sums, row = self._sums.copy(), roster.index[own.node]
        sums[row] = max(0.0, sums[row] - own.cores)
        return sums

    def _expire(self, now: float) -> None:
        while self.hints:
            uid, hint = next(iter(self.hints.items()))
            if now - hint.at < self._seconds:
                break
            self.remove(uid)

    def _add(self, node: str, cores: float) -> None:
        row = self._roster.index.get(node)
        if row is not None:
            self._sums[row] = max(0.0, self._sums[row] + cores)  # differences of floats may come out below nothing

    def _align(self, roster: Roster) -> None:
        """Sum up anew when the nodes have been numbered anew."""
        if roster.key == self._roster.key:
            return
        self._roster, self._sums = roster, np.zeros(len(roster.names))
        for hint in self.hints.values():
            self._add(hint.node, hint.cores)
