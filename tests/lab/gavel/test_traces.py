"""Traces: generated ones repeat by seed and can run; the published ones have the published bound and floor."""

from pathlib import Path

import numpy as np
import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.gavel.allocation import makespan_bound
from heterosched_lab.gavel.play import seconds_of
from heterosched_lab.gavel.traces import (
    CONTINUOUS,
    CONTINUOUS_JOBS,
    FILES,
    FLEET,
    STATIC,
    STATIC_JOBS,
    absent,
    generated,
    published,
    table_of,
)
from heterosched_lab.readers.gavel import Throughputs

TABLE = Throughputs({("v100", "net", 1): 10.0, ("p100", "net", 1): 5.0, ("k80", "net", 2): 1.0}, {}, {}, ("v100",))


def test_the_same_seed_draws_the_same_jobs_and_another_seed_others() -> None:
    assert generated(TABLE, 1, static=False) == generated(TABLE, 1, static=False)
    assert generated(TABLE, 1, static=False) != generated(TABLE, 2, static=False)


def test_static_jobs_are_all_there_and_the_others_come_in_order() -> None:
    static, continuous = generated(TABLE, 3, static=True), generated(TABLE, 3, static=False)
    assert len(static) == STATIC_JOBS and {job.arrival for job in static} == {0.0}
    arrivals = [job.arrival for job in continuous]
    assert len(continuous) == CONTINUOUS_JOBS and arrivals == sorted(arrivals) and arrivals[-1] > 0


def test_a_gang_is_only_drawn_where_it_was_measured() -> None:
    jobs = generated(TABLE, 4, static=True)
    assert {(job.workers, tuple(job.seconds)) for job in jobs} == {(1, ("v100", "p100")), (2, ("k80",))}


@pytest.mark.parametrize("alone", [{}, {("t4", "net", 1): 9.0}, {("v100", "net", 8): 9.0}, {("v100", "net", 1): 0.0}])
def test_a_table_without_the_fleets_types_is_refused(alone: dict[tuple[str, str, int], float]) -> None:
    with pytest.raises(InvalidInput, match="no throughput on v100"):
        generated(Throughputs(alone, {}, {}, ()), 1, static=True)


def test_what_is_absent_is_named(tmp_path: Path) -> None:
    (tmp_path / STATIC).touch()
    assert absent(tmp_path) == [name for name in FILES if name != STATIC]


def test_the_published_traces_have_the_published_bound_and_floor(gavel_data: Path) -> None:
    table = table_of(gavel_data)
    jobs = published(gavel_data, STATIC, table)
    width, capacity = np.array([job.workers for job in jobs]), np.array([node.gpus for node in FLEET])
    assert makespan_bound(seconds_of(jobs), width, capacity) / 3600 == pytest.approx(17.71, abs=0.005)
    best = seconds_of(published(gavel_data, CONTINUOUS, table)).min(axis=1)
    assert best.mean() / 3600 == pytest.approx(2.34, abs=0.005)
