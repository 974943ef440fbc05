"""Energy that a finished pod's devices drew, as measured: from power samples or from the node's energy counters.

The integration is pure; `EnergyMeter` asks Prometheus in a thread. What counts is the gross draw of the pod's own
devices, idle draw included. Where measurements do not cover the run the answer is None, never a guess.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from heterosched.errors import Unavailable
from heterosched.telemetry.settings import TelemetrySettings
from heterosched.telemetry.source import Prometheus

Samples = Sequence[tuple[float, float]]
"""(epoch seconds, watts or joules), in order of time."""

POWER: Final = "DCGM_FI_DEV_POWER_USAGE"  # watts
COUNTER: Final = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"  # millijoules
LARGEST_WATTS: Final = 3000.0
CLOCK_GRAIN: Final = 0.001
LEAST_COVERAGE: Final = 0.8
"""Share of the run that must lie between samples; the rest is taken at the mean power of what was measured."""


@dataclass(frozen=True)
class PodRun:
    """A finished pod: when it ran (epoch seconds), how many GPUs it had, and whether it was alone on its node's GPUs.

    `idle_watts` is the idle draw of one GPU of its node, needed only where the node's counters must be split.
    """

    namespace: str
    pod: str
    node: str
    start: float
    finish: float
    gpus: float = 0.0
    alone: bool = False
    idle_watts: float = 0.0


@dataclass(frozen=True)
class Measurement:
    """Joules over the run, out of `samples` samples of `devices` devices that cover `coverage` (0..1) of it."""

    joules: float
    samples: int
    devices: int
    coverage: float
    method: str


@dataclass(frozen=True)
class Integral:
    """Joules within the part of the window that samples cover (`covered` seconds), out of `samples` samples."""

    joules: float
    covered: float
    samples: int


def integrate(power: Samples, start: float, finish: float, max_gap: float) -> Integral:
    """Trapezoid rule over [start, finish]. Two samples further apart than `max_gap` seconds cover nothing in between;
    the first and the last hold to the window's edges, but for no more than `max_gap`.
    """
    points = [(t, watts) for t, watts in power if start - max_gap <= t <= finish + max_gap]
    if not points or finish <= start:
        return Integral(0.0, 0.0, 0)
    (first, at_first), (last, at_last) = points[0], points[-1]
    held = [(max(start, first - max_gap), at_first), *points, (min(finish, last + max_gap), at_last)]
    joules, covered = 0.0, 0.0
    for (t0, w0), (t1, w1) in pairwise(held):
        left, right = max(t0, start), min(t1, finish)
        if right <= left or t1 - t0 > max_gap + CLOCK_GRAIN:
            continue
        slope = (w1 - w0) / (t1 - t0)
        joules += (right - left) * (w0 + slope * ((left + right) / 2 - t0))
        covered += right - left
    return Integral(joules, covered, sum(start <= t <= finish for t, _ in points))


def counted(counter: Samples, start: float, finish: float, max_gap: float) -> Integral:
    """What a counter of joules grew by within [start, finish], linear between samples; a drop is a reset to zero."""
    points = [(t, joules) for t, joules in counter if start - max_gap <= t <= finish + max_gap]
    joules, covered = 0.0, 0.0
    for (t0, j0), (t1, j1) in pairwise(points):
        left, right = max(t0, start), min(t1, finish)
        if right <= left or t1 - t0 > max_gap + CLOCK_GRAIN:
            continue
        grown = j1 - j0 if j1 >= j0 else j1
        joules += grown * (right - left) / (t1 - t0)
        covered += right - left
    return Integral(joules, covered, sum(start <= t <= finish for t, _ in points))


def measured(devices: Sequence[Integral], run: PodRun, method: str) -> Measurement | None:
    """The sum over devices, each scaled to the whole run; None where any is covered too thinly to speak for it."""
    seconds = run.finish - run.start
    if not devices or seconds <= 0:
        return None
    shares = [min(1.0, device.covered / seconds) for device in devices]
    if min(shares) < LEAST_COVERAGE:
        return None
    joules = math.fsum(device.joules / share for device, share in zip(devices, shares, strict=True))
    return Measurement(joules, sum(device.samples for device in devices), len(devices), min(shares), method)


class EnergyMeter:
    """Measures finished pods. `query` is `Prometheus.query`; `max_gap` (seconds) is at least two scrape intervals."""

    def __init__(self, query: Callable[[str, float], list[Any]], max_gap: float = 60.0) -> None:
        self._query, self._max_gap = query, max_gap

    @classmethod
    def at(cls, settings: TelemetrySettings, max_gap: float = 60.0) -> EnergyMeter:
        """A meter that asks this Prometheus."""
        return cls(Prometheus(settings).query, max_gap)

    async def measure(self, run: PodRun) -> Measurement | None:
        """Energy of a pod's GPUs over its run, None where nothing measured it well enough.

        By the power samples that carry the pod's name; else, if it was alone on the node's GPUs, by the node's energy
        counters less the idle draw of the GPUs that were not its own. Ask some scrapes after the pod has finished.
        Raises Unavailable when Prometheus does not answer.
        """
        try:
            return await asyncio.to_thread(self._measure, run)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable(f"Prometheus answered about {run.namespace}/{run.pod} out of shape: {error!r}") from error

    def _measure(self, run: PodRun) -> Measurement | None:
        for namespace, pod in (("exported_namespace", "exported_pod"), ("namespace", "pod")):
            series = self._series(POWER, {namespace: run.namespace, pod: run.pod}, run)
            if series:
                found = [integrate(_plausible(one), run.start, run.finish, self._max_gap) for one in series]
                return measured(found, run, "power")
        return self._by_counters(run) if run.alone else None

    def _by_counters(self, run: PodRun) -> Measurement | None:
        for label in ("hostname", "Hostname", "node"):
            series = self._series(COUNTER, {label: run.node}, run)
            if series:
                joules = [[(t, mj / 1000.0) for t, mj in one if mj < 1e18] for one in series]
                found = [counted(one, run.start, run.finish, self._max_gap) for one in joules]
                whole = measured(found, run, "counter")
                return None if whole is None else _less_idle(whole, run)
        return None

    def _series(self, metric: str, labels: Mapping[str, str], run: PodRun) -> list[Samples]:
        """Raw samples around the run, one sequence for each device; labels that change on the way do not part them."""
        selector = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
        window = math.ceil(run.finish - run.start + 2 * self._max_gap)
        answer = self._query(f"{metric}{{{selector}}}[{window}s]", run.finish + self._max_gap)
        devices: dict[str, dict[float, float]] = {}
        for series in answer:
            names = series["metric"]
            samples = devices.setdefault(names.get("UUID") or names.get("gpu", ""), {})
            samples.update((float(t), float(text)) for t, text in series["values"])
        return [sorted(samples.items()) for samples in devices.values()]


def _plausible(power: Samples) -> Samples:
    """Without blank sensors (9.2e18), NaN and negative figures."""
    return [(t, watts) for t, watts in power if 0.0 <= watts <= LARGEST_WATTS]


def _less_idle(whole: Measurement, run: PodRun) -> Measurement:
    idle = max(0.0, whole.devices - run.gpus) * run.idle_watts * (run.finish - run.start)
    return Measurement(max(0.0, whole.joules - idle), whole.samples, whole.devices, whole.coverage, whole.method)
