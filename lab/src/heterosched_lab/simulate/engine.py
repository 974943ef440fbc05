"""The simulator: from event to event, or from round to round, asking a scheduler what to stop and start.

Rounds follow Gavel's simulator (Narayanan et al., OSDI 2020; its `scheduler.py`, function `simulate`): a job that ends
within a round completes at that very time, yet its devices wait for the round's end; a round that has nothing left to
run ends with its last job; after an idle spell the next round begins with the next arrival. That simulator charges
nothing for a switch; here `Conditions.switch_seconds` is paid at every start but a job's first.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from heterosched_lab.simulate.inputs import sealed, trace_of
from heterosched_lab.simulate.log import Broken, Cause, Log, log_of
from heterosched_lab.simulate.reported import Reported, blur
from heterosched_lab.simulate.state import State, Status, well_formed
from heterosched_lab.simulate.types import (
    Action,
    Conditions,
    Ints,
    Scheduler,
    SimJob,
    SimNode,
    Start,
    Stop,
    View,
    Waking,
)

SAME_TIME = 1e-6
"""Seconds: a job that ends this little after a round's end ends with the round; rounding must not cost it another."""
UNDISTURBED = Conditions()
"""Free switches, true estimates, prompt telemetry, nodes that never fail."""
RUNNING, WAITING = int(Status.RUNNING), int(Status.WAITING)
"""As plain numbers: comparing an array with a member of an enumeration takes ten times as long."""
PATIENCE = 1000
"""Rounds that a scheduler may leave everything idle, with jobs waiting and nothing to come, before the run fails."""


class Progress(Protocol):
    """What the run tells of how far it is: jobs that are finished, of all that arrive."""

    def start(self, what: str, total: int) -> None:
        """A new bar of `total` steps."""
        ...

    def step(self, count: int = 1) -> None:
        """So many steps are done."""
        ...


def simulate(
    jobs: Sequence[SimJob],
    nodes: Sequence[SimNode],
    scheduler: Scheduler,
    conditions: Conditions = UNDISTURBED,
    seed: int = 0,
    progress: Progress | None = None,
) -> Log:
    """Run the jobs under the scheduler; the same arguments give the same log, bit by bit. Schedulers remember what they
    have seen, so each run takes one of its own.

    Raises InvalidInput (jobs, nodes or conditions that cannot be simulated) and Broken (the scheduler raised, broke a
    rule or stalls). Ctrl-C ends the run early: the log is then `partial` and holds what happened until then.
    """
    return _Run(jobs, nodes, scheduler, conditions, seed, progress).log()


