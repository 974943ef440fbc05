"""What is valid in a job but hardly meant: said where the job is accepted, and by a dry run."""

from __future__ import annotations

from collections.abc import Iterator

from heterosched.api import HeteroJob
from heterosched.model import CPU, TaskGraph


def doubts(job: HeteroJob, graph: TaskGraph | None) -> Iterator[str]:
    """Sentences about the tasks of a job, with the remedy; `graph` as it was planned, None where it was not."""
    for spec in job.spec.tasks:
        listed = {device for variant in spec.variants for device in variant.devices} or set(spec.devices.allow)
        given = (own.device for own in spec.work.runtime_on)
        strange = sorted({device for device in given if listed and device not in listed})
        if strange:
            allowed = ", ".join(sorted(listed))
            yield f"task {spec.name}: work.runtimeOn names {', '.join(strange)}, but the task may use {allowed}"
        task = graph.tasks.get(spec.name) if graph is not None else None
        options = task.options if task is not None else ()
        bare = sorted({own.device for own in options if own.device != CPU and own.demand.gpus <= 0})
        if bare:
            devices = ", ".join(bare)
            yield f"task {spec.name} may run on {devices} but requests no nvidia.com/gpu: it gets no GPU there; add it"
