"""All jobs share one timeline in a stated order; what runs keeps its place; a bad job never stops the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from clusters import a_cluster
from heterosched.algorithms.base import Objective, Problem, strategies
from heterosched.algorithms.check import check
from heterosched.algorithms.heft import Heft
from heterosched.api import HeteroJob
from heterosched.errors import InvalidGraph, InvalidInput, Unplaceable
from heterosched.model import Cluster, Demand, Reservation
from heterosched.planning import planner
from heterosched.planning.planner import HELD_SECONDS, objective_of, plan
from heterosched.planning.progress import OVERDUE_LEAST_SECONDS
from heterosched.planning.types import JobPlan, JobState, PlanRequest, TaskProgress, job_key
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched.units import format_time
from manifests import JobBuilder, a_fan, a_job, a_template

NOW = 1_790_000_000.0
ONE_GPU = Demand(gpus=1)


def state(
    job: JobBuilder | dict[str, Any],
    progress: Mapping[str, TaskProgress] | None = None,
    *,
    priority: int = 0,
    age: float = 100.0,
) -> JobState:
    manifest = job if isinstance(job, dict) else job.manifest()
    manifest["metadata"] |= {
        "namespace": "ns",
        "uid": manifest["metadata"]["name"],
        "creationTimestamp": format_time(NOW - age),
    }
    return JobState(msgspec.convert(manifest, HeteroJob), progress or {}, priority)


def plans(*states: JobState, cluster: Cluster, now: float = NOW, **fields: Any) -> dict[str, JobPlan]:
    return plan(PlanRequest(states, cluster, now, BUILT_IN, **fields))


def one(state: JobState, cluster: Cluster, **fields: Any) -> JobPlan:
    return plans(state, cluster=cluster, **fields)[state.job.metadata.uid]


def gpu_job(name: str, seconds: float = 10.0, device: str = "nvidia-t4") -> JobBuilder:
    return a_job(name).task("t").gpus(1, device).runtime({device: seconds})


def start(plan: JobPlan, task: str = "t") -> float:
    return plan.schedule.assignments[task].start - NOW


ONE_T4 = a_cluster(t4=1, gpus=1)


# --- one job ---------------------------------------------------------------------------------------------------------


def test_a_plan_is_a_sound_schedule_of_the_whole_graph() -> None:
    cluster = a_cluster(cpu=2, t4=3, v100=1)
    found = one(state(a_fan("fan", width=20, tasks=30)), cluster)
    assert found.error is None
    assert found.graph is not None
    assert set(found.schedule.assignments) == set(found.graph.tasks)
    assert check(Problem(found.graph, cluster, NOW), found.schedule) == []
    assert found.critical_path[-9:] == (
        "step-000",
        "step-001",
        "step-002",
        "step-003",
        "step-004",
        "step-005",
        "step-006",
        "step-007",
        "step-008",
    )


@pytest.mark.parametrize(
    ("policy", "strategy", "device"),
    [
        ("Performance", "Auto", "nvidia-v100"),
        ("Energy", "Auto", "nvidia-t4"),
        ("Energy", "heft", "nvidia-v100"),
        ("Energy", "energy_heft", "nvidia-t4"),
    ],
)
def test_policy_and_strategy_decide_the_device(policy: str, strategy: str, device: str) -> None:
    job = a_job().policy(policy).strategy(strategy).task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    found = one(state(job.runtime({"nvidia-t4": 20, "nvidia-v100": 8})), a_cluster(t4=1, v100=1))
    assert found.schedule.assignments["t"].option.device == device


def test_heft_by_name_is_the_exact_algorithm_and_auto_is_never_behind_it() -> None:
    cluster = a_cluster(cpu=1, t4=2, v100=1)
    named, auto = (one(state(a_job_with_fan("Performance", strategy)), cluster) for strategy in ("heft", "Auto"))
    assert named.graph is not None
    assert named.schedule == Heft().schedule(Problem(named.graph, cluster, NOW))
    assert auto.strategy == "portfolio"
    assert auto.schedule.finish <= named.schedule.finish


def a_job_with_fan(policy: str, strategy: str = "Auto") -> dict[str, Any]:
    manifest = a_fan("fan", width=10, tasks=15)
    manifest["spec"]["strategy"] = strategy
    manifest["spec"]["policy"] = policy
    return manifest


def test_launching_is_counted_for_every_task() -> None:
    job = a_job().task("a").cpus(1).runtime({"cpu": 10}).task("b").after("a").cpus(1).runtime({"cpu": 5})
    found = one(state(job), a_cluster(cpu=1), launch_seconds=2.0)
    assert found.schedule.finish - NOW == 19.0


def test_the_baseline_is_made_where_it_is_asked_for() -> None:
    states = [state(gpu_job("a")), state(gpu_job("b"))]
    found = plans(*states, cluster=a_cluster(t4=2), baselines={"a"})
    assert found["a"].baseline is not None
    assert found["a"].baseline.finish == NOW + 10
    assert found["b"].baseline is None


def test_without_any_estimate_order_and_fit_still_count() -> None:
    job = a_job().task("a").cpus(1).task("b").after("a").cpus(1).runtime({"cpu": 5})
    found = one(state(job), a_cluster(cpu=1))
    assert found.missing == ("a",)
    assert found.verdict == ""
    assert start(found, "b") > start(found, "a") == 0.0


def test_a_policy_that_weighs_neither_time_nor_energy_plans_by_time() -> None:
    assert objective_of(PolicyRow("data", {"data": 10})) == Objective(1.0, 0.0)
    assert objective_of(BUILT_IN["Energy"]) == Objective(0, 50)


def test_a_job_without_uid_is_known_by_its_name() -> None:
    job = msgspec.convert(a_job("x", "ns").task("t").manifest(), HeteroJob)
    assert job_key(job) == "ns/x"


# --- many jobs -------------------------------------------------------------------------------------------------------


def test_jobs_take_turns_by_priority_then_age_then_name() -> None:
    states = [
        state(gpu_job("young"), age=1.0),
        state(gpu_job("old-b"), age=50.0),
        state(gpu_job("old-a"), age=50.0),
        state(gpu_job("urgent"), age=1.0, priority=1000),
    ]
    found = plans(*states, cluster=ONE_T4)
    assert sorted(found, key=lambda name: start(found[name])) == ["urgent", "old-a", "old-b", "young"]
    assert sorted(start(own) for own in found.values()) == [0.0, 10.0, 20.0, 30.0]


def test_jobs_together_never_overbook_a_node() -> None:
    states = [state(gpu_job(f"j{number}", 5.0 + number)) for number in range(12)]
    found = plans(*states, cluster=a_cluster(t4=2, gpus=2))
    spans = [own.schedule.assignments["t"] for own in found.values()]
    for moment in (own.start for own in spans):
        for node in ("t4-0", "t4-1"):
            assert sum(own.start <= moment < own.finish and own.nodes == (node,) for own in spans) <= 2


def test_a_later_job_fills_a_gap_without_delaying_an_earlier_one() -> None:
    chain = (
        a_job("chain")
        .task("a")
        .cpus(1)
        .runtime({"cpu": 30})
        .task("t")
        .after("a")
        .gpus(1, "nvidia-t4")
        .runtime({"nvidia-t4": 5})
    )
    found = plans(state(chain, age=50), state(gpu_job("short", 20), age=1), cluster=ONE_T4)
    assert (start(found["chain"]), start(found["short"])) == (30.0, 0.0)


@pytest.mark.parametrize(
    ("job", "kind", "message"),
    [
        (
            gpu_job("bad").policy("Fast"),
            InvalidInput,
            "HeteroJob ns/bad: spec.policy: unknown policy 'Fast'; use one of Balanced",
        ),
        (
            gpu_job("bad").strategy("magic"),
            InvalidInput,
            "HeteroJob ns/bad: spec.strategy: unknown strategy 'magic'; use one of Auto",
        ),
        (gpu_job("bad").after("t"), InvalidGraph, "depends on itself"),
        (gpu_job("bad", device="nvidia-h100"), Unplaceable, "task t of HeteroJob ns/bad: no node offers nvidia-h100"),
        (gpu_job("bad").deadline(at="soon"), InvalidInput, "HeteroJob ns/bad: spec.deadline.at: 'soon'"),
        (gpu_job("bad").spec(energyBudgetJoules="-5"), InvalidInput, "HeteroJob ns/bad: spec.energyBudgetJoules"),
        (gpu_job("bad", math.nan), InvalidInput, "seconds: 'nan' is no quantity"),
    ],
)
def test_a_bad_job_has_an_error_and_the_others_a_plan(job: JobBuilder, kind: type[Exception], message: str) -> None:
    found = plans(state(job, age=200), state(gpu_job("good")), cluster=ONE_T4)
    assert isinstance(found["bad"].error, kind)
    assert message in str(found["bad"].error)
    assert found["bad"].schedule.assignments == {}
    assert found["good"].error is None
    assert start(found["good"]) == 0.0


def test_a_bad_creation_time_only_costs_the_job_its_turn() -> None:
    bad = state(gpu_job("bad"))
    metadata = msgspec.structs.replace(bad.job.metadata, creation_timestamp="never")
    bad = JobState(msgspec.structs.replace(bad.job, metadata=metadata))
    found = plans(bad, state(gpu_job("good")), cluster=ONE_T4)
    assert (start(found["good"]), start(found["bad"])) == (0.0, 10.0)


def test_a_suspended_job_is_told_what_would_be_and_holds_nothing() -> None:
    found = plans(state(gpu_job("off").suspended(), age=500), state(gpu_job("on")), cluster=ONE_T4)
    assert (start(found["on"]), start(found["off"])) == (0.0, 10.0)
    alone = plans(state(gpu_job("off-a").suspended()), state(gpu_job("off-b").suspended()), cluster=ONE_T4)
    assert (start(alone["off-a"]), start(alone["off-b"])) == (0.0, 0.0)


def test_a_refused_job_is_told_what_would_be_and_holds_nothing() -> None:
    refused = replace(state(gpu_job("refused"), age=500), holds=False)
    found = plans(refused, state(gpu_job("on")), cluster=ONE_T4)
    assert (start(found["on"]), start(found["refused"])) == (0.0, 10.0)


def test_two_hundred_jobs_at_once_are_all_planned() -> None:
    states = [state(gpu_job(f"j{number:03d}")) for number in range(200)]
    found = plans(*states, cluster=a_cluster(t4=5, gpus=2))
    assert sorted(start(own) for own in found.values()) == [10.0 * (number // 10) for number in range(200)]


# --- progress --------------------------------------------------------------------------------------------------------


def test_a_running_task_holds_its_node_until_its_predicted_finish() -> None:
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 4)
    found = plans(state(gpu_job("a"), {"t": running}), state(gpu_job("b"), age=999), cluster=ONE_T4)
    assert found["a"].schedule.assignments["t"].finish == NOW + 6
    assert start(found["b"]) == 6.0


def test_an_overdue_task_is_expected_to_take_a_little_longer() -> None:
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 500)
    found = plans(state(gpu_job("a"), {"t": running}), state(gpu_job("b")), cluster=ONE_T4)
    assert start(found["b"]) == OVERDUE_LEAST_SECONDS


def test_a_created_task_holds_its_planned_place_until_it_is_bound() -> None:
    created = TaskProgress("Created", "nvidia-t4", "nvidia-t4", (), 1, NOW - 3, planned=("t4-0",))
    cluster = a_cluster(t4=2, gpus=1)
    found = plans(
        state(gpu_job("a"), {"t": created}),
        state(gpu_job("b")),
        state(gpu_job("c")),
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
    found = one(state(job, {"t": created}), a_cluster(t4=1, v100=1))
    assert found.schedule.assignments["t"].nodes == ("t4-0",)


def test_half_bound_workers_hold_what_is_bound_and_what_is_planned() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").workers(2, 2, gang=True).runtime({"nvidia-t4": 10})
    own = TaskProgress("Created", "nvidia-t4", "nvidia-t4", ("t4-1",), 2, NOW, planned=("t4-0", "t4-1"))
    found = one(state(job, {"t": own}), a_cluster(t4=3, gpus=1))
    assert found.schedule.assignments["t"].nodes == ("t4-1", "t4-0")


def test_finished_tasks_are_left_out_but_their_data_lies_where_they_ran() -> None:
    job = (
        a_job("a").task("p").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10}).output("o", "100Gi", uri="u")
        .task("c").input("o", **{"from": "p"}).gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
    )  # fmt: skip
    done = TaskProgress("Succeeded", "nvidia-t4", "nvidia-t4", ("t4-1",), 1, NOW - 12, NOW - 2)
    found = one(state(job, {"p": done}), a_cluster(t4=3))
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
    assert one(state(job, {"p": done}), ONE_T4).error is None


def test_consumers_of_a_running_task_wait_for_its_predicted_finish() -> None:
    job = a_job("a").task("p").cpus(1).runtime({"cpu": 30}).task("c").after("p").cpus(1).runtime({"cpu": 1})
    running = TaskProgress("Running", "cpu", "cpu", ("cpu-0",), 1, NOW - 10)
    assert start(one(state(job, {"p": running}), a_cluster(cpu=1)), "c") == 20.0


def test_a_task_that_waits_for_its_next_attempt_is_held_back() -> None:
    assert start(one(state(gpu_job("a"), {"t": TaskProgress(not_before=NOW + 40)}), ONE_T4)) == 40.0


def test_what_comes_after_a_failed_task_is_not_planned() -> None:
    job = a_job("a").task("x").cpus(1).task("y").after("x").cpus(1).task("z").cpus(1)
    found = one(state(job, {"x": TaskProgress("Failed")}), a_cluster(cpu=1))
    assert set(found.schedule.assignments) == {"z"}


def test_a_job_that_is_done_has_an_empty_plan() -> None:
    found = one(
        state(gpu_job("a"), {"t": TaskProgress("Succeeded", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 9, NOW)}),
        ONE_T4,
    )
    assert (found.error, found.schedule.assignments) == (None, {})
    failed = one(state(gpu_job("b"), {"t": TaskProgress("Failed")}), ONE_T4)
    assert (failed.error, failed.schedule.assignments) == (None, {})


def test_a_running_task_on_an_unforeseen_device_still_holds_its_node() -> None:
    running = TaskProgress("Running", "nvidia-v100", "gone", ("v100-0",), 1, NOW)
    found = plans(
        state(gpu_job("a"), {"t": running}),
        state(gpu_job("b", device="nvidia-v100")),
        cluster=a_cluster(v100=1, gpus=1),
    )
    assert start(found["b"]) == 10.0


# --- others in the cluster -------------------------------------------------------------------------------------------


def test_what_others_hold_is_respected() -> None:
    cluster = a_cluster(Reservation("t4-0", ONE_GPU, NOW - 50, NOW + 25), t4=1, gpus=1)
    assert start(one(state(gpu_job("a")), cluster)) == 25.0


def test_nodes_held_until_further_notice_do_not_stop_the_rest_of_a_job() -> None:
    cluster = a_cluster(Reservation("t4-0", ONE_GPU, NOW - 50, math.inf), t4=1, cpu=1, gpus=1)
    job = (
        a_job("a")
        .task("first")
        .cpus(1)
        .runtime({"cpu": 3})
        .task("t")
        .after("first")
        .gpus(1, "nvidia-t4")
        .runtime({"nvidia-t4": 5})
    )
    found = one(state(job), cluster)
    assert found.held == ("t",)
    assert (start(found, "first"), start(found)) == (0.0, HELD_SECONDS)


def test_an_energy_policy_does_not_wait_for_a_node_that_is_held_until_further_notice() -> None:
    cluster = a_cluster(Reservation("t4-0", ONE_GPU, NOW - 50, math.inf), t4=1, v100=1, gpus=1)
    job = (
        a_job("a")
        .policy("Energy")
        .task("t")
        .gpus(1, "nvidia-t4", "nvidia-v100")
        .runtime({"nvidia-t4": 5, "nvidia-v100": 5})
    )
    found = one(state(job), cluster)
    assert found.held == ()
    assert found.schedule.assignments["t"].nodes == ("v100-0",)


# --- bad jobs --------------------------------------------------------------------------------------------------------


def test_a_job_that_nobody_foresaw_stops_no_other() -> None:
    template = a_template()
    template["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": ["2"]}}
    strange = a_job("strange").template(template).task("t").gpus(1, "nvidia-t4").variant("cpu").runtime({"cpu": 1})
    found = plans(state(strange), state(gpu_job("b")), cluster=a_cluster(t4=1, cpu=1, gpus=1))
    assert isinstance(found["strange"].error, InvalidInput)
    assert "HeteroJob ns/strange" in str(found["strange"].error)
    assert "cpu" in str(found["strange"].error)
    assert found["b"].error is None


@pytest.mark.parametrize("step", ["build_graph", "fixed_assignments", "deadline_of"])
def test_an_unexpected_failure_of_one_preparation_names_its_job(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = getattr(planner, step)

    def failing(*arguments: Any) -> Any:
        if "bad" in repr(arguments):
            raise KeyError("oops")
        return sound(*arguments)

    monkeypatch.setattr(planner, step, failing)
    found = plans(state(gpu_job("bad").task("bad")), state(gpu_job("b")), cluster=ONE_T4)
    assert isinstance(found["bad"].error, InvalidInput)
    assert "HeteroJob ns/bad: spec: " in str(found["bad"].error)
    assert start(found["b"]) == 0.0


def test_an_unexpected_failure_of_a_strategy_names_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def schedule(self, problem: Problem) -> None:
            raise ZeroDivisionError("oops")

    monkeypatch.setattr(planner, "strategies", lambda: {**strategies(), "broken": Broken})
    found = plans(state(gpu_job("bad").strategy("broken")), state(gpu_job("b")), cluster=ONE_T4)
    assert "HeteroJob ns/bad: strategy broken failed: ZeroDivisionError: oops" in str(found["bad"].error)
    assert start(found["b"]) == 0.0


@pytest.mark.parametrize("edit", ["nonsense", "removed"])
def test_a_job_that_was_edited_while_it_runs_keeps_holding_what_its_pods_hold(edit: str) -> None:
    edited = gpu_job("a").policy("Greenest") if edit == "nonsense" else a_job("a").task("u").cpus(1).runtime({"cpu": 1})
    running = TaskProgress("Running", "nvidia-t4", "", ("t4-0",), 1, NOW - 5, taken=(("t4-0", ONE_GPU),))
    found = plans(state(edited, {"t": running}), state(gpu_job("b")), cluster=ONE_T4)
    assert found["b"].held == ("t",)
    assert start(found["b"]) == HELD_SECONDS


# --- verdict ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "verdict"),
    [
        (gpu_job("a"), ""),
        (gpu_job("a").deadline(within="2m"), "Feasible"),
        (gpu_job("a").deadline(within="105s"), "LateBy 5 s"),
        (gpu_job("a").deadline(at=format_time(NOW + 2.5)), "LateBy 8 s"),
        (gpu_job("a").spec(energyBudgetJoules="700"), "Feasible"),
        (gpu_job("a").spec(energyBudgetJoules="699.5"), "OverBudget by 1 J"),
        (gpu_job("a").spec(energyBudgetJoules=100).deadline(at=format_time(NOW)), "LateBy 10 s, OverBudget by 600 J"),
        (gpu_job("a", device="nvidia-h100"), "NeedsDevice: task t: no node offers nvidia-h100"),
    ],
)
def test_the_verdict_says_by_how_much(job: JobBuilder, verdict: str) -> None:
    assert one(state(job), ONE_T4).verdict.startswith(verdict)
    if not verdict:
        assert one(state(job), ONE_T4).verdict == ""


def test_what_is_already_spent_counts_towards_the_budget() -> None:
    job = (
        a_job("a").spec(energyBudgetJoules=1200).task("p").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
        .task("t").after("p").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
    )  # fmt: skip
    done = TaskProgress("Succeeded", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 12, NOW - 2)
    assert one(state(job, {"p": done}), ONE_T4).verdict == "OverBudget by 200 J"
