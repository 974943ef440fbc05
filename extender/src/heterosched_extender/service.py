"""The hot path: a body in, an answer out. Everything slow has been done before, by those who swap `snapshot`.

A call that is no ExtenderArgs raises BadCall. Nothing else is raised to the caller of the ignorable verbs: whatever
goes wrong inside is logged, counted and answered neutrally. The strict filter may not be skipped, so there an error
stays one and the pod waits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

import numpy as np

from heterosched.kube.convert import Problems
from heterosched.model import NO_TELEMETRY, Telemetry
from heterosched.model.topology import NOT_KNOWN
from heterosched.policy.decide import Asked, Curable, reject, score
from heterosched.policy.nodes import Floats
from heterosched.policy.score import MAX_SCORE
from heterosched.policy.zone_arrays import Reserved
from heterosched_extender.answers import Answers, all_zero
from heterosched_extender.asked import asked_of
from heterosched_extender.calls import Calls, Request, Scored, Told
from heterosched_extender.candidates import Candidates, candidates_at, candidates_of, without
from heterosched_extender.decisions import Decisions, sparse
from heterosched_extender.hints import Hints
from heterosched_extender.lists import Lists
from heterosched_extender.pending import Pending
from heterosched_extender.preemption import PreemptionCall, Victims, decode_preemption, preemption_answer
from heterosched_extender.snapshot import Snapshot
from heterosched_extender.stats import Stats
from heterosched_extender.wire import Call, decode_call, encode_names, filter_answer

logger = logging.getLogger(__name__)


class NotReady(Exception):
    """The strict filter was asked before the first sync, or failed: the pod must wait."""


class Service:
    """Answers the verbs. `clock` is epoch seconds; `snapshot` None until the first sync. `telemetry_due`: telemetry is
    read, and the snapshot has none yet. `readings`: the latest collection, for people: decisions read the snapshot.
    """

    def __init__(self, decisions: Decisions, clock: Callable[[], float] = time.time) -> None:
        self.snapshot: Snapshot | None = None
        self.telemetry_due = False
        self.readings: Telemetry = NO_TELEMETRY
        self.decisions = decisions
        self.hints = Hints()
        self.pending = Pending()
        self.stats = Stats()
        self.problems = Problems()
        self._clock = clock
        self._answers = Answers()
        self._lists = Lists()
        self._calls = Calls(self._lists, self.problems)
        self._todo: tuple[Asked, Snapshot, Candidates] | None = None
        self._ahead: Scored | None = None
        self._told: Told | None = None

    def filter(self, body: bytes, strict: bool = False, narrow: bool = False) -> bytes:
        """Answer `/filter`. Raises BadCall; with `strict` also NotReady. `narrow`: pass on only nodes that can win."""
        verb = "strict_filter" if strict else "filter"
        if strict:
            self._must_see()
        snapshot = self.snapshot
        if snapshot is not None:
            request = self._calls.request(body, snapshot)
            try:
                return self._filter(request, snapshot, strict, narrow, verb)
            except Exception as error:
                self._failed(verb)
                if strict:
                    raise NotReady("the strict filter failed; see the extender's log") from error
        self.stats.neutral[verb] += 1
        return _pass_all(decode_call(body))

    def prioritize(self, body: bytes) -> bytes:
        """Answer `/prioritize`. Raises BadCall."""
        snapshot = self.snapshot
        if snapshot is not None:
            request = self._calls.request(body, snapshot)
            try:
                return self._prioritize(request, snapshot)
            except Exception:
                self._failed("prioritize")
        self.stats.neutral["prioritize"] += 1
        return all_zero(decode_call(body).names)

    def preempt(self, body: bytes, strict: bool = False) -> bytes:
        """Answer `/preempt`. Raises BadCall; with `strict` also NotReady."""
        verb = "strict_preempt" if strict else "preempt"
        if strict:
            self._must_see()
        call = decode_preemption(body)
        snapshot = self.snapshot
        if snapshot is not None:
            try:
                return preemption_answer(self._preempt(call, snapshot, strict, verb))
            except Exception as error:
                self._failed(verb)
                if strict:
                    raise NotReady("the strict preemption failed; see the extender's log") from error
        self.stats.neutral[verb] += 1
        return preemption_answer(call.nodes)

    def _must_see(self) -> None:
        """What must not be skipped is not decided blindly after a start. Raises NotReady."""
        if self.snapshot is None:
            raise NotReady("the extender has not seen the cluster yet")
        if self.telemetry_due:
            raise NotReady("the extender has not heard from Prometheus yet")

    def _failed(self, verb: str) -> None:
        self.stats.errors[verb] += 1
        logger.exception("%s failed", verb)

    # --- filter -------------------------------------------------------------------------------------------------------

    def _filter(self, request: Request, snapshot: Snapshot, strict: bool, narrow: bool, verb: str) -> bytes:
        now = self._clock()
        asked = self._calls.asked(request.pod, snapshot, now)
        candidates = request.candidates
        self.stats.candidates[verb] += len(candidates.rows) + len(candidates.unknown)
        if asked is None:
            self.stats.neutral[verb] += 1
            return self._passed(request, {}, snapshot)
        self._todo = self._told = None
        rejected = reject(snapshot, asked, candidates.rows, strict, now, self._reserved(snapshot, asked, now))
        if strict and asked.numa_required:
            rejected.update(dict.fromkeys(candidates.unknown, NOT_KNOWN))
        self._send_on(asked, snapshot, candidates, rejected, strict, now)
        self.stats.rejected[verb] += len(rejected)
        self.decisions.filtered(asked, snapshot, candidates, rejected, strict, now)
        if narrow:
            left = without(candidates, rejected)
            best = self._winners(asked, snapshot, left, now)
            if best is not None and (left.unknown or best.mask != left.mask):
                return self._pass_best(request, best, rejected)
        elif not rejected and len(candidates.rows) > 1:
            self._todo = asked, snapshot, candidates
        return self._passed(request, rejected, snapshot)

    def _winners(self, asked: Asked, snapshot: Snapshot, left: Candidates, now: float) -> Candidates | None:
        """Those of the nodes that score highest; None where no term says anything. This is the decision: the call to
        `/prioritize` that follows where they are several is about them alone.

        The weight of the plain entry makes one step of ours outweigh all scorers of the scheduler together, so no other
        node could be chosen, and it need not spend its time on them.
        """
        scored = self._scored(asked, snapshot, left, now)
        if scored.scores.best < 0:
            return None
        self._advise(scored)
        integers = scored.scores.integers
        best = candidates_at(left.rows[integers == integers.max()], snapshot.roster)
        self._told = Told(asked.uid, best)
        return best

    def _pass_best(self, request: Request, best: Candidates, rejected: Mapping[str, str]) -> bytes:
        names = [best.roster.names[row] for row in best.rows.tolist()]
        call = request.call
        if call is not None and call.nodes is not None:
            return filter_answer(None, (call.nodes[name] for name in names), rejected)
        names_json = encode_names(names)
        self._lists.remember(names_json, best)
        return filter_answer(names_json, None, rejected)

    def _reserved(self, snapshot: Snapshot, asked: Asked, now: float) -> Reserved | None:
        """What other pods under way hold of NUMA zones, where the pod has a use for zones."""
        if snapshot.zones is None or not asked.ask.need:
            return None
        return self.pending.reserved(snapshot.zones, snapshot.roster, snapshot.version, asked.uid, now)

    def _send_on(
        self,
        asked: Asked,
        snapshot: Snapshot,
        candidates: Candidates,
        rejected: Mapping[str, str],
        strict: bool,
        now: float,
    ) -> None:
        """Remember where a pod may go that holds zones: a single node is not scored, and scores may get lost."""
        rows = candidates.rows
        if (
            snapshot.zones is None
            or not asked.ask.need
            or not (strict or asked.numa_required or len(rows) - len(rejected) == 1)
        ):
            return
        self.pending.send(asked.uid, asked.ask.need, without(candidates, rejected).rows, snapshot.roster, now)

    def _passed(self, request: Request, rejected: Mapping[str, str], snapshot: Snapshot) -> bytes:
        call, candidates = request.call, request.candidates
        if call is not None and call.nodes is not None:
            return filter_answer(None, (raw for name, raw in call.nodes.items() if name not in rejected), rejected)
        if not rejected and (request.listed is not None or (call is not None and call.names_json)):
            listed = request.listed or self._lists.passed(candidates, call.names_json if call is not None else b"")
            return listed.passed
        names, left = snapshot.roster.names, without(candidates, rejected)
        names_json = encode_names([*(names[row] for row in left.rows.tolist()), *left.unknown])
        self._lists.remember(names_json, left)
        return filter_answer(names_json, None, rejected)

    # --- preempt ------------------------------------------------------------------------------------------------------

    def _preempt(self, call: PreemptionCall, snapshot: Snapshot, strict: bool, verb: str) -> Mapping[str, Victims]:
        """The nodes on which evicting the victims may help: not those that are turned down whoever is evicted, and not
        those where something is taken and nobody is to be evicted.
        """
        now = self._clock()
        asked = asked_of(call.pod, snapshot, self.problems)
        self.stats.candidates[verb] += len(call.nodes)
        if asked is None:
            self.stats.neutral[verb] += 1
            return call.nodes
        candidates = candidates_of(tuple(call.nodes), snapshot.roster)
        rejected = reject(snapshot, asked, candidates.rows, strict, now, self._reserved(snapshot, asked, now))
        if strict and asked.numa_required:
            rejected.update(dict.fromkeys(candidates.unknown, NOT_KNOWN))
        left = {
            node: victims
            for node, victims in call.nodes.items()
            if (why := rejected.get(node)) is None or (isinstance(why, Curable) and victims.uids)
        }
        self.stats.rejected[verb] += len(call.nodes) - len(left)
        return left

    # --- prioritize ---------------------------------------------------------------------------------------------------

    def _prioritize(self, request: Request, snapshot: Snapshot) -> bytes:
        now = self._clock()
        asked = self._calls.asked(request.pod, snapshot, now)
        candidates, stats = request.candidates, self.stats
        stats.candidates["prioritize"] += len(candidates.rows) + len(candidates.unknown)
        if asked is None:
            stats.neutral["prioritize"] += 1
            names = [snapshot.roster.names[row] for row in candidates.rows.tolist()]
            return all_zero([*names, *candidates.unknown])
        if self._told is not None and self._told.covers(asked.uid, candidates):
            return self._answers.prioritize(candidates, np.full(len(candidates.rows), MAX_SCORE))
        scored = self._ahead
        if scored is None or not scored.answers(asked, snapshot, candidates):
            scored = self._scored(asked, snapshot, candidates, now)
        self._ahead = None
        self._advise(scored)
        return scored.answer

    def _advise(self, scored: Scored) -> None:
        """The scores are what the scheduler is told: count, remember and record them."""
        asked, snapshot, candidates, at = scored.asked, scored.snapshot, scored.candidates, scored.at
        self.stats.scored(asked, scored.scores)
        position = scored.scores.best
        best = "" if position < 0 else snapshot.roster.names[candidates.rows[position]]
        if best:
            self.hints.advise(asked.uid, best, asked.ask.cores, at, snapshot.roster)
            self.stats.advised(asked.ask, snapshot.nodes.devices[snapshot.nodes.device[candidates.rows[position]]])
        if snapshot.zones is not None and asked.ask.need:
            rows = candidates.rows if position < 0 else candidates.rows[position : position + 1]
            self.pending.send(asked.uid, asked.ask.need, rows, snapshot.roster, at)
        self.decisions.scored(asked, snapshot, candidates, scored.hints, best, at, scored.reserved)

    def _scored(self, asked: Asked, snapshot: Snapshot, candidates: Candidates, now: float) -> Scored:
        hinted = self._hinted(snapshot, asked, now)
        reserved = self._reserved(snapshot, asked, now)
        scores = score(snapshot, asked.ask, candidates.rows, hinted, now, reserved=reserved)
        answer = self._answers.prioritize(candidates, scores.integers)
        return Scored(asked, snapshot, candidates, now, sparse(hinted, candidates.rows), reserved, scores, answer)

    def think_ahead(self) -> None:
        """Score the pod that was filtered last, while the scheduler reads what it was told: its next call is for that.

        Only what the call itself would do again comes of it: nothing is remembered, counted or recorded before it.
        """
        todo, self._todo = self._todo, None
        if todo is None or todo[1] is not self.snapshot:
            return
        try:
            self._ahead = self._scored(*todo, self._clock())
        except Exception:
            logger.debug("scoring ahead failed; the call itself will tell", exc_info=True)

    def _hinted(self, snapshot: Snapshot, asked: Asked, now: float) -> Floats | None:
        if not snapshot.sensors:
            return None
        return self.hints.cores(now, snapshot.roster, asked.uid, asked.ask.row.hint_seconds)


def _pass_all(call: Call) -> bytes:
    """The neutral answer to a filter call: nothing is turned down."""
    if call.nodes is not None:
        return filter_answer(None, call.nodes.values())
    return filter_answer(call.names_json or encode_names(call.names), None)
