"""A pod that was just advised counts on its node for a while, once, and never against itself."""

from __future__ import annotations

from heterosched.policy.nodes import Roster
from heterosched.policy.table import BUILT_IN
from heterosched_extender.hints import Hints

HINT_SECONDS = BUILT_IN["Balanced"].hint_seconds
ROSTER = Roster.of(1, ["a", "b"])


def cores(
    hints: Hints, now: float = 0.0, roster: Roster = ROSTER, but: str = "", seconds: float = HINT_SECONDS
) -> list[float] | None:
    found = hints.cores(now, roster, but, seconds)
    return None if found is None else found.tolist()


def test_advice_adds_up_and_a_retry_replaces_its_own() -> None:
    hints = Hints()
    hints.advise("u1", "a", 2.0, 0.0, ROSTER)
    hints.advise("u2", "a", 3.0, 0.0, ROSTER)
    assert cores(hints) == [5.0, 0.0]
    hints.advise("u1", "b", 2.0, 0.0, ROSTER)
    assert cores(hints) == [3.0, 2.0]


def test_a_pod_does_not_count_against_itself() -> None:
    hints = Hints()
    hints.advise("u1", "a", 2.0, 0.0, ROSTER)
    assert cores(hints, but="u1") is None
    hints.advise("u2", "b", 1.0, 0.0, ROSTER)
    assert cores(hints, but="u1") == [0.0, 1.0]


def test_hints_end_after_their_time_and_with_the_pod() -> None:
    hints = Hints()
    hints.advise("u1", "a", 2.0, 0.0, ROSTER)
    hints.advise("u2", "b", 1.0, 10.0, ROSTER)
    assert cores(hints, now=HINT_SECONDS) == [0.0, 1.0]
    hints.forget("u2")
    assert cores(hints, now=HINT_SECONDS) is None
    assert len(hints) == 0


def test_hints_that_nobody_asks_for_do_not_pile_up() -> None:
    hints = Hints()
    assert cores(hints, seconds=5.0) is None
    for second in range(1000):
        hints.advise(f"u{second}", "a", 1.0, float(second), ROSTER)
    assert len(hints) <= HINT_SECONDS + 1
    assert cores(hints, now=999.0, seconds=5.0) == [5.0, 0.0]


def test_a_pod_that_went_elsewhere_counts_there() -> None:
    hints = Hints()
    hints.advise("u1", "a", 2.0, 0.0, ROSTER)
    hints.bound("u1", "b", ROSTER)
    hints.bound("never-advised", "b", ROSTER)
    assert cores(hints) == [0.0, 2.0]


def test_hints_follow_the_nodes_when_they_are_numbered_anew() -> None:
    hints = Hints()
    hints.advise("u1", "a", 2.0, 0.0, ROSTER)
    hints.advise("u2", "b", 1.0, 0.0, ROSTER)
    assert cores(hints, roster=Roster.of(2, ["0", "b", "c"])) == [0.0, 1.0, 0.0]


def test_each_policy_counts_hints_for_as_long_as_it_says() -> None:
    hints = Hints()
    hints.advise("u1", "a", 2.0, 0.0, ROSTER)
    hints.advise("u2", "b", 1.0, 20.0, ROSTER)
    assert cores(hints, now=25.0, seconds=10.0) == [0.0, 1.0]
    assert cores(hints, now=25.0) == [2.0, 1.0]
    assert cores(hints, now=25.0, seconds=0.0) is None
    hints.bound("u2", "a", ROSTER)
    assert cores(hints, now=25.0, seconds=10.0) == [1.0, 0.0]
    hints.forget("u2")
    assert cores(hints, now=25.0, seconds=10.0) is None
    assert len(hints) == 1
