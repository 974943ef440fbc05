"""Generated load has the rates and mixes that it promises, and the same lots give the same load."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.readers.gavel import Throughputs
from heterosched_lab.readers.generate import arriving, bursts, gavel_jobs, poisson
from heterosched_lab.simulate.types import SimJob

TABLE = Throughputs(
    {(device, name, scale): 2.0 for device in ("v100", "k80") for name in "AB" for scale in (1, 2, 4, 8)}
    | {("v100", "only", 1): 5.0},
    {},
    {},
    ("v100", "k80"),
)


def lots(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_poisson_arrivals() -> None:
    times = poisson(20_000, 5.6, lots())
    gaps = np.diff(times)
    assert gaps.mean() == pytest.approx(3600 / 5.6, rel=0.03)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03)
    assert np.array_equal(times, poisson(20_000, 5.6, lots()))
    assert poisson(3, math.inf, lots()).tolist() == [0, 0, 0]


def test_bursts_have_the_rate_and_more_spread() -> None:
    times = bursts(20_000, 60.0, lots(), size=10, within=30)
    assert (np.diff(times) >= 0).all()
    assert 20_000 / (times[-1] / 3600) == pytest.approx(60, rel=0.05)
    per_minute = np.bincount((times // 60).astype(int))
    assert per_minute.var() > 5 * per_minute.mean()


@pytest.mark.parametrize(("count", "rate"), [(-1, 5.0), (3, 0.0), (3, math.nan)])
def test_rates_of_no_sense(count: int, rate: float) -> None:
    with pytest.raises(InvalidInput, match="arrivals"):
        poisson(count, rate, lots())
    with pytest.raises(InvalidInput, match="arrivals"):
        bursts(count, rate, lots())


def test_bursts_of_no_sense() -> None:
    with pytest.raises(InvalidInput, match=r"bursts: size, within: 0\.5 jobs"):
        bursts(3, 5.0, lots(), size=0.5)


def test_other_arrivals_keep_the_distance_of_deadlines() -> None:
    jobs = [SimJob("a", 5.0, {"t4": 1.0}, deadline=8.0), SimJob("b", 5.0, {"t4": 1.0})]
    found = arriving(jobs, np.array([100.0, 200.0]))
    assert [(job.arrival, job.deadline) for job in found] == [(100, 103), (200, math.inf)]
    with pytest.raises(InvalidInput, match="1 for 2 jobs"):
        arriving(jobs, np.array([1.0]))


def test_gavel_jobs() -> None:
    jobs = gavel_jobs(np.arange(4000.0), TABLE, lots(), several_gpus=True)
    assert {job.type for job in jobs} == {"A", "B"}
    minutes = np.array([job.steps / 2.0 / 60 for job in jobs])
    assert minutes.min() >= 10**1.5
    assert minutes.max() <= 10**4 * 1.001
    assert (minutes > 1000).mean() == pytest.approx(0.2, abs=0.02)
    shares = [np.mean([job.scale == scale for job in jobs]) for scale in (1, 2, 4, 8)]
    assert shares == pytest.approx([0.70, 0.10, 0.15, 0.05], abs=0.025)
    assert {job.scale for job in gavel_jobs(np.arange(50.0), TABLE, lots())} == {1}


def test_a_table_without_common_types() -> None:
    table = Throughputs({("v100", "A", 1): 2.0}, {}, {}, ("v100", "k80"))
    with pytest.raises(InvalidInput, match="no job type runs on all device types"):
        gavel_jobs(np.arange(3.0), table, lots())