class _Run:
    def __init__(
        self,
        jobs: Sequence[SimJob],
        nodes: Sequence[SimNode],
        scheduler: Scheduler,
        conditions: Conditions,
        seed: int,
        progress: Progress | None,
    ) -> None:
        self._scheduler = scheduler
        self._conditions, self._seed, self._progress = conditions, seed, progress
        if not 0 <= scheduler.round_seconds < math.inf:
            raise Broken(scheduler.name, f"its rounds take {scheduler.round_seconds!r} s")
        self._trace = trace_of(jobs, nodes, conditions)
        jobs, nodes = self._jobs, self._nodes = sealed(jobs), tuple(nodes)
        rejected = set(self._trace.rejected)
        self._order = [int(job) for job in self._trace.order if int(job) not in rejected]
        self._begin = min((jobs[job].arrival for job in self._order), default=0.0)
        estimating, reporting = np.random.default_rng(seed).spawn(2)
        self._estimates = self._trace.seconds * blur(conditions.noise, self._trace.seconds.shape, estimating)
        reported = Reported(nodes, conditions, self._begin, reporting)
        in_rounds = scheduler.round_seconds > 0
        self._state = State(jobs, nodes, self._trace, conditions, reported, scheduler.name, in_rounds)
        self._losses = sorted(
            [(loss.start, True, loss.node) for loss in conditions.losses]
            + [(loss.finish, False, loss.node) for loss in conditions.losses if loss.finish < math.inf]
        )
        self._now, self._arrived, self._turned, self._left = self._begin, 0, 0, len(self._order)
        self._last = self._begin
        self._idle_rounds = 0
        self._decisions: list[float] = []
        self._ended = "done"

    def log(self) -> Log:
        """Run until the end and answer the log."""
        if self._progress is not None:
            self._progress.start(f"simulate {self._scheduler.name}", self._left)
        try:
            self._loop()
        except KeyboardInterrupt:
            self._ended = "interrupted"
        return log_of(
            self._state.stretches,
            scheduler=self._scheduler.name,
            round_seconds=self._scheduler.round_seconds,
            seed=self._seed,
            span=(self._begin, self._now if self._ended in ("until", "interrupted") else self._last),
            decisions=self._decisions,
            rejected=self._trace.rejected,
            ended=self._ended,
        )

    def _loop(self) -> None:
        advance = self._one_round if self._state.in_rounds else self._one_event
        if self._begin >= self._conditions.until:
            self._left, self._ended = 0, "until"
        while self._left:
            self._happen(self._now)
            self._state.settle(self._now)
            self._arrive()
            if self._left and self._anyone():
                self._decide()
            if not self._left or not advance():
                return

    def _anyone(self) -> bool:
        return bool(self._state.open) or bool(len(self._waiting()))

    def _waiting(self) -> Ints:
        return np.flatnonzero(self._state.status == WAITING)

    def _one_event(self) -> bool:
        """On to the next event; False where the run ends."""
        at = min(self._next_arrival(), self._next_finish(), self._next_turn())
        if at == math.inf:
            self._stranded_or_stalled()
            return False
        wakes = self._scheduler.wakes() if isinstance(self._scheduler, Waking) else math.inf
        return self._on_to(wakes if self._now < wakes < at else at)

    def _one_round(self) -> bool:
        """Through a round to its end; False where the run ends."""
        ends = self._now + self._scheduler.round_seconds
        if not self._state.open:
            return self._idle_round(ends)
        while self._state.open:
            at = min(self._next_finish(), self._next_turn())
            if at > min(ends + SAME_TIME, self._conditions.until):
                break
            self._now = max(self._now, at)
            self._happen(at)
        return self._on_to(max(ends, self._now) if self._state.open else self._now)

    def _idle_round(self, ends: float) -> bool:
        """Nothing runs: the next round begins with what comes next, or after its time where jobs wait."""
        comes = min(self._next_arrival(), self._next_turn())
        if not len(self._waiting()):
            return self._on_to(comes) if comes < math.inf else False
        if comes == math.inf:
            self._idle_rounds += 1
            if self._idle_rounds > PATIENCE:
                self._stranded_or_stalled()
                return False
        return self._on_to(min(comes, ends))

    def _on_to(self, at: float) -> bool:
        if at > self._conditions.until:
            self._now, self._ended = self._conditions.until, "until"
            return False
        self._now = at
        return True

    def _stranded_or_stalled(self) -> None:
        waiting = self._waiting()
        if not len(waiting):
            return
        if not self._state.down:
            first = self._jobs[int(waiting[0])].name
            problem = f"leaves {len(waiting)} jobs waiting ({first} first) on an idle cluster, and nothing is to come"
            raise self._state.broken(problem, self._now)
        self._ended = "stranded"

    def _next_arrival(self) -> float:
        return self._jobs[self._order[self._arrived]].arrival if self._arrived < len(self._order) else math.inf

    def _next_turn(self) -> float:
        return self._losses[self._turned][0] if self._turned < len(self._losses) else math.inf

    def _next_finish(self) -> float:
        finishes, stretches = self._state.finishes, self._state.stretches
        while finishes and stretches[finishes[0][1]].cause is not Cause.OPEN:
            heapq.heappop(finishes)
        return finishes[0][0] if finishes else math.inf

    def _happen(self, until: float) -> None:
        """Finishes and losses up to a time, in their order; a job that finishes as its node is lost has finished."""
        while True:
            finish, turn = self._next_finish(), self._next_turn()
            if min(finish, turn) > until:
                return
            if finish <= turn:
                stretch = self._state.stretches[heapq.heappop(self._state.finishes)[1]]
                self._state.finish(stretch, finish)
                self._left, self._last = self._left - 1, max(self._last, finish)
                if self._progress is not None:
                    self._progress.step()
            else:
                _, down, node = self._losses[self._turned]
                self._turned += 1
                self._last = max(self._last, turn) if self._left else self._last
                (self._state.lose if down else self._state.restore)(node, turn)

    def _arrive(self) -> None:
        while self._next_arrival() <= self._now:
            job = self._order[self._arrived]
            self._state.status[job] = Status.WAITING
            self._arrived += 1

    def _decide(self) -> None:
        self._decisions.append(self._now)
        view = self._view()
        try:
            actions = list(self._scheduler.decide(view))
        except Broken:
            raise
        except Exception as error:
            problem = f"it raised {type(error).__name__}: {error}"
            raise self._state.broken(problem, self._now) from error
        if actions:
            self._idle_rounds = 0
            self._apply(actions)

    def _apply(self, actions: Sequence[Action]) -> None:
        """Stops first, then starts. A job that is stopped and started on the same nodes has never stopped."""
        if not all(map(well_formed, actions)):
            raise self._state.broken("answers something that is neither Start nor Stop", self._now)
        stops = Counter(action.job for action in actions if isinstance(action, Stop))
        starts = [action for action in actions if isinstance(action, Start)]
        again = [(index, own) for index, own in enumerate(starts) if stops[own.job] == 1 and self._stays(own)]
        stay = {own.job: (index, own) for index, own in reversed(again)}
        same = {job for job, (_, own) in stay.items() if self._state.open[job].cap == own.cap}
        before = {}
        for job, count in stops.items():
            if job not in same:
                before[job] = self._state.stop(job, self._now)
                if count > 1:
                    self._state.stop(job, self._now)
        for job, (_, own) in sorted(stay.items()):
            if job not in same:
                self._state.start(own, self._now, before[job])
        gone = {index for index, _ in stay.values()}
        for index, own in enumerate(starts):
            if index not in gone:
                self._state.start(own, self._now)

    def _stays(self, action: Start) -> bool:
        stretch = self._state.open.get(action.job)
        return stretch is not None and sorted(stretch.nodes) == sorted(action.nodes)

    def _view(self) -> View:
        state, now = self._state, self._now
        running, waiting = np.flatnonzero(state.status == RUNNING), self._waiting()
        done, served = state.shares_at(running, now)
        return View(
            now=now,
            jobs=self._jobs,
            nodes=self._nodes,
            devices=self._trace.devices,
            active=_fixed(np.sort(np.concatenate((running, waiting)))),
            running=_fixed(running),
            waiting=_fixed(waiting),
            done=_fixed(done),
            started=_fixed(state.started.copy()),
            free=_fixed(state.fleet.free.copy()),
            placed=MappingProxyType({job: stretch.nodes for job, stretch in state.open.items()}),
            estimates=_fixed(self._estimates),
            telemetry_watts=_fixed(state.reported.at(now)),
            lost=frozenset(state.down),
            served=_fixed(served),
            room=_fixed(state.fleet.room.copy()),
            first=_fixed(state.fleet.first),
            held=MappingProxyType({job: stretch.devices for job, stretch in state.open.items()}),
        )


def _fixed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A scheduler that writes into what it is shown fails, instead of changing the world."""
    array.setflags(write=False)
    return array
