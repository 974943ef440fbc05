"""The ways in which a task can run: device types, pod demands and, for training, numbers of workers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from heterosched.algorithms.eligible import idle_workers
from heterosched.api import ThroughputProfile
from heterosched.api.heterojob import TaskSpec, Training
from heterosched.errors import InvalidInput
from heterosched.model import CPU, Cluster, Demand, Figure, Option, Task, ThroughputModel
from heterosched.planning.estimates import drawn_watts, known_figures
from heterosched.planning.resources import pod_demand
from heterosched.units import parse_quantity

NOMINAL_SECONDS = 60.0
"""Stands for the run time of a task of which nothing is known: it orders the work and is never shown."""

MOST_SIZES = 8
"""Numbers of workers tried per device; a wider range is covered in geometric steps, both ends included."""


@dataclass(frozen=True, slots=True)
class Way:
    """A device type for a task, the variant that serves it, and what one pod then demands."""

    device: str
    variant: str
    demand: Demand


def build_task(
    task: TaskSpec,
    template: Mapping[str, object],
    cluster: Cluster,
    profile: ThroughputProfile | None,
    object: str,
    nodes: frozenset[str] | None = None,
    external_bytes: float = 0.0,
) -> Task:
    """The task with all its ways to run on the nodes that its template selects (None: all of them).

    `known` is False where no run time is known on any device it may use. Raises InvalidInput (template, quantities,
    number of workers).
    """
    field = f"spec.templates[{task.template_ref}].template"
    _check_workers(task, object)
    ways, rated = rated_ways(task, template, cluster, profile, object, field)
    absent = (task.work.profile or "") if profile is None else ""
    options: list[Option] = []
    for way in ways:
        if way.device in rated:
            options += _rated(task, way, rated[way.device], cluster, nodes, object)
    if not options:
        options = [Option(way.device, NOMINAL_SECONDS, way.demand, 0.0, task.workers.min, way.variant) for way in ways]
        return Task(task.name, tuple(options), False, external_bytes, nodes, absent_profile=absent)
    return Task(
        task.name,
        tuple(options),
        True,
        external_bytes,
        nodes,
        unrated=tuple(way.device for way in ways if way.device not in rated),
        figured_by="" if task.variants or task.devices.allow else _givers(task, profile, rated),
        absent_profile=absent,
    )


def _givers(task: TaskSpec, profile: ThroughputProfile | None, rated: Mapping[str, Figure]) -> str:
    """Where the figures of a task stand, for people: its own field, its profile, or both."""
    training, field = task.work.training, f"spec.tasks[{task.name}].work"
    name, rows = (
        ("runtimeOn", task.work.runtime_on) if training is None else ("training.throughputOn", training.throughput_on)
    )
    own = {row.device for row in rows}
    found = [f"{field}.{name}"] if own else []
    if profile is not None and rated.keys() - own:
        found.append(profile.label)
    return " and ".join(found)


def rated_ways(
    task: TaskSpec,
    template: Mapping[str, object],
    cluster: Cluster,
    profile: ThroughputProfile | None,
    object: str,
    field: str,
) -> tuple[list[Way], dict[str, Figure]]:
    """The devices that the task may use, and what is known of it on each; `field` is the template's. Raises
    InvalidInput."""
    figures = known_figures(task, profile, object)
    ways = _ways(task, template, cluster, tuple(figures), object, field)
    if not (task.variants or task.devices.allow):
        return ways, figures
    model = ThroughputModel(figures, task.work.training is not None, cluster.devices)
    return ways, dict(model.over(way.device for way in ways).figures)


def _check_workers(task: TaskSpec, object: str) -> None:
    workers, training, field = task.workers, task.work.training, f"spec.tasks[{task.name}]"
    if workers.min < 1 or workers.most < workers.min:
        problem = f"min {workers.min} and max {workers.most} leave no number of workers"
        raise InvalidInput(object, f"{field}.workers", problem, "give 1 <= min <= max")
    if training is None:
        return
    if training.global_batch < 1 or training.iterations < 1:
        raise InvalidInput(object, f"{field}.work.training", "globalBatch or iterations is below 1", "give 1 or more")
    if training.global_batch < workers.min:
        problem = f"{workers.min} workers cannot share a batch of {training.global_batch}"
        raise InvalidInput(object, f"{field}.work.training.globalBatch", problem, "every worker needs one sample")


def _ways(
    task: TaskSpec, template: Mapping[str, object], cluster: Cluster, figured: Sequence[str], object: str, field: str
) -> list[Way]:
    """Devices in the order of the variants, of `allow`, or of the figures; else what the cluster has for the demand."""
    allow = task.devices.allow
    if task.variants:
        found: dict[str, Way] = {}
        for variant in task.variants:
            where = f"spec.tasks[{task.name}].variants[{variant.name or ','.join(variant.devices)}]"
            demand = pod_demand(template, variant.resources, object, where if variant.resources.given else field)
            for device in variant.devices:
                if not allow or device in allow:
                    found.setdefault(device, Way(device, variant.name or ",".join(variant.devices), demand))
        return list(found.values())
    demand = pod_demand(template, None, object, field)
    return [Way(device, "", demand) for device in allow or figured or _offered(cluster, demand)]


def _offered(cluster: Cluster, demand: Demand) -> list[str]:
    """Device types of the cluster that suit a demand about which nothing else is said."""
    if demand.gpus <= 0:
        return [CPU]
    return list(dict.fromkeys(node.device for node in cluster.nodes if node.device != CPU))


def _rated(
    task: TaskSpec, way: Way, figure: Figure, cluster: Cluster, nodes: frozenset[str] | None, object: str
) -> list[Option]:
    """One option per number of workers: all that training may use, else the fewest (no scaling is known) and one for
    each power cap with figures of its own that is below the one which the device table has for the device.
    """
    watts = drawn_watts(way.device, figure.watts, way.demand, cluster.devices)
    origin = figure.origin if figure.watts is not None else "estimated"
    training = task.work.training
    if training is None:
        least, source = task.workers.min, figure.scaled_from
        own = Option(way.device, figure.value, way.demand, watts, least, way.variant, origin, source)
        own = replace(own, percent=figure.percent)
        return [own, *_capped(own, figure, cluster)]
    field = f"spec.tasks[{task.name}].work.training.gradientBytes"
    transfer = parse_quantity(training.gradient_bytes or 0, object=object, field=field) / cluster.link.bytes_per_second
    return [
        Option(
            way.device,
            training_seconds(training, n, figure.value, transfer),
            way.demand,
            watts,
            n,
            way.variant,
            origin,
            figure.scaled_from,
            percent=figure.percent,
        )
        for n in _sizes(task, way, cluster, nodes)
    ]


def _capped(own: Option, figure: Figure, cluster: Cluster) -> Iterator[Option]:
    known = cluster.devices.cut_from(own.device)
    most = known.power.cap_watts if known is not None else math.inf
    for point in figure.caps:
        if point.cap_watts < most:
            watts = drawn_watts(own.device, point.watts, own.demand, cluster.devices)
            yield replace(own, seconds=point.seconds, watts=watts, origin=figure.origin, cap_watts=point.cap_watts)


def _sizes(task: TaskSpec, way: Way, cluster: Cluster, nodes: frozenset[str] | None) -> list[int]:
    """Numbers of workers between min and max that the idle cluster holds; min alone where it holds fewer."""
    training, least = task.work.training, task.workers.min
    most = min(task.workers.most, training.global_batch if training is not None else task.workers.most)
    fit = (n for n in cluster.nodes if n.ready and n.offers(way.device) and (nodes is None or n.name in nodes))
    most = max(least, idle_workers(fit, way.demand, most))
    if most - least < MOST_SIZES:
        return list(range(least, most + 1))
    steps = range(MOST_SIZES)
    return sorted({round(least * (most / least) ** (step / (MOST_SIZES - 1))) for step in steps})


def training_seconds(training: Training, workers: int, samples_per_second: float, transfer: float) -> float:
    """Iterations x (compute + ring all-reduce): each of n workers takes its share of the batch, then 2(n-1)/n of the
    gradients pass every link (P. Patarasuk, X. Yuan: Bandwidth optimal all-reduce algorithms for clusters of
    workstations, JPDC 69(2), 2009). `transfer`: seconds that the gradients take over one link.
    """
    reduce = 2 * (workers - 1) / workers * transfer
    return training.iterations * (training.global_batch / (workers * samples_per_second) + reduce)


def measured_throughput(training: Training, workers: int, seconds: float, transfer: float) -> float | None:
    """Samples per second of one of n equal workers, out of the seconds that the training took: `training_seconds` the
    other way round. None where the gradients' way alone would have taken longer than that.
    """
    compute = seconds / training.iterations - 2 * (workers - 1) / workers * transfer
    return training.global_batch / (workers * compute) if compute > 0 else None
