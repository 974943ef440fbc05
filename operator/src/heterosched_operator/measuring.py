"""Energy of finished tasks and the state of telemetry, asked of Prometheus outside the loop that decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from heterosched.errors import Unavailable
from heterosched.kube.convert import demand_of, run_span
from heterosched.kube.objects import PodObject
from heterosched.telemetry.energy import EnergyMeter, PodRun
from heterosched.telemetry.settings import TelemetrySettings
from heterosched.telemetry.source import Prometheus
from heterosched_operator.world import AttemptKey, Energy, TelemetryState

logger = logging.getLogger(__name__)

SERIES = "count(DCGM_FI_DEV_POWER_USAGE)"
PATIENCE = 30.0
"""Seconds that a measurement may take in all before the estimate stands."""


class Meter:
    """Measures tasks in the background; `on_energy` and `on_state` are called in the event loop.

    Without an URL nothing is configured and nothing is asked. `delay` (seconds) lets the last samples come in; samples
    further apart than `gap` seconds do not cover a run.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        on_energy: Callable[[AttemptKey, Energy], None],
        on_state: Callable[[TelemetryState], None],
        *,
        delay: float,
        gap: float,
    ) -> None:
        self.configured = bool(settings.url)
        self._settings = settings
        self._on_energy, self._on_state = on_energy, on_state
        self._delay, self._gap = delay, gap
        self._under_way: dict[AttemptKey, asyncio.Task[None]] = {}

    def start(self, attempt: AttemptKey, pods: Sequence[PodObject]) -> None:
        """Measure the pods of a finished attempt, unless that is under way already."""
        if attempt not in self._under_way:
            task = asyncio.create_task(self._measure(attempt, pods), name=f"energy {attempt}")
            self._under_way[attempt] = task
            task.add_done_callback(lambda _: self._under_way.pop(attempt, None))

    async def _measure(self, attempt: AttemptKey, pods: Sequence[PodObject]) -> None:
        """The sum over the pods that hold GPUs; no figure where one of them was not measured, or none holds a GPU."""
        energy = Energy(None)
        runs = [run for pod in pods if (run := run_of(pod)) is not None]
        try:
            if runs and len(runs) == len(pods) and all(run.gpus > 0 for run in runs):
                await asyncio.sleep(self._delay)
                async with asyncio.timeout(PATIENCE):
                    energy = await self._sum(runs)
        except (Unavailable, TimeoutError) as error:
            logger.info("energy of task %s: %s; estimated instead", attempt[1], error)
        self._on_energy(attempt, energy)

    async def _sum(self, runs: Sequence[PodRun]) -> Energy:
        meter = EnergyMeter.at(self._settings, self._gap)
        found = await asyncio.gather(*(meter.measure(run) for run in runs))
        joules = [measurement.joules for measurement in found if measurement is not None]
        return Energy(sum(joules)) if len(joules) == len(runs) else Energy(None)

    async def run(self) -> None:
        """Look at Prometheus again and again; ends only by cancellation."""
        if not self.configured:
            return
        while True:
            self._on_state(await asyncio.to_thread(self._look))
            await asyncio.sleep(self._settings.interval)

    def _look(self) -> TelemetryState:
        prometheus = Prometheus(self._settings)
        try:
            if prometheus.query(SERIES):
                return TelemetryState(True, True)
            return TelemetryState(True, False, "Prometheus has no series of the DCGM exporter")
        except Unavailable:
            return TelemetryState(True, False, f"Prometheus at {self._settings.url} does not answer")
        finally:
            prometheus.close()


def run_of(pod: PodObject) -> PodRun | None:
    """When and where a finished pod ran; None where that is not known."""
    span = run_span(pod)
    if span is None or not pod.spec.node_name:
        return None
    metadata = pod.metadata
    return PodRun(metadata.namespace, metadata.name, pod.spec.node_name, *span, gpus=demand_of(pod).gpus)
