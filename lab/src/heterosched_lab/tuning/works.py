"""What can be tuned of a policy, and on which cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from heterosched.errors import InvalidInput
from heterosched.policy.table import PolicyRow
from heterosched_lab.jps_experiment import effort
from heterosched_lab.jps_experiment.effort import Case, EffortProblem, WantedProblem
from heterosched_lab.jps_experiment.families import Kind, kinds
from heterosched_lab.readers.gavel import read_throughputs
from heterosched_lab.spread import spread
from heterosched_lab.tuning import beta, weights
from heterosched_lab.tuning.beta import BetaProblem
from heterosched_lab.tuning.manifest import Base, tuned
from heterosched_lab.tuning.session import TIMED_CASES, Asked, Work
from heterosched_lab.tuning.streams import Sources, sources
from heterosched_lab.tuning.weights import StreamCase, WeightsProblem, played

TRACES: Final = ("nodes", "gavel", "prototype")
STREAMS: Final = ("zeus", "gavel")
MOST_JOBS = 100_000
Item = tuple[str, int, int]
Made = TypeVar("Made")
TABLE = "gavel/simulation_throughputs.json"


def effort_work(asked: Asked, present: Base, trace: str, other: str, data: Path) -> Work:
    """samples, alpha and explore: fewest categories placed while the gap stays small."""
    training, own, others = _cases(asked, trace, other, data)
    row = present.row.jps
    return Work(
        effort.SPACE,
        effort.point_of(row),
        EffortProblem(training, row),
        {
            f"other seeds of {trace}": EffortProblem(own, row),
            f"trace {other}": EffortProblem(others, row),
            "score by the policy's own wants": WantedProblem(own, row),
        },
        f"categories placed, gap <= {effort.TARGET_PERCENT} % at the 95th percentile",
        lambda given, point: tuned(given, jps=point),
        EffortProblem(own[:TIMED_CASES], row),
    )


def beta_work(asked: Asked, present: Base, trace: str, other: str, data: Path, floor: float) -> Work:
    """beta: shortest completion times while the Jain index is at least `floor`."""
    if not 0 < floor <= 1:
        raise InvalidInput("option --floor", "", f"{floor:g} is not within 0..1", "give a Jain index such as 0.9")
    training, own, others = _cases(asked, trace, other, data)
    problem = partial(BetaProblem, present=present.row.jps, floor=floor)
    return Work(
        beta.SPACE,
        {"beta": present.row.jps.beta},
        problem(training),
        {f"other seeds of {trace}": problem(own), f"trace {other}": problem(others)},
        f"mean completion time over the best known, Jain >= {floor:g}",
        lambda given, point: tuned(given, jps=point),
    )


def weights_work(
    asked: Asked, present: Base, trace: str, other: str, data: Path, energy_share: float, jobs: int
) -> Work:
    """Weights of the score terms: time and energy of streams of `jobs` jobs, energy counting `energy_share`."""
    if not 0 <= energy_share <= 1:
        raise InvalidInput("option --energy-share", "", f"{energy_share:g} is not within 0..1")
    if not 1 <= jobs <= MOST_JOBS:
        raise InvalidInput("option --jobs", "", f"{jobs} is not within 1..{MOST_JOBS}")
    items = _items(asked, trace, other, STREAMS)
    run = partial(_stream_case, sources(data), present.row, jobs)
    training, own, others = _split(asked, _made(asked, run, items))
    problem = partial(WeightsProblem, row=present.row, energy_share=energy_share)
    return Work(
        weights.SPACE,
        {dimension.name: float(present.row.weights.get(dimension.name, 0)) for dimension in weights.SPACE},
        problem(training),
        {f"other seeds of {trace}": problem(own), f"trace {other}": problem(others)},
        f"{1 - energy_share:g} x mean completion time + {energy_share:g} x joules, relative to the present policy",
        lambda given, point: tuned(given, weights=weights.whole(point)),
    )


def _stream_case(drawn: Sources, row: PolicyRow, jobs: int, item: Item) -> StreamCase:
    trace, seed, index = item
    stream = drawn.stream(trace, seed, index, jobs)
    return StreamCase(stream, index, played(stream, index, row))


def _cases(asked: Asked, trace: str, other: str, data: Path) -> tuple[tuple[Case, ...], ...]:
    """Instances of JPS: training ones, unseen ones of the same trace, and of the other one."""
    items = _items(asked, trace, other, TRACES)
    known = kinds(read_throughputs(data / TABLE)) if "gavel" in (trace, other) else ()
    return _split(asked, _made(asked, partial(_case, known), items))


def _case(known: tuple[Kind, ...], item: Item) -> Case:
    family, seed, index = item
    return effort.case(family, known, seed, index)


def _items(asked: Asked, trace: str, other: str, known: Sequence[str]) -> list[Item]:
    """(trace, seed, index) of all cases. Raises InvalidInput."""
    for name in (trace, other):
        if name not in known:
            raise InvalidInput(f"trace {name}", "", "there is none of this name", f"use one of {', '.join(known)}")
    if trace == other:
        raise InvalidInput("option --other", "", f"is the training trace {trace} again", "name another one")
    asked.check()
    sets = (
        (trace, asked.training_seed, asked.training),
        (trace, asked.unseen_seed, asked.unseen),
        (other, asked.unseen_seed, asked.unseen),
    )
    return [(name, seed, index) for name, seed, count in sets for index in range(count)]


def _made(asked: Asked, make: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    where = asked.spreading
    where.progress.start("cases", len(items))
    return spread(make, items, scheduler=where.scheduler, workers=where.workers, progress=where.progress)


def _split(asked: Asked, made: Sequence[Made]) -> tuple[tuple[Made, ...], ...]:
    """Training cases, unseen ones, those of the other trace."""
    first, second = asked.training, asked.training + asked.unseen
    return tuple(made[:first]), tuple(made[first:second]), tuple(made[second:])
