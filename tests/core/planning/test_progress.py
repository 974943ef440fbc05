"""What has begun keeps its place until its predicted finish, and what has ended frees it and is planned no more."""

from __future__ import annotations

import pytest

from clusters import a_cluster
from heterosched.model import Demand
from heterosched.planning.planner import HELD_SECONDS
from heterosched.planning.progress import OVERDUE_LEAST_SECONDS
from heterosched.planning.types import TaskProgress
from manifests import a_job
from planned import NOW, a_state, alone, gpu_job, planned, start

ONE_T4 = a_cluster(t4=1, gpus=1)
ONE_GPU = Demand(gpus=1)


def test_a_running_task_holds_its_node_until_its_predicted_finish() -> None:
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 4)
    found = planned(a_state(gpu_job("a"), {"t": running}), a_state(gpu_job("b"), age=999), cluster=ONE_T4)
    assert found["a"].schedule.assignments["t"].finish == NOW + 6
    assert start(found["b"]) == 6.0


def test_an_overdue_task_is_expected_to_take_a_little_longer() -> None:
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 500)
    found = planned(a_state(gpu_job("a"), {"t": running}), a_state(gpu_job("b")), cluster=ONE_T4)
    assert start(found["b"]) == OVERDUE_LEAST_SECONDS


def test_a_created_task_holds_its_planned_place_until_it_is_bound() -> None:
    created = TaskProgress("Created", "nvidia-t4", "nvidia-t4", (), 1, NOW - 3, planned=("t4-0",))
    cluster = a_cluster(t4=2, gpus=1)
    found = planned(
        a_state(gpu_job("a"), {"t": created}),
        a_state(gpu_job("b")),
        a_state(gpu_job("c")),
        cluster=cluster,
        launch_seconds=1.0,
    )
    assert found["b"].schedule.assignments["t"].nodes == ("t4-1",)
    assert start(found["c"]) == 10.0
    assert found["a"].schedule.assignments["t"].finish == NOW + 10


@pytest.mark.parametrize("planned", [(), ("t4-9",)])
def test_a_created_task_without_a_known_place_is_placed_again_on_its_device(planned: tuple[str, ...]) -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 50, "nvidia-v100": 1})
    created = TaskProgress("Created", "nvidia-t4", "nvidia-t4,nvidia-v100", (), 1, NOW - 3, planned=planned)
    found = alone(a_state(job, {"t": created}), a_cluster(t4=1, v100=1))
    assert found.schedule.assignments["t"].nodes == ("t4-0",)


def test_half_bound_workers_hold_what_is_bound_and_what_is_planned() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").workers(2, 2, gang=True).runtime({"nvidia-t4": 10})
    own = TaskProgress("Created", "nvidia-t4", "nvidia-t4", ("t4-1",), 2, NOW, planned=("t4-0", "t4-1"))
    found = alone(a_state(job, {"t": own}), a_cluster(t4=3, gpus=1))
    assert found.schedule.assignments["t"].nodes == ("t4-1", "t4-0")


def test_finished_tasks_are_left_out_but_their_data_lies_where_they_ran() -> None:
    job = (
        a_job("a").task("p").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10}).output("o", "100Gi", uri="u")
        .task("c").input("o", **{"from": "p"}).gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
    )  # fmt: skip
    done = TaskProgress("Succeeded", "nvidia-t4", "nvidia-t4", ("t4-1",), 1, NOW - 12, NOW - 2)
    found = alone(a_state(job, {"p": done}), a_cluster(t4=3))
    assert set(found.schedule.assignments) == {"c"}
    assert found.schedule.assignments["c"].nodes == ("t4-1",)
    assert start(found, "c") == 0.0


def test_a_finished_task_needs_no_node_any_more() -> None:
    job = (
        a_job("a")
        .task("p")
        .gpus(1, "nvidia-h100")
        .runtime({"nvidia-h100": 10})
        .task("c")
        .after("p")
        .cpus(1)
        .runtime({"cpu": 1})
    )
    done = TaskProgress("Succeeded", "nvidia-h100", "nvidia-h100", ("h100-0",), 1, NOW - 12, NOW - 2)
    assert alone(a_state(job, {"p": done}), ONE_T4).error is None


def test_consumers_of_a_running_task_wait_for_its_predicted_finish() -> None:
    job = a_job("a").task("p").cpus(1).runtime({"cpu": 30}).task("c").after("p").cpus(1).runtime({"cpu": 1})
    running = TaskProgress("Running", "cpu", "cpu", ("cpu-0",), 1, NOW - 10)
    assert start(alone(a_state(job, {"p": running}), a_cluster(cpu=1)), "c") == 20.0


def test_a_task_that_waits_for_its_next_attempt_is_held_back() -> None:
    assert start(alone(a_state(gpu_job("a"), {"t": TaskProgress(not_before=NOW + 40)}), ONE_T4)) == 40.0


def test_what_comes_after_a_failed_task_is_not_planned() -> None:
    job = a_job("a").task("x").cpus(1).task("y").after("x").cpus(1).task("z").cpus(1)
    found = alone(a_state(job, {"x": TaskProgress("Failed")}), a_cluster(cpu=1))
    assert set(found.schedule.assignments) == {"z"}


def test_a_job_that_is_done_has_an_empty_plan() -> None:
    found = alone(
        a_state(gpu_job("a"), {"t": TaskProgress("Succeeded", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 9, NOW)}),
        ONE_T4,
    )
    assert (found.error, found.schedule.assignments) == (None, {})
    failed = alone(a_state(gpu_job("b"), {"t": TaskProgress("Failed")}), ONE_T4)
    assert (failed.error, failed.schedule.assignments) == (None, {})


def test_a_running_task_on_an_unforeseen_device_still_holds_its_node() -> None:
    running = TaskProgress("Running", "nvidia-v100", "gone", ("v100-0",), 1, NOW)
    found = planned(
        a_state(gpu_job("a"), {"t": running}),
        a_state(gpu_job("b", device="nvidia-v100")),
        cluster=a_cluster(v100=1, gpus=1),
    )
    assert start(found["b"]) == 10.0


@pytest.mark.parametrize("edit", ["nonsense", "removed"])
def test_a_job_that_was_edited_while_it_runs_keeps_holding_what_its_pods_hold(edit: str) -> None:
    edited = gpu_job("a").policy("Greenest") if edit == "nonsense" else a_job("a").task("u").cpus(1).runtime({"cpu": 1})
    running = TaskProgress("Running", "nvidia-t4", "", ("t4-0",), 1, NOW - 5, taken=(("t4-0", ONE_GPU),))
    found = planned(a_state(edited, {"t": running}), a_state(gpu_job("b")), cluster=ONE_T4)
    assert found["b"].held == ("t",)
    assert start(found["b"]) == HELD_SECONDS
