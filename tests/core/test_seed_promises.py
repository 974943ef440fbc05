"""What the five systems that this one unites have promised holds here too, where no module's own tests show it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clusters import a_cluster
from heterosched.algorithms.base import Problem, strategies
from heterosched.algorithms.check import check
from heterosched.algorithms.fractions import SplitModel, SplitTask, estimated_seconds, fraction_strategies
from heterosched.api import SchedulingPolicy
from heterosched.api.heterojob import Training
from heterosched.planning.due import WAITING_FOR_POWER
from heterosched.planning.options import training_seconds
from heterosched.policy.table import BUILT_IN, row_of
from manifests import a_job
from planned import NOW, gpu_job, planned, start

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
positive = st.floats(1.0, 1e6)


# --- AutoScheduler ----------------------------------------------------------------------------------------------------


def test_the_power_budget_of_150_watts_is_a_policy_and_no_default() -> None:
    """A task beyond the budget is deferred, with the reason, until the budget is there again."""
    manifest = yaml.safe_load((EXAMPLES / "policies" / "seed000.yaml").read_text(encoding="utf-8"))
    row = row_of(msgspec.convert(manifest, SchedulingPolicy))
    assert [cap.watts for cap in row.caps] == [150.0]
    assert all(own.caps == () for own in BUILT_IN.values())
    jobs = [gpu_job(name).policy("seed000") for name in ("a", "b", "c")]  # a T4 draws 70 W
    found = planned(*jobs, cluster=a_cluster(t4=3, gpus=1), policies={"seed000": row})
    assert [start(found[name]) for name in "abc"] == [0.0, 0.0, 10.0]
    assert found["c"].waiting == {"t": WAITING_FOR_POWER}


@pytest.mark.parametrize("name", sorted(strategies()))
def test_every_strategy_is_chosen_by_its_name_and_plans_soundly(name: str) -> None:
    job = a_job("graph").strategy(name)
    for task in "abcd":
        job.task(task).gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 20, "nvidia-v100": 11})
    job.task("last").cpus(1).runtime({"cpu": 3}).after(*"abcd")
    cluster = a_cluster(cpu=1, t4=1, v100=1, gpus=1)
    found = planned(job, cluster=cluster)["graph"]
    assert (found.error, found.strategy) == (None, name)
    assert found.graph is not None
    assert check(Problem(found.graph, cluster, NOW), found.schedule) == []


@pytest.mark.slow
def test_ten_thousand_tasks_behind_one_are_planned() -> None:
    job = a_job("wide").strategy("heft").task("root").cpus(1).runtime({"cpu": 5})
    for number in range(10_000):
        job.task(f"t{number}").cpus(1).runtime({"cpu": 5}).after("root")
    found = planned(job, cluster=a_cluster(cpu=10))["wide"]
    cores = sum(node.allocatable.cpu for node in a_cluster(cpu=10).nodes)
    assert found.error is None
    assert len(found.schedule.assignments) == 10_001
    assert found.schedule.finish - NOW == pytest.approx(5 + 10_000 / cores * 5, abs=5.0)


# --- Hybrid ML Scheduler ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("linear", [True, False])
def test_one_task_through_all_strategies_gives_a_row_each(linear: bool) -> None:
    own, model = SplitTask(0, 1000.0, 0.5, 100.0, estimated_seconds(1000.0, 0.5)), SplitModel(linear=linear)
    rows = {name: model.outcome(own, found().fraction(own, model)) for name, found in fraction_strategies().items()}
    assert set(rows) >= {"round_robin", "random", "greedy", "oracle"}
    assert all(row.seconds > 0 and row.joules > 0 and row.dollars > 0 for row in rows.values())
    assert rows["round_robin"].fraction == rows["greedy"].fraction == 0.5


@given(positive, positive, st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_more_work_and_more_memory_never_take_less_time(
    one: float, other: float, intensity: float, fraction: float, linear: bool
) -> None:
    model, less, more = SplitModel(linear=linear), min(one, other), max(one, other)
    assert estimated_seconds(less, intensity) <= estimated_seconds(more, intensity)

    def seconds(work: float, memory: float) -> float:
        return model.seconds(SplitTask(0, 1.0, intensity, memory, work), fraction)

    assert seconds(less, 100.0) <= seconds(more, 100.0)
    assert seconds(100.0, less) <= seconds(100.0, more)


# --- Task schedulers (that totals are the schedule's own clock: tests/core/algorithms/test_strategies.py) -----------


@given(st.integers(1, 64), st.integers(1, 4096), st.integers(1, 4096), positive, positive)
def test_training_takes_no_less_time_with_more_samples_iterations_or_bytes(
    workers: int, one: int, other: int, speed: float, transfer: float
) -> None:
    less, more = min(one, other), max(one, other)

    def seconds(batch: int, iterations: int, moving: float) -> float:
        return training_seconds(Training(global_batch=batch, iterations=iterations), workers, speed, moving)

    assert seconds(less, 10, transfer) <= seconds(more, 10, transfer)
    assert seconds(64, less, transfer) <= seconds(64, more, transfer)
    assert seconds(64, 10, float(less)) <= seconds(64, 10, float(more))
