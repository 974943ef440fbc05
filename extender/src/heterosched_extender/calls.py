"""What a call says: its names as rows, its pod and what that asks; and what the service holds of its answer."""

from __future__ import annotations

from dataclasses import dataclass

from heterosched.kube.convert import Problems
from heterosched.kube.objects import PodObject
from heterosched.policy.decide import Asked, Scores
from heterosched.policy.nodes import Floats, Ints
from heterosched.policy.zone_arrays import Reserved
from heterosched_extender.asked import asked_of, hooked
from heterosched_extender.candidates import Candidates
from heterosched_extender.lists import Listed, Lists
from heterosched_extender.snapshot import Snapshot
from heterosched_extender.wire import Call, decode_pod, split_call


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


@dataclass(frozen=True, eq=False, slots=True)
class Told:
    """A pod for which a filter has passed on nothing but the best nodes."""

    uid: str
    best: Candidates

    def covers(self, uid: str, candidates: Candidates) -> bool:
        """Whether these candidates of the pod are just those: there is nothing left to decide."""
        best = self.best
        same = self.uid == uid and best.roster is candidates.roster and best.mask == candidates.mask
        return same and not candidates.unknown


class Calls:
    """Reads calls. Both verbs ask about the same pod, mostly on the same snapshot: it is read once."""

    def __init__(self, lists: Lists, problems: Problems) -> None:
        self._lists, self._problems = lists, problems
        self._last = Last(b"", None)

    def request(self, body: bytes, snapshot: Snapshot) -> Request:
        """The call of a body. Raises BadCall."""
        roster = snapshot.roster
        listed = self._lists.ending(body, roster)
        if listed is not None:
            head = body[: -len(listed.end)]
            pod = self._last.pod if head == self._last.head else decode_pod(head)
            if pod is not None:
                self._keep(head, pod)
                return Request(pod, listed.candidates, listed)
        call, candidates = self._lists.read(body, split_call(body), roster)
        self._keep(call.head, call.pod)
        return Request(call.pod, candidates, None, call)

    def asked(self, pod: PodObject | None, snapshot: Snapshot, now: float) -> Asked | None:
        """What the pod asks at `now` (epoch seconds); None where it is not ours."""
        last = self._last
        if pod is None or pod is not last.pod or snapshot is not last.snapshot:
            asked = asked_of(pod, snapshot, self._problems)
            self._last = Last(last.head if pod is last.pod else b"", pod, snapshot, asked)
        else:
            asked = last.asked
        return None if asked is None else hooked(asked, now)

    def _keep(self, head: bytes, pod: PodObject | None) -> None:
        if pod is not self._last.pod:
            self._last = Last(head, pod)
