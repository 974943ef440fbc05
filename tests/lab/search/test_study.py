"""A search finds a known optimum, and its trials are the same whatever the number of workers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.search.space import Dimension
from heterosched_lab.search.study import Spreading, best, search

SPACE = (Dimension("share", 0.0, 1.0, 0.05), Dimension("count", 1, 256, log=True))
FIRST = {"share": 0.9, "count": 128.0}
calls: list[Mapping[str, float]] = []


def bowl(point: Mapping[str, float]) -> tuple[float, Mapping[str, float]]:
    calls.append(point)
    return (point["share"] - 0.3) ** 2 + ((point["count"] - 20) / 100) ** 2, {"count_again": point["count"]}


def test_it_finds_a_known_optimum_and_never_tries_a_point_twice() -> None:
    calls.clear()
    trials = search(SPACE, bowl, FIRST, trials=64, seed=5, spreading=Spreading(workers=1))
    assert dict(trials[0].values) == FIRST
    assert best(trials).values["share"] == pytest.approx(0.3, abs=0.1)
    assert best(trials).values["count"] == pytest.approx(20, abs=20)
    assert len(calls) == len({tuple(call.values()) for call in calls})


@pytest.mark.slow
def test_two_workers_see_the_same_trials_as_one() -> None:
    one = search(SPACE, bowl, FIRST, trials=12, seed=7, spreading=Spreading(workers=1))
    assert search(SPACE, bowl, FIRST, trials=12, seed=7, spreading=Spreading(workers=2)) == one
    assert search(SPACE, bowl, FIRST, trials=12, seed=8, spreading=Spreading(workers=1)) != one


def test_present_parameters_stay_where_nothing_beats_them() -> None:
    trials = search(SPACE, lambda point: (1.0, {}), FIRST, trials=9, seed=1, spreading=Spreading(workers=1))
    assert best(trials).number == 0


def test_a_first_point_outside_of_the_space_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"share: 2 is not within 0\.\.1"):
        search(SPACE, bowl, {"share": 2.0, "count": 1.0}, trials=1, seed=1)
    with pytest.raises(InvalidInput, match="name each dimension once"):
        search(SPACE, bowl, {"share": 0.5}, trials=1, seed=1)
