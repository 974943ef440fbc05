"""A stream is the same for the same seed, and a load only moves its jobs closer together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.simulate.types import SimJob
from heterosched_lab.zeus.stream import mean_seconds, stream
from heterosched_lab.zeus.tables import read_tables


def a_stream(folder: Path, load: float = 1.0, seed: int = 7, count: int = 400) -> list[SimJob]:
    return stream(read_tables(folder), count, load, np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_jobs_and_another_one_others(tables_folder: Path) -> None:
    assert a_stream(tables_folder) == a_stream(tables_folder)
    assert a_stream(tables_folder) != a_stream(tables_folder, seed=8)


def test_a_job_takes_its_epochs_on_each_type_and_under_each_cap(tables_folder: Path) -> None:
    job = next(own for own in a_stream(tables_folder) if own.category == "squad")
    epochs = job.seconds["nvidia-v100"] / 80.0
    assert epochs in (4.0, 6.0)
    assert job.watts["nvidia-v100"] == 240.0
    assert job.caps["nvidia-v100"] == ((125.0, 120.0 * epochs, 110.0),)
    assert job.caps["nvidia-p100"] == ()


def test_the_load_is_work_over_what_the_fleet_does(tables_folder: Path) -> None:
    whole, half = a_stream(tables_folder, 1.0), a_stream(tables_folder, 0.5)
    assert [own.seconds for own in whole] == [own.seconds for own in half]
    assert half[-1].arrival == pytest.approx(2 * whole[-1].arrival)
    gap = whole[-1].arrival / (len(whole) - 1)
    assert gap == pytest.approx(mean_seconds(read_tables(tables_folder)) / 32, rel=0.15)


@pytest.mark.parametrize(("count", "load"), [(0, 1.0), (5, 0.0), (5, float("inf")), (5, float("nan"))])
def test_no_stream_of_nothing(tables_folder: Path, count: int, load: float) -> None:
    with pytest.raises(InvalidInput, match="at least one job and a load above 0"):
        a_stream(tables_folder, load, count=count)
