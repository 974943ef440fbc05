"""Energy that a finished pod's devices drew, as measured: from power samples or from the node's energy counters.

The integration is pure; `EnergyMeter` asks Prometheus in a thread. What counts is the gross draw of the pod's own
devices, idle draw included. Where measurements do not cover the run the answer is None, never a guess.

What pods share is split. A GPU that several pods hold at a time counts in equal parts between those whose names its
samples carry at that moment: nothing says how much of its work is whose. Counters of a node that names no pods lose the
idle draw of the GPUs that nobody held; the rest is split by the GPUs held, over time. Energy of CPUs is Kepler's figure
for the pod, which it splits by CPU time.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from heterosched.errors import Unavailable
from heterosched.telemetry.settings import TelemetrySettings
from heterosched.telemetry.source import Prometheus

Samples = Sequence[tuple[float, float]]
"""(epoch seconds, watts or joules), in order of time."""

POWER: Final = "DCGM_FI_DEV_POWER_USAGE"  # watts
COUNTER: Final = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"  # millijoules
KEPLER: Final = (
    ("kepler_pod_cpu_joules_total", "pod_namespace", ',zone=~"package.*|dram.*"'),
    ("kepler_container_package_joules_total", "container_namespace", ""),
)
"""Joules of a pod's share of the CPU packages, the label of its namespace, what else selects: Kepler since 0.10, and
before. Other zones are parts of these, or contain them.
"""

_KEPLER_PARTS: Final = ("zone", "container_id", "mode")
_POD_LABELS: Final = ("exported_namespace", "exported_pod", "namespace", "pod")
LARGEST_WATTS: Final = 3000.0
LARGEST_JOULES: Final = 1e15  # blank sensors read 9.2e18 mJ
LARGEST_GROWTH: Final = 20_000.0
"""Watts; a counter that grew faster, over a second more than its samples are apart, tells of no energy."""
CLOCK_GRAIN: Final = 0.001
LEAST_COVERAGE: Final = 0.8
"""Share of the run that must lie between samples; the rest is taken at the mean power of what was measured."""


@dataclass(frozen=True)
class PodRun:
    """A finished pod: when it ran (epoch seconds), how many GPUs it had, and how many others had on its node meanwhile.

    `others` is a mean over the run, None where it is not known; `idle_watts` is the idle draw of one GPU of its node.
    Both are needed only where the node's counters must be split.
    """

    namespace: str
    pod: str
    node: str
    start: float
    finish: float
    gpus: float = 0.0
    others: float | None = None
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
    """What a counter of joules grew by within [start, finish], linear between samples; a drop is a reset to zero.

    What no device can have drawn, and what is no number, covers nothing: two replicas of Prometheus whose clocks differ
    show a counter going back by a little, and a reset would then be worth all that it has ever counted.
    """
    points = [(t, j) for t, j in counter if start - max_gap <= t <= finish + max_gap and 0.0 <= j < LARGEST_JOULES]
    joules, covered = 0.0, 0.0
    for (t0, j0), (t1, j1) in pairwise(points):
        left, right = max(t0, start), min(t1, finish)
        if right <= left or t1 - t0 > max_gap + CLOCK_GRAIN:
            continue
        grown = j1 - j0 if j1 >= j0 else j1
        if grown > LARGEST_GROWTH * (t1 - t0 + 1.0):
            continue
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
        """Energy of a pod's GPUs over its run, of its CPUs where it has none; None where it is not well measured.

        By the power samples that carry the pod's name; else, where it is known who held GPUs of its node, by its part
        of the node's energy counters. Ask some scrapes after the pod has finished.
        Raises Unavailable when Prometheus does not answer.
        """
        try:
            return await asyncio.to_thread(self._measure, run)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable(f"Prometheus answered about {run.namespace}/{run.pod} out of shape: {error!r}") from error

    def _measure(self, run: PodRun) -> Measurement | None:
        if run.gpus <= 0:
            return self._of_cpus(run)
        for namespace, pod in (("exported_namespace", "exported_pod"), ("namespace", "pod")):
            series = self._series(POWER, _selector({namespace: run.namespace, pod: run.pod}), run)
            if series:
                sharers = self._sharers([uuid for uuid in series if uuid], run)
                own = (_part(_plausible(one), sharers.get(uuid, {})) for uuid, one in series.items())
                found = [integrate(one, run.start, run.finish, self._max_gap) for one in own]
                return measured(found, run, "power")
        return None if run.others is None else self._by_counters(run, run.others)

    def _sharers(self, uuids: Sequence[str], run: PodRun) -> dict[str, dict[float, int]]:
        """By UUID and sample time: how many pods the device's samples name."""
        if not uuids:
            return {}
        answer = self._range(POWER, f"UUID=~{json.dumps('|'.join(map(re.escape, uuids)))}", run)
        named: dict[tuple[str, float], set[tuple[str, ...]]] = {}
        for series in answer:
            labels = series["metric"]
            pod = tuple(labels.get(name, "") for name in _POD_LABELS)
            if any(pod):
                for t, _ in series["values"]:
                    named.setdefault((labels["UUID"], float(t)), set()).add(pod)
        found: dict[str, dict[float, int]] = {}
        for (uuid, at), pods in named.items():
            found.setdefault(uuid, {})[at] = len(pods)
        return found

    def _of_cpus(self, run: PodRun) -> Measurement | None:
        for metric, namespace, more in KEPLER:
            selector = _selector({namespace: run.namespace, "pod_name": run.pod}) + more
            series = self._series(metric, selector, run, _KEPLER_PARTS)
            if series:
                found = [counted(one, run.start, run.finish, self._max_gap) for one in series.values()]
                return measured(found, run, "kepler")
        return None

    def _by_counters(self, run: PodRun, others: float) -> Measurement | None:
        for label in ("hostname", "Hostname", "node"):
            series = self._series(COUNTER, _selector({label: run.node}), run)
            if series:
                joules = [[(t, mj / 1000.0) for t, mj in one] for one in series.values()]
                found = [counted(one, run.start, run.finish, self._max_gap) for one in joules]
                whole = measured(found, run, "counter")
                return None if whole is None else _own_part(whole, run, others)
        return None

    def _series(self, metric: str, selector: str, run: PodRun, parts: Sequence[str] = ()) -> dict[str, Samples]:
        """Raw samples around the run by device (its UUID, else its number); `parts` are labels that part them further.

        Other labels that change on the way do not part them.
        """
        devices: dict[str, dict[float, float]] = {}
        for series in self._range(metric, selector, run):
            names = series["metric"]
            device = names.get("UUID") or names.get("gpu", "")
            samples = devices.setdefault("/".join([device, *(names.get(part, "") for part in parts)]), {})
            samples.update((float(t), float(text)) for t, text in series["values"])
        return {device: sorted(samples.items()) for device, samples in devices.items()}

    def _range(self, metric: str, selector: str, run: PodRun) -> list[Any]:
        window = math.ceil(run.finish - run.start + 2 * self._max_gap)
        return self._query(f"{metric}{{{selector}}}[{window}s]", run.finish + self._max_gap)


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())


def _plausible(power: Samples) -> Samples:
    """Without blank sensors (9.2e18), NaN and negative figures."""
    return [(t, watts) for t, watts in power if 0.0 <= watts <= LARGEST_WATTS]


def _part(power: Samples, sharers: Mapping[float, int]) -> Samples:
    """A pod's own part of a device's power: in equal parts among those that hold it at the time."""
    return [(t, watts / max(1, sharers.get(t, 1))) for t, watts in power]


def _own_part(whole: Measurement, run: PodRun, others: float) -> Measurement:
    """The pod's part of what all devices of its node drew."""
    spare = max(0.0, whole.devices - run.gpus - others)
    held = max(0.0, whole.joules - spare * run.idle_watts * (run.finish - run.start))
    return replace(whole, joules=held * run.gpus / (run.gpus + others))
