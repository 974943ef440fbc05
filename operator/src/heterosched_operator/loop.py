"""The one loop: whatever happens marks the world as changed; after a short pause all jobs are planned together, each is
reconciled, and what is to be done is carried out beside the loop. One job at a time has at most one decision under way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from heterosched.planning.types import JobPlan, job_key
from heterosched_operator.actions import Action, PatchStatus
from heterosched_operator.advice import planned
from heterosched_operator.blocked import after_a_failed_decision
from heterosched_operator.events import events_of
from heterosched_operator.executor import Executor
from heterosched_operator.gangs import bind_clocks
from heterosched_operator.metrics import Metrics
from heterosched_operator.reconcile import Advice, reconcile
from heterosched_operator.settings import Settings
from heterosched_operator.sight import Observation
from heterosched_operator.store import Store
from heterosched_operator.world import World

logger = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0


class Loop:
    """Plans and reconciles for ever. `clock` gives epoch seconds; `mark()` asks for another round.

    `last_round`: when (monotonic seconds) a round last succeeded; rounds that only fail are no sign of life.
    """

    def __init__(self, store: Store, metrics: Metrics, settings: Settings, clock: Callable[[], float]) -> None:
        self._store, self._metrics, self._settings, self._clock = store, metrics, settings, clock
        self._dirty = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._touched: dict[str, int] = {}
        self._delays: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self._wake_at: float | None = None
        self._plans: dict[str, JobPlan] = {}
        self.executor: Executor | None = None
        self.last_round, self.running = time.monotonic(), False

    def mark(self) -> None:
        """Something has changed."""
        self._dirty.set()

    async def run(self) -> None:
        """Round after round; ends only by cancellation. A failed round is logged and the next one comes."""
        self.last_round, self.running = time.monotonic(), True
        while True:
            self._dirty.clear()
            try:
                await self._round()
                self.last_round = time.monotonic()
            except Exception:
                self._metrics.errors.inc()
                logger.exception("a round failed; the next one comes")
                await asyncio.sleep(1.0)
            pause = self._settings.replan_seconds
            if self._wake_at is not None:
                pause = min(pause, max(0.01, self._wake_at - self._clock()))
            # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._dirty.wait()
            await asyncio.sleep(self._settings.debounce_seconds)

    async def stop(self) -> None:
        """Let what is being carried out end."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=5.0)

    async def _round(self) -> None:
        """Decide on one picture of the world; deciding takes a thread, so that the watches go on meanwhile."""
        began = time.perf_counter()
        world = replace(self._store.world(self._clock()), plans=self._plans)
        touched = dict(self._touched)
        observations, advices, unreadable = await asyncio.to_thread(planned, world)
        self._plans = {job_key(own.job): advices[uid].plan for uid, own in observations.items() if not own.finished}
        for trouble in unreadable.values():
            logger.error("%s; it is left alone", trouble)
        self._store.releases = bind_clocks(world.releases, observations.values(), world.now)
        moments = [self._decide(uid, own, world, advices[uid], touched) for uid, own in observations.items()]
        self._wake_at = min((moment for moment in moments if moment is not None), default=None)
        self._metrics.rounds.observe(time.perf_counter() - began)
        self._metrics.jobs.set(sum(1 for own in observations.values() if not own.finished))
        self._metrics.age.set(self._store.age())
        self._metrics.forbidden.clear()
        for path, error in self._store.refused().items():
            self._metrics.forbidden.labels(path, error.reason or "Refused").set(1)

    def _decide(
        self, uid: str, observation: Observation, world: World, advice: Advice, touched: dict[str, int]
    ) -> float | None:
        """Reconcile a job, unless a decision for it is under way or has been since the picture was taken."""
        if uid in self._under_way or self._touched.get(uid, 0) != touched.get(uid, 0):
            return None
        held = self._not_before.get(uid, 0.0)
        if held > world.now:
            return held
        try:
            decision = reconcile(observation, world, advice)
        except Exception as error:
            self._metrics.errors.inc()
            logger.exception("%s: cannot be decided on; the other jobs go on", observation.job.label)
            self._back_off(uid)
            self._tell(uid, observation, error, world)
            return self._not_before[uid]
        self._start(uid, observation, decision.actions)
        return decision.wake_at

    def _tell(self, uid: str, observation: Observation, error: Exception, world: World) -> None:
        """Say in the job's status that nothing can be decided for it: a log line alone helps nobody who waits."""
        status = after_a_failed_decision(observation, error, world.now)
        if status != observation.status:
            actions: tuple[Action, ...] = (PatchStatus(status), *events_of(observation.status, status))
            self._start(uid, observation, actions, settles=False)

    def _start(self, uid: str, observation: Observation, actions: tuple[Action, ...], *, settles: bool = True) -> None:
        """Carry out beside the loop; success ends the job's back-off only where it `settles` something."""
        if actions and self.executor is not None:
            self._touched[uid] = self._touched.get(uid, 0) + 1
            carrying = self._carry(uid, self.executor.carry_out(observation.job, actions), settles)
            self._under_way[uid] = asyncio.create_task(carrying, name=observation.job.key)
            self._metrics.busy.set(len(self._under_way))

    async def _carry(self, uid: str, carrying: Awaitable[bool], settles: bool) -> None:
        try:
            done = await carrying
        except Exception:
            self._metrics.errors.inc()
            logger.exception("a decision could not be carried out")
            done = False
        finally:
            del self._under_way[uid]
            # A picture taken while this was under way shows only half of it.
            self._touched[uid] = self._touched.get(uid, 0) + 1
            self._metrics.busy.set(len(self._under_way))
        if done and settles:
            self._delays.pop(uid, None)
        elif not done:
            self._back_off(uid)
        self.mark()

    def _back_off(self, uid: str) -> None:
        delay = self._delays.get(uid, FIRST_DELAY)
        self._delays[uid] = min(2 * delay, LONGEST_DELAY)
        self._not_before[uid] = self._clock() + delay
