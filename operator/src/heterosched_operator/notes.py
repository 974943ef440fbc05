"""The plan that travels with the pods of a task, for the extender to agree with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heterosched.api import HeteroJob, PlanNote, TaskSpec
from heterosched.api.status import TaskStatus
from heterosched.model import Node, Task
from heterosched.units import parse_quantity
from heterosched_operator.sight import JOB_PERSISTED
from heterosched_operator.steering import device_types


def build_note(
    job: HeteroJob,
    task: TaskSpec,
    record: TaskStatus,
    planned: Task | None,
    records: Mapping[str, TaskStatus],
    device_nodes: Mapping[str, Sequence[Node]],
) -> PlanNote:
    """The plan that travels with the pods: seconds and watts on every device type on which they may run, as far as
    `planned` (the planner's task) knows them, and the nodes on which their inputs were made (by `records`).

    The workers of a training task all take the same time, whatever device each has, because the batch is split by their
    speed: so nothing but the plan tells them apart.
    """
    seconds, watts = _figures(planned, record)
    types = device_types(job, task, record, device_nodes)
    if task.work.training is not None and record.planned.seconds:
        seconds, watts = dict.fromkeys(types, parse_quantity(record.planned.seconds)), {}
    elif types:
        seconds = {device: value for device, value in seconds.items() if device in types}
        watts = {device: value for device, value in watts.items() if device in types}
    makers = [records[data.from_] for data in task.inputs if data.from_ and data.from_ in records]
    return PlanNote(
        job=job.key,
        task=record.name,
        policy=job.spec.policy,
        device=record.planned.device,
        nodes=tuple(worker.planned_node for worker in record.workers),
        seconds=seconds,
        watts=watts,
        scaled={device: source for device, source in _scaled(planned).items() if device in seconds},
        because=record.message if record.reason == JOB_PERSISTED else "",
        input_nodes=tuple(maker.workers[0].node for maker in makers if maker.workers and maker.workers[0].node),
    )


def _scaled(planned: Task | None) -> dict[str, str]:
    """Device types whose run time was concluded from that on another one."""
    options = planned.options if planned is not None else ()
    return {option.device: option.scaled_from for option in options if option.scaled_from}


def _figures(planned: Task | None, record: TaskStatus) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds and watts on each device type of the record's variant with its number of workers, as far as known; under
    the cap that is advised for the planned type, and on others without one.
    """
    cap = float(record.planned.power_cap_watts or 0)
    options = [
        option
        for option in (planned.options if planned is not None else ())
        if option.workers == len(record.workers) and option.variant == record.variant
        if option.cap_watts == (cap if option.device == record.planned.device else 0.0)
    ]
    seconds = {option.device: round(option.seconds, 3) for option in options if planned and planned.known}
    return seconds, {option.device: round(option.watts, 3) for option in options if option.watts > 0}
