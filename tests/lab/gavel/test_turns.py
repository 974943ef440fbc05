"""Turns: a policy sees what production would know, a blind one no sizes, and only what changes is stopped or begun."""

import numpy as np
import pytest

from heterosched.algorithms.rounds import IDLE, Ints, Turn
from heterosched_lab.gavel.turns import InRounds
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.types import Conditions, SimJob, SimNode

NODES = (SimNode("fast", "fast", 2), SimNode("slow", "slow", 2))


def played(jobs: list[SimJob], blind: bool = False, switch: float = 0.0) -> tuple[list[Turn], float, int]:
    seen: list[Turn] = []

    def decide(turn: Turn, rows: Ints) -> Ints:
        seen.append(turn)
        kinds = np.full(len(rows), IDLE, dtype=np.int64)
        kinds[: int(turn.capacity.min())] = (len(seen) // 3) % 2
        return kinds

    conditions = Conditions(switch_seconds=switch)
    log = simulate(jobs, NODES, InRounds("mine", decide, blind), conditions)
    metrics = check(log, jobs, NODES, conditions)
    return seen, metrics.makespan, metrics.switches


def test_remaining_work_falls_by_the_speed_of_the_type_that_was_given() -> None:
    seen, makespan, _ = played([SimJob("a", 0.0, {"fast": 3600.0, "slow": 7200.0})])
    assert seen[0].rate.tolist() == [[1.0, 0.5]]
    assert seen[1].remaining[0] == pytest.approx(3600.0 - 360.0)
    assert seen[3].remaining[0] == pytest.approx(3600.0 - 2 * 360.0 - 180.0)
    assert makespan == pytest.approx(13 * 360.0)


def test_only_a_job_that_moves_pays_for_a_switch() -> None:
    seen, _, switches = played([SimJob("a", 0.0, {"fast": 1750.0, "slow": 1750.0})], switch=20.0)
    assert switches == 1
    assert [int(turn.held[0]) for turn in seen] == [IDLE, 0, 0, 1, 1]


def test_the_fair_time_of_a_job_alone_is_that_on_all_devices() -> None:
    seen, _, _ = played([SimJob("a", 0.0, {"fast": 3600.0, "slow": 7200.0})])
    assert [turn.fair[0] for turn in seen] == pytest.approx([4800.0] * len(seen))


def test_a_blind_policy_is_told_neither_sizes_nor_fair_times() -> None:
    seen, _, _ = played([SimJob("a", 0.0, {"fast": 3600.0, "slow": 7200.0})], blind=True)
    assert all(np.isnan(turn.remaining).all() and np.isnan(turn.fair).all() for turn in seen)
    assert seen[1].served[0] == pytest.approx(360.0)


def test_a_type_without_a_time_has_no_speed() -> None:
    seen, _, _ = played([SimJob("a", 0.0, {"fast": 600.0}), SimJob("b", 400.0, {"fast": 300.0, "slow": 300.0})])
    assert seen[0].rate.tolist() == [[1.0, 0.0]]


def test_without_known_sizes_a_longer_job_gets_the_same_first_decision() -> None:
    turns = [
        played([SimJob("a", 0.0, {"fast": factor * 600.0, "slow": factor * 1200.0})], blind=True)[0][0]
        for factor in (1.0, 7.0)
    ]
    for name in ("rate", "remaining", "served", "fair"):
        np.testing.assert_array_equal(getattr(turns[0], name), getattr(turns[1], name))
