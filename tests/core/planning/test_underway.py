"""Training that runs on several device types counts with the time and the power that it was planned with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusters import a_node
from heterosched.model import Cluster
from heterosched.planning.types import JobPlan, JobState, TaskProgress
from heterosched.policy.table import BUILT_IN, PowerCap
from planned import NOW, a_state, a_training, gpu_job, nodes, planned, start

CLUSTER = Cluster((a_node("v100-0", gpus=2), a_node("t4-0", gpus=3)))
TYPES = "nvidia-t4,nvidia-v100"


def as_it_runs(plan: JobPlan, since: float = 0.0) -> TaskProgress:
    """The progress of a task `t` that runs as it was planned, for `since` seconds."""
    own = plan.schedule.assignments["t"]
    found = TaskProgress("Running", own.option.device, TYPES, own.nodes, len(own.nodes), NOW - since)
    return replace(found, seconds=own.option.seconds, planned=own.nodes)


def test_a_plan_made_from_the_progress_is_the_plan_that_it_came_from() -> None:
    first = planned(a_training("a", 5, 5), cluster=CLUSTER)["a"]
    assert {node[:-2] for node in nodes(first)} == {"t4", "v100"}
    again = planned(a_state(a_training("a", 5, 5), {"t": as_it_runs(first)}), cluster=CLUSTER)["a"]
    assert again.schedule.assignments == first.schedule.assignments
    later = planned(a_state(a_training("a", 5, 5), {"t": as_it_runs(first, 60.0)}), cluster=CLUSTER)["a"]
    whole = first.schedule.assignments["t"].option.seconds
    assert later.schedule.assignments["t"].finish - NOW == pytest.approx(whole - 60.0)


def test_a_resized_rest_is_as_long_as_it_was_planned() -> None:
    rest = TaskProgress(done=0.5)
    first = planned(a_state(a_training("a", 5, 5), {"t": rest}), cluster=CLUSTER)["a"]
    own = replace(as_it_runs(first), done=0.5)
    again = planned(a_state(a_training("a", 5, 5), {"t": own}), cluster=CLUSTER)["a"]
    assert again.schedule.assignments == first.schedule.assignments


def test_without_the_planned_time_the_speeds_of_the_workers_tell_it() -> None:
    first = planned(a_training("a", 5, 5, gradientBytes="0"), cluster=CLUSTER)["a"]
    own = replace(as_it_runs(first), seconds=None)
    again = planned(a_state(a_training("a", 5, 5, gradientBytes="0"), {"t": own}), cluster=CLUSTER)["a"]
    assert again.schedule.assignments["t"].option.seconds == pytest.approx(1000 * 64 / 700)


def test_workers_that_landed_on_other_types_than_planned_count_with_those() -> None:
    first = planned(a_training("a", 3, 3, "nvidia-t4"), cluster=CLUSTER)["a"]
    job = a_training("a", 3, 3, gradientBytes="0")
    moved = replace(as_it_runs(first), nodes=("t4-0", "v100-0", "v100-0"))
    found = planned(a_state(job, {"t": moved}), cluster=CLUSTER)["a"].schedule.assignments["t"]
    assert found.option.seconds == pytest.approx(1000 * 64 / 500)
    assert found.option.device == "nvidia-v100"
    assert found.option.joules == pytest.approx(found.option.seconds * (70 + 2 * 300))


def mixed() -> JobState:
    own = TaskProgress("Running", "nvidia-t4", TYPES, ("t4-0",) * 3 + ("v100-0",) * 2, 5, NOW - 1)
    return a_state(a_training("a", 5, 5), {"t": own})


@pytest.mark.parametrize(("watts", "waits"), [(3 * 70 + 2 * 300 + 299, True), (3 * 70 + 2 * 300 + 300, False)])
def test_the_watts_of_every_running_worker_count_under_a_cap(watts: float, waits: bool) -> None:
    rows = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], caps=(PowerCap(watts),))}
    cluster = Cluster((*CLUSTER.nodes, a_node("v100-1", gpus=2)))
    found = planned(mixed(), gpu_job("g", 50, "nvidia-v100"), cluster=cluster, policies=rows)["g"]
    assert (start(found) > 0.0) is waits


@pytest.mark.parametrize("done", [1.0, 1.2])
def test_a_training_that_says_that_it_is_done_is_planned_as_nearly_done(done: float) -> None:
    found = planned(
        a_state(a_training("a", 1, 4, "nvidia-t4"), {"t": TaskProgress(done=done)}),
        a_training("b", 1, 4, "nvidia-t4"),
        cluster=CLUSTER,
    )
    assert found["a"].error is None
    assert {own.strategy for own in found.values()} == {"jps"}
    assert 0.0 < found["a"].schedule.assignments["t"].option.seconds < 10.0
