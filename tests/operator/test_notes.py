"""The note of a pod has the planner's figures on each device on which it may run, and marks what was concluded."""

from __future__ import annotations

import msgspec

from heterosched.api import HeteroJob, PlanNote
from heterosched.api.status import Planned, TaskStatus, Worker
from heterosched.model import Demand, Option, Task
from heterosched_operator.notes import build_note
from manifests import a_job

GPU = Demand(gpus=1)
PLANNED = Task(
    "t",
    (
        Option("nvidia-v100", 5.0, GPU, 250.0),
        Option("nvidia-t4", 9.6, GPU, 70.0, scaled_from="nvidia-v100"),
        Option("nvidia-k80", 18.0, GPU, 150.0, scaled_from="nvidia-v100"),
    ),
)


def note_of(*devices: str) -> PlanNote:
    job = msgspec.convert(
        a_job("a", "ns").task("t").gpus(1, *devices).runtime({"nvidia-v100": 5}).manifest(), HeteroJob
    )
    task = job.spec.tasks[0]
    worker = Worker(index=0, planned_node="t4-0")
    record = TaskStatus(name="t", planned=Planned(device=devices[0]), workers=[worker])
    return build_note(job, task, record, PLANNED, {}, {})


def test_figures_are_those_of_the_devices_that_the_pod_may_use() -> None:
    found = note_of("nvidia-t4", "nvidia-v100")
    assert (found.device, found.nodes) == ("nvidia-t4", ("t4-0",))
    assert found.seconds == {"nvidia-t4": 9.6, "nvidia-v100": 5.0}
    assert found.watts == {"nvidia-t4": 70.0, "nvidia-v100": 250.0}


def test_figures_that_were_concluded_are_marked_with_their_source() -> None:
    assert note_of("nvidia-t4", "nvidia-v100").scaled == {"nvidia-t4": "nvidia-v100"}
    assert note_of("nvidia-v100").scaled == {}
