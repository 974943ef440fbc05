"""What nodes, or kinds of devices, hold and draw now: pods by the API server, the rest as an extender tells it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from heterosched.constants import LABEL_JOB
from heterosched.kube.convert import Problems, demand_of, to_node
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.model import Demand
from heterosched.model.telemetry import GPU_TEMPERATURE, GPU_WATTS, HOST_CPU, HOST_LOAD, HOST_WATTS
from heterosched_cli.devices import Device, Devices, faults_of
from heterosched_cli.options import SortBy

NOTHING = Demand()
FIGURES = (GPU_TEMPERATURE, GPU_WATTS, HOST_WATTS, HOST_CPU, HOST_LOAD)


@dataclass(frozen=True, slots=True)
class Use:
    """A node, or the nodes of a kind of device (`name` is then empty).

    `nodes`, of which `unready` take no pods; `jobs` (namespace/name) and `pods` on them; cores, bytes and GPUs `held`
    and `offered` in all. What is not measured is None: degrees of the hottest GPU, watts of GPUs and of hosts, busy
    share and load per core (means over nodes). `age`: seconds since the oldest of these figures was sampled.
    `measured`: nodes of which any is known.
    """

    name: str
    device: str
    nodes: int = 1
    unready: int = 0
    jobs: frozenset[str] = frozenset()
    pods: int = 0
    held: Demand = NOTHING
    offered: Demand = NOTHING
    celsius: float | None = None
    gpu_watts: float | None = None
    host_watts: float | None = None
    cpu: float | None = None
    load: float | None = None
    faults: tuple[str, ...] = ()
    age: float | None = None
    measured: int = 0

    @property
    def watts(self) -> float | None:
        """Of all that is measured."""
        return total((self.gpu_watts, self.host_watts))

    def figure(self, by: SortBy) -> float | None:
        """What the rows are sorted by."""
        figures = {
            SortBy.JOBS: float(len(self.jobs)),
            SortBy.PODS: float(self.pods),
            SortBy.CORES: self.held.cpu,
            SortBy.GPUS: self.held.gpus,
            SortBy.CPU: self.cpu,
            SortBy.LOAD: self.load,
            SortBy.WATTS: self.watts,
            SortBy.CELSIUS: self.celsius,
            SortBy.AGE: self.age,
        }
        return figures.get(by)


def uses_of(nodes: Iterable[NodeObject], pods: Iterable[PodObject], told: Devices | None) -> Iterator[Use]:
    """Each node with the pods that are bound to it and what an extender told of it."""
    problems = Problems()
    on: dict[str, list[PodObject]] = {}
    for pod in pods:
        if pod.spec.node_name and not pod.finished:
            on.setdefault(pod.spec.node_name, []).append(pod)
    known = {own.node: own for own in told.nodes} if told is not None else {}
    for object in nodes:
        node = to_node(object, problems)
        own = on.get(node.name, [])
        held = sum((demand_of(pod, problems) for pod in own), NOTHING)
        jobs = frozenset(f"{pod.metadata.namespace}/{pod.labels[LABEL_JOB]}" for pod in own if LABEL_JOB in pod.labels)
        device = known.get(node.name)
        yield Use(
            node.name,
            node.device if device is None else device.device,
            unready=0 if node.ready else 1,
            jobs=jobs,
            pods=len(own),
            held=held,
            offered=node.allocatable,
            **_measured(device),
        )


def _measured(device: Device | None) -> dict[str, Any]:
    if device is None:
        return {}
    ages = [device.measured[metric] for metric in FIGURES if metric in device.measured]
    return {
        "celsius": device.value(GPU_TEMPERATURE),
        "gpu_watts": device.value(GPU_WATTS),
        "host_watts": device.value(HOST_WATTS),
        "cpu": device.value(HOST_CPU),
        "load": device.value(HOST_LOAD),
        "faults": tuple(faults_of(device)),
        "age": max(ages, default=None),
        "measured": 1 if ages else 0,
    }


def by_device(uses: Iterable[Use]) -> Iterator[Use]:
    """The nodes of each kind of device together."""
    groups: dict[str, list[Use]] = {}
    for use in uses:
        groups.setdefault(use.device, []).append(use)
    for device, own in groups.items():
        yield Use(
            "",
            device,
            len(own),
            sum(use.unready for use in own),
            frozenset().union(*(use.jobs for use in own)),
            sum(use.pods for use in own),
            sum((use.held for use in own), NOTHING),
            sum((use.offered for use in own), NOTHING),
            max((use.celsius for use in own if use.celsius is not None), default=None),
            total(use.gpu_watts for use in own),
            total(use.host_watts for use in own),
            mean(use.cpu for use in own),
            mean(use.load for use in own),
            tuple(f"{use.name}: {fault}" for use in own for fault in use.faults),
            max((use.age for use in own if use.age is not None), default=None),
            sum(use.measured for use in own),
        )


def in_order(uses: Iterable[Use], by: SortBy | None) -> list[Use]:
    """Sorted; what has no figure comes last, and what is alike by name."""
    named = sorted(uses, key=lambda use: (use.name, use.device))
    if by is None or by is SortBy.NODE:
        return named
    if by is SortBy.DEVICE:
        return sorted(named, key=lambda use: use.device)
    known = [(use, use.figure(by)) for use in named]
    return [use for use, _ in sorted(known, key=lambda own: math.inf if own[1] is None else -own[1])]


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
