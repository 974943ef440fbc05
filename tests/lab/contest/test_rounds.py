"""A round tells what holds and what no strategy can beat."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contests import SMALL, a_rig, a_task
from heterosched_lab.contest.batch import Contest, contest
from heterosched_lab.contest.rounds import Round, formula_deviation, makespan_floor, play

ROUND = Round(replace(SMALL, num_tasks=60), 7, (100.0,))


def test_a_round_has_all_strategies_at_all_rates_and_above_the_floors() -> None:
    found = play(ROUND)
    assert list(found.queued) == [2.0, 100.0]
    for by_name in found.queued.values():
        assert set(by_name) == set(found.alone)
        for metrics in by_name.values():
            assert metrics.mean >= found.latency_floor
            assert metrics.makespan >= found.makespan_floor
    assert found.faster == 0
    assert found.deviation <= 1e-12
    assert found.contest is None
    assert found.alone["oracle"].seconds == found.latency_floor


def test_the_same_tasks_wait_longer_where_they_come_faster() -> None:
    found = play(ROUND)
    for name, slow in found.queued[2.0].items():
        assert found.queued[100.0][name].mean > slow.mean
        if name in ("greedy", "random", "round_robin", "oracle"):  # what they decide does not depend on the queues
            assert found.queued[100.0][name].busy_joules == pytest.approx(slow.busy_joules)


def test_the_makespan_floor_by_hand() -> None:
    # 10 s on the CPU or 2.5 s on the GPU, twice: 4 s of both together. With two GPUs 20/9 s
    tasks = [a_task(0), a_task(1)]
    assert makespan_floor(tasks, a_rig()) == pytest.approx(4.0)
    assert makespan_floor(tasks, a_rig(gpus=2)) == pytest.approx(20 / 9)
    # of 10 s and 10/1.3 s that which gains less from a GPU goes to the CPU
    mixed = [a_task(0), a_task(1, intensity=0.1)]
    part = (2.5 + 10 / 1.3) / (10 + 10 / 1.3)
    assert makespan_floor(mixed, a_rig()) == pytest.approx(part * 10)


@pytest.mark.parametrize("model", ["parallel", "legacy_linear"])
def test_a_wrong_figure_deviates_from_the_formulas(model: str) -> None:
    found: Contest = contest(replace(SMALL, num_tasks=20, model=model), 3)
    assert formula_deviation(found) <= 1e-12
    found.standings["greedy"].alone.dollars[5] *= 1.001
    assert formula_deviation(found) == pytest.approx(1e-3, rel=0.01)


def test_a_round_keeps_its_contest_where_it_is_to() -> None:
    found = play(replace(ROUND, keep=True, rates=()))
    assert found.contest is not None
    assert found.contest.standings["jps"].metrics == found.queued[2.0]["jps"]
