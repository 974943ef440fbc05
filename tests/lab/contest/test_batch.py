"""A contest has every strategy's outcomes, alone and under arrivals, and the oracle is beaten by nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contests import SMALL, Pupil, always
from heterosched.algorithms.fractions import SplitModel, SplitTask
from heterosched_lab.contest.batch import compete, contest, faster_than_oracle
from heterosched_lab.contest.entrants import FractionEntrant
from heterosched_lab.contest.generator import generate
from heterosched_lab.contest.rig import Rig


@pytest.mark.parametrize("model", ["parallel", "legacy_linear"])
def test_nobody_beats_the_oracle_and_ours_beats_the_simple_ones(model: str) -> None:
    found = contest(replace(SMALL, model=model), 7)
    assert faster_than_oracle(found) == 0
    ours, oracle = found.standings["even_finish"], found.standings["oracle"]
    assert ours.regret == pytest.approx(0.0, abs=1e-12)
    assert ours.metrics.mean <= oracle.metrics.mean
    for name in ("round_robin", "random", "greedy"):
        own = found.standings[name]
        assert own.regret > 0
        assert ours.alone.seconds.mean() < own.alone.seconds.mean()
        assert ours.metrics.mean < own.metrics.mean


def test_the_same_seed_is_the_same_contest() -> None:
    one, other = contest(SMALL, 8), contest(SMALL, 8)
    for name, standing in one.standings.items():
        assert standing.metrics == other.standings[name].metrics
        assert (standing.alone.dollars == other.standings[name].alone.dollars).all()
    assert contest(SMALL, 9).standings["random"].metrics != one.standings["random"].metrics


def test_alone_is_the_model_row_by_row_and_speedup_refers_to_the_cpu() -> None:
    tasks = generate(SMALL, 4, 30)
    rig = Rig.of(SMALL)
    found = compete(SMALL, 4, tasks, [always(0.0), FractionEntrant(always(1.0).strategy, "gpu")])
    gpu = found.standings["gpu"]
    assert gpu.alone.joules.tolist() == [rig.alone(task.split, 1.0).joules for task in tasks]
    assert found.standings["told"].speedup == 1.0
    assert gpu.speedup > 1.0


def test_lessons_are_counted() -> None:
    found = compete(replace(SMALL, retrain_interval=10), 4, generate(SMALL, 4, 35), [FractionEntrant(Pupil())])
    assert found.lessons == {"pupil": 3}
    assert faster_than_oracle(found) == 0


def test_who_learns_is_asked_about_each_task_once() -> None:
    class Asked(Pupil):
        def __init__(self) -> None:
            super().__init__()
            self.numbers: list[int] = []

        def fraction(self, task: SplitTask, model: SplitModel) -> float:
            self.numbers.append(task.number)
            return min(1.0, len(self.lessons) / 4)

    pupil = Asked()
    found = compete(replace(SMALL, retrain_interval=10), 4, generate(SMALL, 4, 35), [FractionEntrant(pupil)])
    assert pupil.numbers == list(range(35))
    own = found.standings["pupil"]
    assert (
        own.log.fraction.tolist() == own.alone.fraction.tolist() == [0.0] * 10 + [0.25] * 10 + [0.5] * 10 + [0.75] * 5
    )


def test_ids_begin_where_they_are_told() -> None:
    assert [task.number for task in contest(replace(SMALL, num_tasks=3), 1, first=500).tasks] == [500, 501, 502]
