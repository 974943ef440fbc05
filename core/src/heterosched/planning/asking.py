"""A training task as JPS sees it: its speed and power by device type, how many workers it may have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from heterosched.api.heterojob import TaskSpec, Training
from heterosched.errors import HeteroSchedError
from heterosched.jps import Speed, TrainingJob
from heterosched.model import Cluster, Demand, DeviceTable, Figure
from heterosched.planning.estimates import drawn_watts
from heterosched.planning.graph import profile_of, template_of
from heterosched.planning.options import Way, rated_ways
from heterosched.planning.prepared import Prepared
from heterosched.planning.progress import MOST_DONE, WAITING
from heterosched.planning.types import PlanRequest
from heterosched.units import parse_quantity


@dataclass(frozen=True, slots=True)
class Asking:
    """A training task that asks for workers: ways and figures by device type, all of one variant; the device table."""

    job: Prepared
    spec: TaskSpec
    training: Training
    ways: Mapping[str, Way]
    figures: Mapping[str, Figure]
    devices: DeviceTable

    @property
    def name(self) -> str:
        """How JPS knows the task."""
        return f"{self.job.key}/{self.spec.name}"

    @property
    def demand(self) -> Demand:
        """What one worker takes."""
        return next(iter(self.ways.values())).demand

    @property
    def nodes(self) -> frozenset[str] | None:
        """Nodes that the task may use in this variant; None: all."""
        task, ways = self.job.live.tasks[self.spec.name], self.ways.values()
        variants = {way.variant for way in ways}
        aligned = [option.nodes for option in task.options if option.variant in variants]
        told = [names for names in aligned if names is not None]
        return task.nodes if len(told) < len(aligned) else frozenset().union(*told)

    def watts(self, device: str) -> float:
        """Power of one worker on a device type."""
        return drawn_watts(device, self.figures[device].watts, self.demand, self.devices)

    def speeds(self) -> dict[str, Speed]:
        """Samples per second and watts of one worker by device type."""
        return {device: Speed(self.figures[device].value, self.watts(device)) for device in self.ways}

    def for_jps(
        self, now: float, most: int | None = None, left: float = 1.0, restart_seconds: float = 0.0
    ) -> TrainingJob:
        """The task as a job of JPS. `most`: workers that it may have now at most; `left`: share that is to come of the
        iterations that this attempt does.
        """
        spec, training, job = self.spec, self.training, self.job
        most = spec.workers.most if most is None else most
        left *= 1.0 - min(job.state.progress.get(spec.name, WAITING).done, MOST_DONE)
        dearest = max(self.watts(device) for device in self.ways)
        if job.cap is not None and dearest > 0:
            most = max(spec.workers.min, min(most, int(job.cap // dearest)))
        return TrainingJob(
            self.name,
            training.global_batch,
            training.iterations * left,
            parse_quantity(training.gradient_bytes or 0),
            spec.workers.min,
            most,
            priority=job.state.priority,
            age=max(0.0, now - job.created),
            restart_seconds=restart_seconds,
        )


def variants(job: Prepared, spec: TaskSpec, cluster: Cluster, request: PlanRequest) -> list[Asking]:
    """The task once for each of its variants, as far as throughputs are known; a Job has one pod template, so workers
    may be of several device types within a variant only.
    """
    object, training = job.state.job, spec.work.training
    if training is None:
        return []
    try:
        template, field = template_of(object, spec), f"spec.templates[{spec.template_ref}].template"
        profile = profile_of(object, spec, request.profiles)
        ways, figures = rated_ways(spec, template, cluster, profile, object.label, field)
    except HeteroSchedError:
        return []
    devices = {option.device for option in job.live.tasks[spec.name].options}
    found: dict[str, dict[str, Way]] = defaultdict(dict)
    for way in ways:
        if way.device in figures and way.device in devices:
            found[way.variant][way.device] = way
    return [Asking(job, spec, training, own, figures, cluster.devices) for own in found.values()]
