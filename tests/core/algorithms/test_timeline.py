"""A timeline finds the earliest place that holds a demand for its whole time, and never gives the same place twice."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.algorithms.timeline import NodeTimeline, Timeline
from heterosched.model import Demand, Node, Reservation

ONE = Demand(cpu=1)
TIMES = st.sampled_from((0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0))
HELD = st.lists(
    st.tuples(TIMES, st.sampled_from((0.5, 1.0, 4.0)), st.sampled_from((1.0, 2.0, 3.0))).map(
        lambda held: (held[0], held[0] + held[1], Demand(cpu=held[2]))
    ),
    max_size=6,
)


def free_at(has: float, held: list[tuple[float, float, Demand]], moment: float) -> float:
    return has - sum(demand.cpu for start, finish, demand in held if start <= moment < finish)


def holds(has: float, held: list[tuple[float, float, Demand]], start: float, seconds: float, need: float) -> bool:
    """The definition: enough is free at every moment from start to start + seconds."""
    moments = [start, *(moment for moment, _, _ in held if start < moment < start + seconds)]
    return all(free_at(has, held, moment) >= need for moment in moments)


def test_an_empty_node_is_free_at_once() -> None:
    assert NodeTimeline(Demand(4)).earliest(3.0, 10.0, ONE) == 3.0


def test_a_demand_larger_than_the_node_never_fits() -> None:
    assert NodeTimeline(Demand(4)).earliest(0.0, 1.0, Demand(5)) == math.inf


def test_a_gap_is_used_only_if_it_is_long_enough() -> None:
    row = NodeTimeline(ONE, [(0, 2, ONE), (5, 9, ONE)])
    assert row.earliest(0.0, 3.0, ONE) == 2.0
    assert row.earliest(0.0, 3.5, ONE) == 9.0
    assert row.earliest(3.0, 2.0, ONE) == 3.0


def test_what_is_held_for_good_never_becomes_free() -> None:
    row = NodeTimeline(ONE, [(4, math.inf, ONE)])
    assert row.earliest(0.0, 4.0, ONE) == 0.0
    assert row.earliest(0.0, 4.5, ONE) == math.inf


def test_reservations_that_began_before_the_origin_count_from_there() -> None:
    row = NodeTimeline(Demand(2), [(-10, 5, ONE), (-3, -1, ONE)])
    assert row.earliest(0.0, 1.0, Demand(2)) == 5.0


def test_an_overbooked_node_waits_until_there_is_room() -> None:
    assert NodeTimeline(Demand(2), [(0, 5, Demand(3)), (0, 7, ONE)]).earliest(0.0, 1.0, Demand(2)) == 7.0


@given(HELD, TIMES, st.sampled_from((0.5, 1.0, 3.0)), st.sampled_from((1.0, 2.0, 4.0)))
def test_the_earliest_start_is_the_first_that_the_definition_allows(
    held: list[tuple[float, float, Demand]], ready: float, seconds: float, need: float
) -> None:
    start = NodeTimeline(Demand(4), held).earliest(ready, seconds, Demand(cpu=need))
    candidates = sorted({ready, *(finish for _, finish, _ in held if finish > ready)})
    assert start == next(moment for moment in candidates if holds(4, held, moment, seconds, need))


@given(HELD, st.lists(st.tuples(TIMES, st.sampled_from((0.5, 2.0))), max_size=6))
def test_what_is_taken_is_gone(held: list[tuple[float, float, Demand]], wishes: list[tuple[float, float]]) -> None:
    row, taken = NodeTimeline(Demand(4), held), list(held)
    for ready, seconds in wishes:
        start = row.earliest(ready, seconds, ONE)
        assert holds(4, taken, start, seconds, 1)
        row.take(start, start + seconds, ONE)
        taken.append((start, start + seconds, ONE))


@given(HELD, TIMES, st.sampled_from((0.5, 1.0, 3.0)))
def test_the_count_of_workers_is_what_the_definition_says(
    held: list[tuple[float, float, Demand]], ready: float, seconds: float
) -> None:
    steps = NodeTimeline(Demand(4), held).workers(ready, seconds, ONE, 9)
    assert steps[0][0] == ready
    borders = {ready, *(start for start, _, _ in held), *(finish for _, finish, _ in held)}
    for moment in borders | {border + 0.25 for border in borders}:
        if moment >= ready:
            count = [count for start, count in steps if start <= moment][-1]
            assert count == max(n for n in range(5) if n == 0 or holds(4, held, moment, seconds, n))


def nodes(*cores: float) -> tuple[Node, ...]:
    return tuple(Node(f"n{number}", "cpu", Demand(cpu=core)) for number, core in enumerate(cores))


def test_workers_start_together_on_as_few_nodes_as_possible() -> None:
    line = Timeline(nodes(1, 2, 4))
    assert line.together((0, 1, 2), dict.fromkeys(range(3), 0.0), 5.0, ONE, 4) == (0.0, (2, 2, 2, 2))
    assert line.together((0, 1, 2), dict.fromkeys(range(3), 0.0), 5.0, ONE, 6) == (0.0, (2, 2, 2, 2, 1, 1))


def test_workers_wait_until_all_of_them_fit() -> None:
    line = Timeline(nodes(1, 1), [Reservation("n1", ONE, 100.0, 107.0)], origin=100.0)
    assert line.together((0, 1), {0: 0.0, 1: 0.0}, 2.0, ONE, 2) == (7.0, (0, 1))


def test_workers_do_not_run_into_what_another_node_of_theirs_has_promised() -> None:
    """The second node is free from 2 s on, the first only for a run that ends by 4 s: together they wait until 6 s."""
    held = (Reservation("n0", Demand(4), 4, 6), Reservation("n1", Demand(4), 0, 2))
    timeline = Timeline(nodes(4, 4), held)
    assert timeline.together((0, 1), {0: 0.0, 1: 0.0}, 3.0, Demand(4), 2) == (6.0, (0, 1))
    assert timeline.together((0, 1), {0: 0.0, 1: 0.0}, 2.0, Demand(4), 2) == (2.0, (0, 1))


def test_workers_wait_for_the_data_of_each_node() -> None:
    line = Timeline(nodes(1, 1, 1))
    assert line.together((0, 1, 2), {0: 1.0, 1: 9.0, 2: 3.0}, 2.0, ONE, 2) == (3.0, (0, 2))


def test_workers_that_never_fit_together_have_no_start() -> None:
    assert Timeline(nodes(1, 1)).together((0, 1), {0: 0.0, 1: 0.0}, 2.0, ONE, 3) == (math.inf, ())


def test_reservations_of_unknown_nodes_are_ignored_and_the_horizon_ends_the_others() -> None:
    held = [Reservation("gone", ONE, 0, 9), Reservation("n0", ONE, 0, math.inf)]
    line = Timeline(nodes(1), held, origin=0.0, horizon=50.0)
    assert line.rows[0].earliest(0.0, 1.0, ONE) == 50.0


@pytest.mark.parametrize("count", [1, 3, 10])
def test_tenths_of_a_core_add_up(count: int) -> None:
    row = NodeTimeline(ONE)
    for _ in range(10 - count):
        row.take(0.0, 5.0, Demand(cpu=0.1))
    assert row.workers(0.0, 5.0, Demand(cpu=0.1), 99)[0] == (0.0, count)
    assert row.earliest(0.0, 5.0, Demand(cpu=0.1 * count)) == 0.0


def test_a_copy_is_changed_on_its_own() -> None:
    nodes = [Node("a", "cpu", Demand(cpu=1)), Node("b", "cpu", Demand(cpu=1))]
    first = Timeline(nodes)
    copy = first.copy()
    copy.take(0, 0.0, 5.0, Demand(cpu=1))
    copy.copy().take(0, 5.0, 9.0, Demand(cpu=1))
    assert [row.earliest(0.0, 1.0, Demand(cpu=1)) for row in copy.rows] == [5.0, 0.0]
    assert [row.earliest(0.0, 1.0, Demand(cpu=1)) for row in first.rows] == [0.0, 0.0]
