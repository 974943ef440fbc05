"""Static against dynamic distribution: pairs of runs on the same seed, in an order that slow drifts cancel out of.

A machine's noise comes in stretches (another program, a hot processor), so that neighbouring runs are alike. The two
sides therefore take turns in the order A B, B A, A B, ...: a drift that is even over four runs adds the same to both,
and enlarges the spread within each, which makes Welch's test more careful, not less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from heterosched_lab.statistics import Verdict, Welch, percentile, verdict, welch
from heterosched_lab.workloads.processes import Crew
from heterosched_lab.workloads.types import Distribution, Program, Run

Measure = Callable[[Run], float]
MEASURES: dict[str, Measure] = {
    "seconds": lambda run: run.seconds,
    "cpu_seconds": lambda run: run.cpu_seconds,
    "busiest_worker": lambda run: max(run.worker_cpu),
    "joules": lambda run: run.joules,
}
"""What can be compared; less is better in all of them.

`seconds`: the wall clock, which other programs on the machine stretch. `cpu_seconds`: the work of all workers, which
shows what a distribution costs. `busiest_worker`: CPU seconds of the worker with the most work: the run time of a
static distribution where each worker has a core to itself, whatever else the machine does. A dynamic one gives a worker
whose core is taken by others less to do, so this measure is for work that is uneven by far more than that.
"""
USUAL = ("seconds", "cpu_seconds", "joules")
TURNS = 6
"""Pairs in a comparison of a distribution with itself: an even number, so that drifts cancel exactly."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A measure under two distributions: before and after, the change in percent, and what Welch's test says of it."""

    workload: str
    measure: str
    before: float
    after: float
    change_percent: float
    welch: Welch
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, standard deviation (of a sample) and tail of some values."""

    mean: float
    std: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value; one alone has no deviation, which is then 0."""
        mean = sum(values) / len(values)
        square = sum((value - mean) ** 2 for value in values)
        std = (square / (len(values) - 1)) ** 0.5 if len(values) > 1 else 0.0
        return cls(mean, std, percentile(values, 95), percentile(values, 99))


def in_turns(
    run: Callable[[Distribution, int], Run], first: Distribution, second: Distribution, seeds: Sequence[int]
) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Runs of both sides, one of each per seed, in the order A B, B A, A B, ..."""
    sides: tuple[list[Run], list[Run]] = ([], [])
    for number, seed in enumerate(seeds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            sides[side].append(run((first, second)[side], seed))
    return tuple(sides[0]), tuple(sides[1])


def measured(
    crew: Crew, program: Program, seeds: Sequence[int], warm_ups: int = 1, step: Callable[[], None] = lambda: None
) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Runs of a program under static and dynamic distribution. Warm-up runs, which nobody sees, come first."""

    def run(distribution: Distribution, seed: int) -> Run:
        found = crew.run(program, distribution, seed)
        step()
        return found

    for _ in range(warm_ups):
        in_turns(run, "static", "dynamic", seeds[:1])
    return in_turns(run, "static", "dynamic", seeds)


def compared(before: Sequence[Run], after: Sequence[Run], names: Sequence[str] = USUAL) -> list[Compared]:
    """Measures of two series of runs of a workload; each needs two runs at least. Raises InvalidInput."""
    found = []
    for name in names:
        one, two = [MEASURES[name](run) for run in before], [MEASURES[name](run) for run in after]
        test = welch(one, two)
        first, second = sum(one) / len(one), sum(two) / len(two)
        change = 100 * (second - first) / first if first else 0.0
        found.append(Compared(before[0].workload, name, first, second, change, test, verdict(one, two)))
    return found


def same_against_same(
    crew: Crew, program: Program, repeats: int, seed: int, step: Callable[[], None] = lambda: None
) -> list[dict[str, Compared]]:
    """Compare the static distribution with itself so many times, by real runs: every verdict ought to be Neutral."""
    found = []
    crew.run(program, "static", seed)  # the warm-up
    for repeat in range(repeats):
        seeds = [seed + repeat * TURNS + turn for turn in range(TURNS)]
        sides = in_turns(lambda how, which: crew.run(program, how, which), "static", "static", seeds)
        found.append({one.measure: one for one in compared(*sides, names=("seconds", "cpu_seconds"))})
        step()
    return found


def neutral_share(repeats: Sequence[Mapping[str, Compared]], measure: str) -> float:
    """Share of the repeats whose verdict is Neutral."""
    return sum(repeat[measure].verdict == "Neutral" for repeat in repeats) / len(repeats)
