"""The report compares placements on one cost model: better where they are, neutral where nothing differs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters import a_cluster
from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.fifo import Fifo
from heterosched.algorithms.heft import Heft
from heterosched.model import Cluster, Demand, Edge, Link, Option, Reservation, Schedule, Task, TaskGraph
from heterosched.planning.report import NEUTRAL_PERCENT, TaskActual, baseline_figures, report, verdict_of
from problems import problems

NOW = 1_790_000_000.0
TIME, ENERGY, BOTH = Objective(1, 0), Objective(0, 1), Objective(1, 1)
T4 = Option("nvidia-t4", 20.0, Demand(gpus=1), 60.0)
V100 = Option("nvidia-v100", 8.0, Demand(gpus=1), 270.0)


def independent(count: int, *options: Option) -> TaskGraph:
    return TaskGraph.build([Task(f"t{number}", options) for number in range(count)], [])


def as_planned(schedule: Schedule, factor: float = 1.0) -> dict[str, TaskActual]:
    return {
        name: TaskActual(own.option.device, own.nodes, own.start, own.option.seconds * factor, own.option.variant)
        for name, own in schedule.assignments.items()
    }


def by_fifo(graph: TaskGraph, cluster: Cluster) -> tuple[float, float]:
    """Seconds and joules of FIFO on the uncorrected model."""
    return baseline_figures(Fifo().schedule(Problem(graph, cluster, NOW)))


def test_a_uniform_workload_gains_nothing_and_says_so() -> None:
    graph, cluster = independent(10, T4), a_cluster(t4=3)
    ours = as_planned(Heft().schedule(Problem(graph, cluster, NOW)))
    found = report(graph, cluster, ours, BOTH)
    assert found is not None
    assert (found.saved_seconds_percent, found.saved_energy_percent, found.verdict) == (0.0, 0.0, "Neutral")


def test_the_faster_device_is_better_by_time_and_its_energy_is_told() -> None:
    graph, cluster = independent(1, T4, V100), a_cluster(t4=1, v100=1)
    found = report(graph, cluster, {"t0": TaskActual("nvidia-v100", ("v100-0",), NOW + 3, 8.0)}, TIME)
    assert found is not None
    seconds, joules = by_fifo(graph, cluster)
    assert 8.0 < seconds < 20.0
    assert (found.seconds, found.joules) == (8.0, 2160.0)
    assert (found.baseline_seconds, found.baseline_joules) == pytest.approx((seconds, joules))
    assert found.saved_seconds_percent == pytest.approx(100 * (1 - 8 / seconds), abs=1e-5)
    assert found.saved_energy_percent == pytest.approx(100 * (1 - 2160 / joules), abs=1e-5)
    assert (found.verdict, found.baseline) == ("Better", "fifo")


def test_the_same_placement_is_judged_by_what_the_policy_wants() -> None:
    graph, cluster = independent(1, T4, V100), a_cluster(t4=1, v100=1)
    actual = {"t0": TaskActual("nvidia-v100", ("v100-0",), NOW, 8.0)}
    verdicts = [
        found.verdict
        for found in (report(graph, cluster, actual, goal) for goal in (TIME, ENERGY, Objective(1, 9)))
        if found
    ]
    assert verdicts == ["Better", "Worse", "Worse"]


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_measured_times_scale_both_sides_alike(factor: float) -> None:
    graph, cluster = independent(1, T4, V100), a_cluster(t4=1, v100=1)
    found = report(graph, cluster, {"t0": TaskActual("nvidia-v100", ("v100-0",), NOW, 8.0 * factor)}, TIME)
    assert found is not None
    seconds, _ = by_fifo(graph, cluster)
    assert (found.seconds, found.baseline_seconds) == pytest.approx((8 * factor, seconds * factor))
    assert found.saved_seconds_percent == pytest.approx(100 * (1 - 8 / seconds), abs=1e-5)


def test_measured_energy_scales_the_power_of_all_options() -> None:
    graph, cluster = independent(1, T4, V100), a_cluster(t4=1, v100=1)
    found = report(graph, cluster, {"t0": TaskActual("nvidia-v100", ("v100-0",), NOW, 8.0, joules=1080.0)}, ENERGY)
    assert found is not None
    assert (found.joules, found.baseline_joules) == pytest.approx((1080.0, by_fifo(graph, cluster)[1] / 2))


def test_what_the_control_plane_took_is_left_out() -> None:
    graph = TaskGraph.build([Task(name, (T4,)) for name in "ab"], [Edge("a", "b")])
    late = {
        "a": TaskActual("nvidia-t4", ("t4-0",), NOW, 20.0),
        "b": TaskActual("nvidia-t4", ("t4-0",), NOW + 500, 20.0),
    }
    found = report(graph, a_cluster(t4=1), late, TIME)
    assert found is not None
    assert (found.seconds, found.verdict) == (40.0, "Neutral")


def test_transfers_between_nodes_are_replayed() -> None:
    graph = TaskGraph.build([Task(name, (T4,)) for name in "ab"], [Edge("a", "b", 500.0)])
    cluster = a_cluster(t4=2, link=Link(0.0, 100.0))
    apart = {
        "a": TaskActual("nvidia-t4", ("t4-0",), NOW, 20.0),
        "b": TaskActual("nvidia-t4", ("t4-1",), NOW + 25, 20.0),
    }
    found = report(graph, cluster, apart, TIME)
    assert found is not None
    assert (found.seconds, found.baseline_seconds, found.verdict) == (45.0, 40.0, "Worse")


def test_clocks_that_disagree_do_not_reorder_a_dependency() -> None:
    graph = TaskGraph.build([Task(name, (T4,)) for name in "ab"], [Edge("a", "b")])
    skewed = {
        "a": TaskActual("nvidia-t4", ("t4-0",), NOW + 1, 20.0),
        "b": TaskActual("nvidia-t4", ("t4-0",), NOW, 20.0),
    }
    found = report(graph, a_cluster(t4=1), skewed, TIME)
    assert found is not None
    assert found.seconds == 40.0


def test_a_task_too_short_for_the_clock_is_no_division_by_zero() -> None:
    found = report(
        independent(1, T4), a_cluster(t4=1), {"t0": TaskActual("nvidia-t4", ("t4-0",), NOW, 0.0, joules=3.0)}, BOTH
    )
    assert found is not None
    assert found.verdict == "Neutral"


def test_a_gang_is_replayed_on_all_its_nodes() -> None:
    gang = replace(T4, workers=3)
    actual = {
        "t0": TaskActual("nvidia-t4", ("t4-0", "t4-0", "t4-1"), NOW, 20.0),
        "t1": TaskActual("nvidia-t4", ("t4-1", "t4-0", "t4-1"), NOW + 20, 20.0),
    }
    found = report(independent(2, gang), a_cluster(t4=2), actual, TIME)
    assert found is not None
    assert (found.seconds, found.baseline_seconds, found.joules) == (40.0, 40.0, 7200.0)


def test_what_others_hold_counts_for_both_sides() -> None:
    cluster = a_cluster(Reservation("t4-0", Demand(gpus=1), NOW - 9, NOW + 30), t4=1, gpus=1)
    found = report(independent(1, T4), cluster, {"t0": TaskActual("nvidia-t4", ("t4-0",), NOW, 20.0)}, TIME)
    assert found is not None
    assert (found.seconds, found.baseline_seconds) == (50.0, 50.0)


def test_where_others_leave_fifo_no_place_both_are_replayed_on_the_idle_cluster() -> None:
    cluster = a_cluster(Reservation("t4-0", Demand(gpus=1), NOW - 9, math.inf), t4=1, gpus=1)
    found = report(independent(1, T4), cluster, {"t0": TaskActual("nvidia-t4", ("t4-0",), NOW, 20.0)}, TIME)
    assert found is not None
    assert (found.seconds, found.baseline_seconds, found.verdict) == (20.0, 20.0, "Neutral")


def test_what_seems_held_for_good_was_not_in_our_way() -> None:
    cluster = a_cluster(Reservation("v100-0", Demand(gpus=1), NOW - 9, math.inf), t4=1, v100=1, gpus=1)
    found = report(independent(1, T4, V100), cluster, {"t0": TaskActual("nvidia-v100", ("v100-0",), NOW, 8.0)}, TIME)
    assert found is not None
    assert (found.seconds, found.baseline_seconds) == (8.0, 20.0)


@pytest.mark.parametrize(
    "actual",
    [
        {},
        {"t0": TaskActual("nvidia-t4", ("gone-0",), NOW, 20.0)},
        {"t0": TaskActual("nvidia-t4", (), NOW, 20.0)},
    ],
)
def test_where_nothing_can_be_compared_there_is_no_report(actual: dict[str, TaskActual]) -> None:
    assert report(independent(1, T4), a_cluster(t4=1), actual, TIME) is None


def test_without_a_node_for_the_baseline_there_is_no_report() -> None:
    cluster = Cluster(tuple(replace(node, ready=False) for node in a_cluster(t4=1).nodes))
    assert report(independent(1, T4), cluster, {"t0": TaskActual("nvidia-t4", ("t4-0",), NOW, 20.0)}, TIME) is None


@pytest.mark.slow
@settings(max_examples=40)
@given(problems(), st.sampled_from((0.5, 1.0, 2.0)))
def test_one_lot_of_fifo_against_fifo_is_told_as_far_as_it_is_from_the_mean(problem: Problem, factor: float) -> None:
    problem = Problem(problem.graph, problem.cluster, problem.now)
    scaled = TaskGraph(
        {
            name: replace(
                task, options=tuple(replace(option, seconds=option.seconds * factor) for option in task.options)
            )
            for name, task in problem.graph.tasks.items()
        },
        problem.graph.edges,
    )
    ours = Fifo().schedule(replace(problem, graph=scaled))
    if any(own.start == problem.now for own in ours.assignments.values()):
        actual = {
            name: TaskActual(own.option.device, own.nodes, own.start, own.option.seconds, own.option.variant)
            for name, own in ours.assignments.items()
        }
        distinct = all(
            len({option.device for option in task.options}) == len(task.options) for task in scaled.tasks.values()
        )
        found = report(problem.graph, problem.cluster, actual, BOTH)
        assert found is not None
        if distinct:
            assert found.baseline_seconds == pytest.approx(ours.mean_makespan, abs=1e-4)
            assert found.baseline_joules == pytest.approx(ours.mean_joules)
            assert found.seconds - found.baseline_seconds == pytest.approx(-ours.later_seconds, abs=1e-3)


@pytest.mark.parametrize(
    ("seconds", "energy", "objective", "verdict"),
    [
        (NEUTRAL_PERCENT, 0.0, TIME, "Neutral"),
        (NEUTRAL_PERCENT + 0.01, -99.0, TIME, "Better"),
        (-NEUTRAL_PERCENT - 0.01, 99.0, TIME, "Worse"),
        (50.0, -51.0, BOTH, "Neutral"),
        (50.0, -40.0, Objective(50, 50), "Better"),
        (-90.0, 5.0, ENERGY, "Better"),
    ],
)
def test_the_verdict_weighs_time_and_energy_as_the_policy_does(
    seconds: float, energy: float, objective: Objective, verdict: str
) -> None:
    assert verdict_of(seconds, energy, objective) == verdict


def test_a_run_that_was_planned_under_a_cap_is_held_against_the_figures_under_it() -> None:
    capped = Option("nvidia-v100", 12.0, V100.demand, 100.0, cap_watts=150.0)
    graph, cluster = independent(1, V100, capped), a_cluster(v100=1)
    actual = {"t0": TaskActual("nvidia-v100", ("v100-0",), NOW, 12.0, cap_watts=150.0)}
    found = report(graph, cluster, actual, ENERGY)
    assert found is not None
    assert found.seconds == 12.0
    assert found.baseline_seconds == pytest.approx(V100.seconds)
