"""What was decided, kept for a while: enough of each call to decide it again, not the explanation itself.

The verbs are pure, so a record is the snapshot (shared between records), the pod's wishes and the set of candidates as
a bit mask; the text is worked out when somebody asks. The store is bounded in bytes and in age, oldest first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from heterosched.policy.decide import Asked, Case
from heterosched.policy.nodes import Floats, Ints
from heterosched.policy.zone_arrays import Reserved
from heterosched_extender.candidates import Candidates
from heterosched_extender.snapshot import Snapshot, rows_of

_RECORD_BYTES = 2000
"""About what a record's own objects take (the pod's names, its figures, the dict entries)."""

_PER_REJECTED = 150


@dataclass(slots=True)
class Record:
    """The last calls for one pod. `filtered_at`, `scored_at`: epoch seconds, 0 where that verb was not called.

    `rejected` are the nodes that `/filter` turned down, `unknown` those that the snapshot lacked. `hints` holds the
    candidates' rows with hinted cores, and these. `advised` is the best node ("": no preference), `bound` where the pod
    went. `strict`: the filter that may not be skipped was asked too. `reserved`: NUMA zones that other pods under way
    hold.
    """

    asked: Asked
    snapshot: Snapshot
    mask: bytes
    unknown: tuple[str, ...]
    rejected: Mapping[str, str]
    filtered_at: float = 0.0
    scored_at: float = 0.0
    hints: tuple[Ints, Floats] | None = None
    advised: str = ""
    bound: str = ""
    strict: bool = False
    reserved: Reserved | None = None

    @property
    def at(self) -> float:
        """When the latest call came."""
        return max(self.filtered_at, self.scored_at)

    @property
    def nbytes(self) -> int:
        """Roughly what the record keeps alive by itself."""
        hints = 0 if self.hints is None else sum(part.nbytes for part in self.hints)
        zones = 0 if self.reserved is None else self.reserved.rows.nbytes + self.reserved.taken.nbytes
        return _RECORD_BYTES + len(self.mask) + _PER_REJECTED * len(self.rejected) + hints + zones

    def case(self) -> Case:
        """The decision with everything that it depended on."""
        snapshot = self.snapshot
        rows = rows_of(self.mask, len(snapshot.nodes))
        if self.rejected:
            rows = rows[[snapshot.roster.names[row] not in self.rejected for row in rows.tolist()]]
        return Case(
            snapshot,
            self.asked,
            rows,
            self.rejected,
            self.unknown,
            self.strict,
            self.filtered_at,
            self.scored_at,
            self._hinted(),
            self.bound,
            self.reserved,
        )

    def _hinted(self) -> Floats | None:
        if self.hints is None:
            return None
        cores = np.zeros(len(self.snapshot.nodes))
        cores[self.hints[0]] = self.hints[1]
        return cores


def sparse(hinted: Floats | None, rows: Ints) -> tuple[Ints, Floats] | None:
    """Those of `rows` that have a nonzero entry, and these entries; None where there is none."""
    if hinted is None:
        return None
    there = rows[hinted[rows] != 0.0]
    return (there, hinted[there]) if len(there) else None


def _left_by(old: Record, candidates: Candidates) -> bool:
    """Whether the candidates are what the call of `old` left over: none of those that it turned down."""
    turned_down = np.array(candidates.roster.rows(old.rejected), dtype=np.int64)
    return not np.isin(candidates.rows, turned_down).any()


class Decisions:
    """Records by pod UID, oldest first. `limit_bytes` and `limit_seconds` bound it; written by one event loop."""

    def __init__(self, limit_bytes: float, limit_seconds: float) -> None:
        self._limit_bytes, self._limit_seconds = limit_bytes, limit_seconds
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._snapshots: dict[int, int] = {}
        self._parts: dict[int, int] = {}
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._records)

    def filtered(
        self,
        asked: Asked,
        snapshot: Snapshot,
        candidates: Candidates,
        rejected: Mapping[str, str],
        strict: bool,
        now: float,
    ) -> None:
        """`/filter` was answered. Of two entries the second is asked about the nodes that the first one left.

        kube-scheduler asks the ignorable one last, whatever their order in its configuration (1.36, scheduler.go).
        """
        rejected = {node: str(why) for node, why in rejected.items()}
        old = self._take(asked.uid)
        if old is not None and not old.scored_at and old.strict != strict and _left_by(old, candidates):
            rejected, strict = {**old.rejected, **rejected}, True
        record = Record(asked, snapshot, candidates.mask, candidates.unknown, rejected, filtered_at=now, strict=strict)
        self._put(record, now)

    def scored(
        self,
        asked: Asked,
        snapshot: Snapshot,
        candidates: Candidates,
        hints: tuple[Ints, Floats] | None,
        advised: str,
        now: float,
        reserved: Reserved | None = None,
    ) -> None:
        """`/prioritize` was answered; `advised` is the (first) best node, `hints` is what `sparse` made of them."""
        old = self._take(asked.uid)
        record = Record(
            asked,
            snapshot,
            candidates.mask,
            candidates.unknown,
            {} if old is None else old.rejected,
            filtered_at=0.0 if old is None else old.filtered_at,
            scored_at=now,
            hints=hints,
            advised=advised,
            reserved=reserved,
            strict=False if old is None else old.strict,
        )
        self._put(record, now)

    def bound(self, uid: str, node: str) -> str:
        """The pod was seen bound to `node`; returns the node that it was advised to, "" where it was none."""
        record = self._records.get(uid)
        if record is None:
            return ""
        record.bound = node
        return record.advised

    def of_pod(self, name: str, namespace: str | None = None) -> Record | None:
        """The newest record of a pod of this name, in one namespace or in any."""
        for record in reversed(self._records.values()):
            if record.asked.name == name and namespace in (None, record.asked.namespace):
                return record
        return None

    def latest(self, limit: int) -> Iterator[Record]:
        """The newest records first, at most `limit`."""
        for count, record in enumerate(reversed(self._records.values())):
            if count >= limit:
                return
            yield record

    def seen(self, uid: str) -> float | None:
        """When a call for this pod was last answered; None where there is no record."""
        record = self._records.get(uid)
        return None if record is None else record.at

    def expire(self, now: float) -> None:
        """Drop what is too old or too much."""
        while self._records:
            uid, record = next(iter(self._records.items()))
            if self.nbytes <= self._limit_bytes and now - record.at <= self._limit_seconds:
                return
            self._take(uid)

    def _put(self, record: Record, now: float) -> None:
        self._records[record.asked.uid] = record
        shared = self._snapshots.get(record.snapshot.version, 0)
        self._snapshots[record.snapshot.version] = shared + 1
        self.nbytes += record.nbytes + (0 if shared else self._kept(record.snapshot))
        self.expire(now)

    def _take(self, uid: str) -> Record | None:
        record = self._records.pop(uid, None)
        if record is None:
            return None
        left = self._snapshots[record.snapshot.version] - 1
        self.nbytes -= record.nbytes + (0 if left else self._let_go(record.snapshot))
        if left:
            self._snapshots[record.snapshot.version] = left
        else:
            del self._snapshots[record.snapshot.version]
        return record

    def _kept(self, snapshot: Snapshot) -> int:
        """Bytes that are kept alive from now on; parts that another snapshot holds already count once."""
        more = 0
        for part, size in snapshot.parts():
            holders = self._parts.get(id(part), 0)
            self._parts[id(part)] = holders + 1
            more += 0 if holders else size
        return more

    def _let_go(self, snapshot: Snapshot) -> int:
        """Bytes that nothing here keeps alive any more."""
        less = 0
        for part, size in snapshot.parts():
            holders = self._parts.pop(id(part)) - 1
            if holders:
                self._parts[id(part)] = holders
            else:
                less += size
        return less
