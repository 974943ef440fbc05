"""The hot path: a body in, an answer out. Everything slow has been done before, by those who swap `snapshot`.

A call that is no ExtenderArgs raises BadCall. Nothing else is raised to the caller of the ignorable verbs: whatever
goes wrong inside is logged, counted and answered neutrally. The strict filter may not be skipped, so there an error
stays one and the pod waits.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from heterosched.kube.convert import Problems
from heterosched.kube.objects import PodObject
from heterosched.policy.decide import Asked, reject, score
from heterosched.policy.nodes import Floats
from heterosched_extender.answers import Answers, all_zero
from heterosched_extender.asked import asked_of, hooked
from heterosched_extender.candidates import Candidates, candidates_of
from heterosched_extender.decisions import Decisions
from heterosched_extender.hints import Hints
from heterosched_extender.snapshot import Snapshot
from heterosched_extender.stats import Stats
from heterosched_extender.wire import Call, decode_call, decode_pod, encode_names, filter_answer, tail_of

logger = logging.getLogger(__name__)

REMEMBERED_LISTS = 8
"""Lists of names whose rows are kept: `/prioritize` repeats what `/filter` has just answered."""


class NotReady(Exception):
    """The strict filter was asked before the first sync, or failed: the pod must wait."""


@dataclass(frozen=True, slots=True)
class _Tail:
    """A list of names as it ends a body, and what it means on a roster."""

    end: bytes
    names_json: bytes
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class _Request:
    """A call whose names are rows already; `call` is None when the list of names was known."""

    pod: PodObject | None
    candidates: Candidates
    names_json: bytes
    call: Call | None


@dataclass(frozen=True, slots=True)
class _Last:
    """The pod that was asked about last: its text, and what it asked on that snapshot."""

    head: bytes
    pod: PodObject | None
    snapshot: Snapshot | None = None
    asked: Asked | None = None


class Service:
    """Answers the verbs. `clock` is epoch seconds; `snapshot` None until the first sync."""

    def __init__(self, decisions: Decisions, clock: Callable[[], float] = time.time) -> None:
        self.snapshot: Snapshot | None = None
        self.decisions = decisions
        self.hints = Hints()
        self.stats = Stats()
        self.problems = Problems()
        self._clock = clock
        self._answers = Answers()
        self._tails: deque[_Tail] = deque(maxlen=REMEMBERED_LISTS)
        self._last = _Last(b"", None)

    def filter(self, body: bytes, strict: bool = False) -> bytes:
        """Answer `/filter`. Raises BadCall; with `strict` also NotReady."""
        verb = "strict_filter" if strict else "filter"
        snapshot = self.snapshot
        if snapshot is not None:
            request = self._request(body, snapshot)
            try:
                return self._filter(request, snapshot, strict, verb)
            except Exception as error:
                self._failed(verb)
                if strict:
                    raise NotReady("the strict filter failed; see the extender's log") from error
        elif strict:
            raise NotReady("the extender has not seen the cluster yet")
        self.stats.neutral[verb] += 1
        return _pass_all(decode_call(body))

    def prioritize(self, body: bytes) -> bytes:
        """Answer `/prioritize`. Raises BadCall."""
        snapshot = self.snapshot
        if snapshot is not None:
            request = self._request(body, snapshot)
            try:
                return self._prioritize(request, snapshot)
            except Exception:
                self._failed("prioritize")
        self.stats.neutral["prioritize"] += 1
        return all_zero(decode_call(body).names)

    def _failed(self, verb: str) -> None:
        self.stats.errors[verb] += 1
        logger.exception("%s failed", verb)

    # --- what the call says -------------------------------------------------------------------------------------------

    def _request(self, body: bytes, snapshot: Snapshot) -> _Request:
        roster = snapshot.roster
        for tail in self._tails:
            if tail.candidates.roster is roster and body.endswith(tail.end):
                head = body[: -len(tail.end)]
                pod = self._last.pod if head == self._last.head else decode_pod(head)
                if pod is not None:
                    self._keep(head, pod)
                    return _Request(pod, tail.candidates, tail.names_json, None)
        call = decode_call(body)
        self._keep(call.head, call.pod)
        candidates = candidates_of(call.names, roster)
        if call.names_json:
            self._tails.appendleft(_Tail(tail_of(call.names_json), call.names_json, candidates))
        return _Request(call.pod, candidates, call.names_json, call)

    def _keep(self, head: bytes, pod: PodObject | None) -> None:
        if pod is not self._last.pod:
            self._last = _Last(head, pod)

    def _asked(self, pod: PodObject | None, snapshot: Snapshot, now: float) -> Asked | None:
        """What the pod asks. Both verbs ask about the same pod, mostly on the same snapshot: then it is known."""
        last = self._last
        if pod is None or pod is not last.pod or snapshot is not last.snapshot:
            asked = asked_of(pod, snapshot, self.problems)
            self._last = _Last(last.head if pod is last.pod else b"", pod, snapshot, asked)
        else:
            asked = last.asked
        return None if asked is None else hooked(asked, now)

    # --- filter -------------------------------------------------------------------------------------------------------

    def _filter(self, request: _Request, snapshot: Snapshot, strict: bool, verb: str) -> bytes:
        now = self._clock()
        asked = self._asked(request.pod, snapshot, now)
        candidates = request.candidates
        self.stats.candidates[verb] += len(candidates.rows) + len(candidates.unknown)
        if asked is None:
            self.stats.neutral[verb] += 1
            return self._passed(request, {}, snapshot)
        rejected = reject(snapshot, asked, candidates.rows, strict, now)
        self.stats.rejected[verb] += len(rejected)
        self.decisions.filtered(asked, snapshot, candidates, rejected, strict, now)
        return self._passed(request, rejected, snapshot)

    def _passed(self, request: _Request, rejected: dict[str, str], snapshot: Snapshot) -> bytes:
        call = request.call
        if call is not None and call.nodes is not None:
            return filter_answer(None, (raw for name, raw in call.nodes.items() if name not in rejected), rejected)
        if not rejected and request.names_json:
            return filter_answer(request.names_json, None)
        candidates = request.candidates
        known = [name for row in candidates.rows.tolist() if (name := snapshot.roster.names[row]) not in rejected]
        names = [*known, *candidates.unknown]
        names_json = encode_names(names)
        self._tails.appendleft(_Tail(tail_of(names_json), names_json, candidates_of(names, snapshot.roster)))
        return filter_answer(names_json, None, rejected)

    # --- prioritize ---------------------------------------------------------------------------------------------------

    def _prioritize(self, request: _Request, snapshot: Snapshot) -> bytes:
        now = self._clock()
        asked = self._asked(request.pod, snapshot, now)
        candidates, stats = request.candidates, self.stats
        stats.candidates["prioritize"] += len(candidates.rows) + len(candidates.unknown)
        if asked is None:
            stats.neutral["prioritize"] += 1
            names = [snapshot.roster.names[row] for row in candidates.rows.tolist()]
            return all_zero([*names, *candidates.unknown])
        hinted = self._hinted(snapshot, asked, now)
        scores = score(snapshot, asked.ask, candidates.rows, hinted, now)
        stats.decisions[asked.ask.row.name] += 1
        if asked.hook is not None and asked.hook.problem:
            stats.hook_failures[asked.hook.hook] += 1
        for term, weight in asked.ask.row.weights.items():
            if weight and scores.values.get(term) is None:
                stats.absent[term] += 1
        position = scores.best
        best = "" if position < 0 else snapshot.roster.names[candidates.rows[position]]
        if best:
            self.hints.advise(asked.uid, best, asked.ask.cores, now, snapshot.roster)
        self.decisions.scored(asked, snapshot, candidates, hinted, best, now)
        return self._answers.prioritize(candidates, scores.integers)

    def _hinted(self, snapshot: Snapshot, asked: Asked, now: float) -> Floats | None:
        if not snapshot.sensors:
            return None
        return self.hints.cores(now, snapshot.roster, asked.uid, asked.ask.row.hint_seconds)


def _pass_all(call: Call) -> bytes:
    """The neutral answer to a filter call: nothing is turned down."""
    if call.nodes is not None:
        return filter_answer(None, call.nodes.values())
    return filter_answer(call.names_json or encode_names(call.names), None)
