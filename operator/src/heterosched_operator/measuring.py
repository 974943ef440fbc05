"""Energy of finished tasks and the state of telemetry, asked of Prometheus outside the loop that decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from heterosched.errors import Unavailable
from heterosched.kube.convert import demand_of, moment, run_span
from heterosched.kube.objects import PodObject
from heterosched.model import DeviceTable, DeviceType, Node
from heterosched.telemetry.energy import KEPLER, EnergyMeter, PodRun
from heterosched.telemetry.settings import TelemetrySettings
from heterosched.telemetry.source import Prometheus
from heterosched_operator.world import AttemptKey, Energy, TelemetryState

logger = logging.getLogger(__name__)

SERIES = "count(DCGM_FI_DEV_POWER_USAGE)"
PODS_CPUS = " or ".join(f"count({metric})" for metric, _, _ in KEPLER)
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
        self._cpus = False
        self._under_way: dict[AttemptKey, asyncio.Task[None]] = {}

    def start(self, attempt: AttemptKey, runs: Sequence[PodRun | None]) -> None:
        """Measure the runs of a finished attempt (None: not known), unless that is under way already."""
        if attempt not in self._under_way:
            task = asyncio.create_task(self._measure(attempt, runs), name=f"energy {attempt}")
            self._under_way[attempt] = task
            task.add_done_callback(lambda _: self._under_way.pop(attempt, None))

    async def _measure(self, attempt: AttemptKey, given: Sequence[PodRun | None]) -> None:
        """The sum over the pods; no figure where one of them was not measured. Pods without GPUs need Kepler."""
        energy = Energy(None)
        runs = [run for run in given if run is not None and (run.gpus > 0 or self._cpus)]
        try:
            if runs and len(runs) == len(given):
                await asyncio.sleep(self._delay)
                async with asyncio.timeout(PATIENCE):
                    energy = await self._sum(runs)
        except (Unavailable, TimeoutError) as error:
            logger.info("energy of task %s: %s; estimated instead", attempt[1], error)
        except Exception:  # without a figure of some kind the job would never be complete
            logger.exception("energy of task %s: not measured; estimated instead", attempt[1])
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
            self._cpus = bool(prometheus.query(PODS_CPUS))
            if prometheus.query(SERIES):
                return TelemetryState(True, True)
            return TelemetryState(True, False, "Prometheus has no series of the DCGM exporter")
        except Unavailable:
            return TelemetryState(True, False, f"Prometheus at {self._settings.url} does not answer")
        finally:
            prometheus.close()


def runs_of(
    pods: Iterable[PodObject],
    everybody: Iterable[PodObject],
    nodes: Mapping[str, Node],
    devices: DeviceTable,
    now: float,
) -> list[PodRun | None]:
    """When and where each finished pod ran; None where that is not known.

    `everybody`: all pods, by whom it is told what else ran on its node's GPUs. A pod that was deleted before the run
    ended is not among them, so its part counts as idle or, if it used its GPUs, as the pod's own.
    """
    ended = list(pods)
    at = {pod.spec.node_name for pod in ended} - {""}
    rivals = [pod for pod in everybody if pod.spec.node_name in at and demand_of(pod).gpus > 0]
    found = []
    for pod in ended:
        node = nodes.get(pod.spec.node_name)
        found.append(_run_of(pod, rivals, None if node is None else devices.whole(node.device), now))
    return found


def _run_of(pod: PodObject, rivals: Sequence[PodObject], device: DeviceType | None, now: float) -> PodRun | None:
    span = run_span(pod)
    if span is None or not pod.spec.node_name:
        return None
    metadata, seconds = pod.metadata, span[1] - span[0]
    there = (own for own in rivals if own.spec.node_name == pod.spec.node_name and own.metadata.uid != metadata.uid)
    held = sum(_overlap(own, span, now) * demand_of(own).gpus for own in there)
    return PodRun(
        metadata.namespace,
        metadata.name,
        pod.spec.node_name,
        *span,
        gpus=demand_of(pod).gpus,
        others=held / seconds if seconds > 0 and device is not None else None,
        idle_watts=device.idle_watts if device is not None else 0.0,
    )


def _overlap(pod: PodObject, span: tuple[float, float], now: float) -> float:
    """Seconds of the span in which another pod held its devices: from its start on, until all its containers ended."""
    started = moment(pod.status.start_time, f"Pod {pod.key}")
    if started is None:
        return 0.0
    own = run_span(pod)
    return max(0.0, min(span[1], own[1] if own is not None else now) - max(span[0], started))
