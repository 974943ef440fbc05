"""What the service holds of a call: the call with its names as rows, the pod asked about last, and scores."""

from __future__ import annotations

from dataclasses import dataclass

from heterosched.kube.objects import PodObject
from heterosched.policy.decide import Asked, Scores
from heterosched.policy.nodes import Floats, Ints
from heterosched.policy.zone_arrays import Reserved
from heterosched_extender.candidates import Candidates
from heterosched_extender.lists import Listed
from heterosched_extender.snapshot import Snapshot
from heterosched_extender.wire import Call


@dataclass(frozen=True, slots=True)
class Request:
    """A call whose names are rows already: `listed` where their list was known, else `call`."""

    pod: PodObject | None
    candidates: Candidates
    listed: Listed | None
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Last:
    """The pod that was asked about last: its text, and what it asked on that snapshot."""

    head: bytes
    pod: PodObject | None
    snapshot: Snapshot | None = None
    asked: Asked | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """The scores of a pod as of `at` (epoch seconds), everything that they depended on, and the answer."""

    asked: Asked
    snapshot: Snapshot
    candidates: Candidates
    at: float
    hints: tuple[Ints, Floats] | None
    reserved: Reserved | None
    scores: Scores
    answer: bytes

    def answers(self, asked: Asked, snapshot: Snapshot, candidates: Candidates) -> bool:
        """Whether that is what is asked now. A pod that may hold zones is scored anew, for others may have come."""
        same = self.asked is asked and self.snapshot is snapshot and self.candidates.mask == candidates.mask
        return same and self.candidates.unknown == candidates.unknown and self.reserved is None
