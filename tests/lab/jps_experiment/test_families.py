"""Instances of Gavel's jobs follow its table, and no two seeds share one."""

from __future__ import annotations

import numpy as np
import pytest

from heterosched_lab.jps_experiment.families import DEVICES, RATE, Kind, gavel_instance, instance, kinds
from heterosched_lab.readers.gavel import Throughputs

ALONE = {(device, "LM (batch size 10)", 1): rate for device, rate in zip(DEVICES, (1.0, 2.0, 4.0), strict=True)}
SINGLE = {(device, "A3C", 1): 3.0 for device in DEVICES}


def table(apart: dict[tuple[str, str, int], float]) -> Throughputs:
    return Throughputs(ALONE | SINGLE, apart, {}, DEVICES)


def test_bytes_are_what_explains_the_loss_of_two_separate_servers() -> None:
    # 2 / s2 = 1 / s1 + bytes / rate, with bytes / rate = 0.25 s on every device
    apart = {
        (device, "LM (batch size 10)", 2): 2.0 / (1.0 / ALONE[device, "LM (batch size 10)", 1] + 0.25)
        for device in DEVICES
    }
    single, several = kinds(table(apart))
    assert several.gradient_bytes == pytest.approx(0.25 * RATE)
    assert several.speed == (10.0, 20.0, 40.0)
    assert several.several
    assert single == Kind("A3C", 1, (3.0, 3.0, 3.0), 0.0, several=False)


def test_a_faster_pair_than_linear_costs_no_bytes() -> None:
    (_, several) = kinds(table({("v100", "LM (batch size 10)", 2): 100.0}))
    assert several.gradient_bytes == 0.0


def test_jobs_that_were_never_measured_on_several_workers_get_one() -> None:
    known = kinds(table({("v100", "LM (batch size 10)", 2): 6.0}))
    made = gavel_instance(known, np.random.default_rng(3), jobs=8, workers=12)
    assert {job.most for job in made.jobs if "A3C" in job.name} == {1}
    assert {job.most for job in made.jobs if "LM" in job.name} == {None}
    assert made.speed.shape == (8, 12)
    assert [worker.device for worker in made.workers[:3]] == list(DEVICES)


@pytest.mark.parametrize("family", ["prototype", "gavel"])
def test_equal_seeds_give_equal_instances_and_others_do_not(family: str) -> None:
    known = kinds(table({("v100", "LM (batch size 10)", 2): 6.0}))
    once, again = instance(family, known, 5, 1), instance(family, known, 5, 1)
    assert np.array_equal(once.speed, again.speed)
    assert [job.iterations for job in once.jobs] == [job.iterations for job in again.jobs]
    others = [instance(family, known, 5, 2), instance(family, known, 6, 1)]
    assert all(
        [job.iterations for job in once.jobs] != [job.iterations for job in other.jobs]
        or not np.array_equal(once.speed, other.speed)
        for other in others
    )
