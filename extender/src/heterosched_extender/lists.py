"""Lists of names that have been seen: what they mean on a roster, and the answer that passes them all on.

The scheduler asks about the same nodes again and again, each time in another order, and `/prioritize` repeats what
`/filter` has just answered. So a filter that turns nothing down answers with the set in the order of the roster, the
very same bytes each time, and the next call is known by how it ends. Everything is dropped when the nodes are numbered
anew.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from heterosched.policy.nodes import Roster
from heterosched_extender.candidates import Candidates, candidates_at, candidates_of
from heterosched_extender.names import NameIndex
from heterosched_extender.wire import Call, Split, decode_call, encode_names, filter_answer, tail_of

KEPT = 8
"""Lists, and sets, that are remembered."""

LONG = 8_000
"""Bytes of a list from which reading it as arrays is faster than name by name: some 700 names."""


@dataclass(frozen=True, eq=False, slots=True)
class Listed:
    """A list of names as it ends a body, what it means, and the answer to a filter that turns nothing down."""

    end: bytes
    candidates: Candidates
    passed: bytes


class Lists:
    """What is remembered of one roster at a time."""

    def __init__(self) -> None:
        self._roster = Roster.of(-1, ())
        self._index: NameIndex | None = None
        self._recent: deque[Listed] = deque(maxlen=KEPT)
        self._sets: OrderedDict[bytes, Listed | None] = OrderedDict()

    def ending(self, body: bytes, roster: Roster) -> Listed | None:
        """The remembered list with which the body ends."""
        self._align(roster)
        for listed in self._recent:
            if body.endswith(listed.end):
                return listed
        return None

    def read(self, body: bytes, split: Split | None, roster: Roster) -> tuple[Call, Candidates]:
        """The call and its candidates, without decoding the names where they need not be. Raises BadCall."""
        self._align(roster)
        if split is not None and len(split[2]) >= LONG:
            index = self._index = self._index or NameIndex(roster.names)
            rows = index.rows(split[2])
            if rows is not None:
                return Call(split[0], (), None, split[2], split[1]), candidates_at(rows, roster)
        call = decode_call(body, split)
        return call, candidates_of(call.names, roster)

    def passed(self, candidates: Candidates, names_json: bytes) -> Listed:
        """The answer that passes all candidates on: in the order of the roster from the second time on that a set is
        seen, because a set that never comes back is not worth its names being written anew.
        """
        self._align(candidates.roster)
        key = candidates.mask
        known = self._sets.get(key)
        if candidates.unknown or key not in self._sets:
            known = self.remember(names_json, candidates)
            if candidates.unknown:
                return known
            self._sets[key] = None
            if len(self._sets) > KEPT:
                self._sets.popitem(last=False)
        elif known is None:
            names = candidates.roster.names
            known = self.remember(encode_names(names[row] for row in candidates.rows.tolist()), candidates)
            self._sets[key] = known
        else:
            self._sets.move_to_end(key)
            if known not in self._recent:
                self._recent.appendleft(known)
        return known

    def remember(self, names_json: bytes, candidates: Candidates) -> Listed:
        """A list that is answered with: the next call will end with it."""
        self._align(candidates.roster)
        listed = Listed(tail_of(names_json), candidates, filter_answer(names_json, None))
        self._recent.appendleft(listed)
        return listed

    def _align(self, roster: Roster) -> None:
        if roster is not self._roster:
            self._roster, self._index = roster, None
            self._recent.clear()
            self._sets.clear()
