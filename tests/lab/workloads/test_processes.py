"""A crew does every chunk once whatever the distribution, measures what it took, and says who failed."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from heterosched.errors import HeteroSchedError, InvalidInput, Unavailable
from heterosched_lab.workloads.energy import Meter
from heterosched_lab.workloads.mapreduce import MapReduce
from heterosched_lab.workloads.montecarlo import MonteCarlo
from heterosched_lab.workloads.nonuniform import NonUniform
from heterosched_lab.workloads.processes import Crew, usual_workers
from heterosched_lab.workloads.types import DISTRIBUTIONS
from heterosched_lab.workloads.video import Video

SEED = 7


@pytest.mark.parametrize(
    "program",
    [MonteCarlo(20_000, 1_500), NonUniform(400, 30), MapReduce(9, 50, 2), Video(64, 48, 45, 1)],
    ids=lambda program: program.name,
)
def test_the_answer_is_the_same_alone_or_together_dealt_or_taken(crew: Crew, program: Any) -> None:
    alone = program.joined([program.part(chunk, SEED) for chunk in range(program.chunks)], SEED)
    for distribution in DISTRIBUTIONS:
        run = crew.run(program, distribution, SEED)
        assert run.answer == alone
        assert len(run.completions) == len(run.work_completions) == program.chunks


def test_equal_shares_of_unequal_chunks_leave_one_worker_with_most_of_the_work(crew: Crew) -> None:
    program = NonUniform(samples=30_000, chunk=200)
    static, dynamic = (crew.run(program, distribution, SEED) for distribution in DISTRIBUTIONS)
    assert static.imbalance > 1.3
    assert sum(static.worker_cpu) == pytest.approx(static.cpu_seconds)
    assert max(static.work_completions) <= max(static.worker_cpu)
    assert len(dynamic.worker_cpu) == 2


def test_a_run_is_measured(crew: Crew) -> None:
    run = crew.run(MonteCarlo(samples=400_000, chunk=50_000), "dynamic", SEED)
    assert 0 < run.cpu_seconds <= 2 * run.seconds
    assert run.throughput == pytest.approx(400_000 / run.seconds)
    assert run.cpu_percent == pytest.approx(100 * run.cpu_seconds / run.seconds)
    assert 10e6 < run.peak_bytes < 10e9
    assert all(0 < moment <= run.seconds for moment in run.completions)
    model = crew.meter.model
    assert run.energy_source == "estimated"
    assert run.joules == pytest.approx(model.idle_watts * run.seconds + model.core_watts * run.cpu_seconds)


def test_a_run_between_two_readings_of_counters_is_measured(powercap: Any) -> None:
    with Crew(1, Meter.of(powercap)) as crew:
        run = crew.run(MonteCarlo(samples=1_000, chunk=500), "static", SEED)
    assert (run.joules, run.energy_source) == (0.0, "measured")


def test_some_chunks_are_a_run_of_their_own(crew: Crew) -> None:
    run = crew.run(MonteCarlo(samples=1_000, chunk=100), "static", SEED, chunks=range(3, 6))
    assert len(run.completions) == 3
    assert run.units == pytest.approx(300)


def test_late_chunks_are_counted_by_either_clock(crew: Crew) -> None:
    run = crew.run(MonteCarlo(samples=1_000, chunk=100), "static", SEED)
    assert (run.missed(0.0), run.missed(1e9)) == (1.0, 0.0)
    assert (run.missed(0.0, by_work=True), run.missed(1e9, by_work=True)) == (1.0, 0.0)


def test_a_chunk_that_fails_is_named_and_the_crew_goes_on(crew: Crew) -> None:
    broken = Video(64, 48, 45, 1)
    object.__setattr__(broken, "quality", "unheard of")  # past the check, as a defect of a program would be
    with pytest.raises(HeteroSchedError, match=r"video: chunk 0 failed(.|\n)*KeyError: 'unheard of'"):
        crew.run(broken, "static", SEED)
    assert crew.run(MonteCarlo(samples=10, chunk=5), "static", SEED).answer["pi"] >= 0


def test_a_worker_that_is_killed_is_named() -> None:
    with Crew(2) as crew:
        os.kill(crew.pids[1], signal.SIGKILL)
        with pytest.raises(Unavailable, match=rf"worker 1 \(process {crew.pids[1]}\) ended with status -9"):
            for _ in range(2):
                crew.run(MonteCarlo(samples=10, chunk=5), "static", SEED)


def test_a_run_that_is_broken_off_leaves_no_process() -> None:
    with pytest.raises(KeyboardInterrupt), Crew(1) as crew:
        pids = crew.pids
        raise KeyboardInterrupt
    for _ in range(100):
        if not any(_runs(pid) for pid in pids):
            break
        time.sleep(0.05)
    assert not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_cannot_be_run_is_refused(crew: Crew) -> None:
    program: Any = MonteCarlo(samples=10, chunk=5)
    with pytest.raises(InvalidInput, match="workers"):
        Crew(0)
    with pytest.raises(InvalidInput, match="part"):
        crew.run(program, "static", SEED, chunks=())
    unknown: Any = "guided"
    with pytest.raises(InvalidInput, match="distribution"):
        crew.run(program, unknown, SEED)


def test_there_are_always_two_who_share() -> None:
    assert 2 <= usual_workers() <= 8
