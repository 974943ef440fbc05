"""A schedule's start, finish and joules are those of its assignments, and an empty one is nothing at all."""

from __future__ import annotations

from heterosched.model import Assignment, Demand, Option, Schedule


def test_a_schedule_spans_its_assignments() -> None:
    way = Option("cpu", 10.0, Demand(), watts=5.0, workers=2)
    schedule = Schedule(
        {"a": Assignment("a", way, ("n", "n"), 5.0, 15.0), "b": Assignment("b", way, ("n", "m"), 2.0, 12.0)}
    )
    assert (schedule.start, schedule.finish, schedule.joules) == (2.0, 15.0, 200.0)


def test_an_empty_schedule_takes_no_time_and_no_energy() -> None:
    empty = Schedule({})
    assert (empty.start, empty.finish, empty.joules) == (0.0, 0.0, 0.0)
