"""One update per task holds the result of every strategy; those that learn are taught from earlier tasks alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from contests import SMALL, Pupil
from heterosched_lab.contest.entrants import FractionEntrant, Learner
from heterosched_lab.contest.faults import FailedStrategy
from heterosched_lab.contest.generator import generate, stream
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings, settings_from
from heterosched_lab.contest.updates import entrants, updates

RIG = Rig.of(SMALL)
TASKS = generate(SMALL, 3, 35)


def test_an_update_has_the_result_of_every_strategy_for_one_task() -> None:
    takers = entrants(SMALL, 3)
    told = list(updates(TASKS, takers, RIG))
    assert [own.task for own in told] == TASKS
    for own in told:
        assert list(own.results) == [taker.name for taker in takers]
        assert own.best == own.results["oracle"]
        assert all(result.seconds > 0 and result.joules > 0 and result.dollars > 0 for result in own.results.values())


def test_the_published_rules_show_in_the_updates() -> None:
    told = list(updates(TASKS[:4], entrants(SMALL, 3), RIG))
    assert [own.results["round_robin"].fraction for own in told] == [0.5, 0.0, 0.5, 0.0]
    assert all(own.results["greedy"].fraction == own.task.split.intensity for own in told)


def test_a_stream_without_end_can_be_followed() -> None:
    endless = stream(SMALL, np.random.default_rng(1))
    told = list(islice(updates(endless, entrants(SMALL, 1, ("greedy",)), RIG), 3))
    assert [own.task.number for own in told] == [0, 1, 2]
    assert all(own.best.seconds <= own.results["greedy"].seconds for own in told)


def test_changing_the_power_changes_the_next_update() -> None:
    dear = settings_from({"power": {"gpu_power_w": 500}}, "f", SMALL)
    cheap_one, dear_one = (
        next(updates(TASKS, entrants(own, 3), Rig.of(own))).results["greedy"] for own in (SMALL, dear)
    )
    assert dear_one.joules > cheap_one.joules
    assert dear_one.seconds == cheap_one.seconds


@pytest.mark.parametrize(("interval", "lessons"), [(10, 3), (50, 0), (35, 1), (1, 35)])
def test_learners_are_taught_after_every_interval(interval: int, lessons: int) -> None:
    pupil = Pupil()
    assert isinstance(pupil, Learner)
    told = list(updates(TASKS, [FractionEntrant(pupil)], RIG, interval))
    assert len(pupil.lessons) == lessons
    assert [own.task.number + 1 for own in told if own.taught] == [interval * (count + 1) for count in range(lessons)]
    assert all(own.taught in ((), ("pupil",)) for own in told)


def test_lessons_are_of_earlier_tasks_and_their_best_fractions() -> None:
    pupil = Pupil()
    told = list(updates(TASKS, [FractionEntrant(pupil)], RIG, 10))
    tasks, fractions = pupil.lessons[1]
    assert [task.number for task in tasks] == list(range(20))
    assert list(fractions) == [own.best.fraction for own in told[:20]]


def test_a_lesson_has_at_most_a_thousand_tasks() -> None:
    pupil = Pupil()
    list(updates(generate(SMALL, 3, 1100), [FractionEntrant(pupil)], RIG, 1100))
    tasks, fractions = pupil.lessons[0]
    assert (tasks[0].number, tasks[-1].number, len(fractions)) == (100, 1099, 1000)


def test_a_learner_that_fails_is_named() -> None:
    class Failing(Pupil):
        def learn(self, tasks: object, fractions: object) -> None:
            raise MemoryError("too much")

    with pytest.raises(FailedStrategy, match="strategy pupil: task 9: MemoryError: too much"):
        list(updates(TASKS, [FractionEntrant(Failing())], RIG, 10))


def test_each_retrain_interval_of_the_file_is_kept() -> None:
    assert replace(Settings(), retrain_interval=7) == settings_from({"simulation": {"retrain_interval": 7}}, "f")
