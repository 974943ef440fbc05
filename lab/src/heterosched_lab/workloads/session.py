"""One workload as a program runs it: warm-up, runs that count, what they took, and the comparison of distributions."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.compare import Spread, compared, in_turns
from heterosched_lab.workloads.energy import POWERCAP, Meter, PowerModel
from heterosched_lab.workloads.processes import LARGEST_CREW, Crew, usual_workers
from heterosched_lab.workloads.resnet import ResNet
from heterosched_lab.workloads.types import DISTRIBUTIONS, Distribution, Program, Run, at_least

BOTH = "both"


@dataclass(frozen=True)
class Session:
    """How a workload is run. `part` is "" for all of it, or such as 0/4 for the first of four equal parts.

    `deadline`: seconds that a run may take before its chunks count as late; 0 sets none.
    """

    workers: int = 0
    distribution: str = BOTH
    iterations: int = 5
    warm_up: int = 1
    seed: int = 42
    part: str = ""
    deadline: float = 0.0
    powercap: Path = POWERCAP
    model: PowerModel = field(default_factory=PowerModel)

    def __post_init__(self) -> None:
        least = {"iterations": (self.iterations, 1), "warm_up": (self.warm_up, 0), "workers": (self.workers, 0)}
        at_least("session", **least, seed=(self.seed, 0), deadline=(self.deadline, 0))
        if self.workers > LARGEST_CREW:
            remedy = f"give {LARGEST_CREW} or fewer"
            raise InvalidInput("workload session", "workers", f"it is {self.workers}", remedy)
        if self.distribution not in (*DISTRIBUTIONS, BOTH):
            remedy = f"use one of {', '.join((*DISTRIBUTIONS, BOTH))}"
            raise InvalidInput("workload session", "distribution", f"unknown: {self.distribution!r}", remedy)

    @property
    def sides(self) -> tuple[Distribution, ...]:
        """The distributions that are run."""
        return tuple(one for one in DISTRIBUTIONS if self.distribution in (one, BOTH))


def carried_out(program: Program, session: Session) -> dict[str, Any]:
    """Run a program really; the findings as plain data."""
    chunks = part_of(session.part, program.chunks)
    began = _children_seconds()
    with Crew(session.workers or usual_workers(), Meter.of(session.powercap, session.model)) as crew:
        workers = crew.workers
        runs = _runs(lambda how, seed: crew.run(program, how, seed, chunks), session)
    found = _found(program, session, workers, runs)
    return {**found, "children_cpu_seconds": _children_seconds() - began, "power_model": asdict(session.model)}


def simulated(model: ResNet, device: str, session: Session) -> dict[str, Any]:
    """Run the model; the findings as plain data."""
    if session.part:
        raise InvalidInput(f"workload {model.name}", "part", "a model is not cut", "give it fewer batches")
    workers = session.workers or 1
    runs = _runs(lambda how, seed: model.run(device, workers, how, seed), session)
    return {**_found(model, session, workers, runs), "device": device}


def part_of(text: str, chunks: int) -> range:
    """The chunks of a part: 0/4 is the first quarter. Raises InvalidInput where it is none, or would be empty."""
    if not text:
        return range(chunks)
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    number, total = (int(match[1]), int(match[2])) if match else (0, 0)
    if not number < total:
        raise InvalidInput("workload session", "part", f"{text!r} is none", "write 0/4 for the first of four parts")
    if total > chunks:
        raise InvalidInput("workload session", "part", f"there are {chunks} chunks only", f"cut it into {chunks} parts")
    return range(number * chunks // total, (number + 1) * chunks // total)


def _runs(run: Callable[[Distribution, int], Run], session: Session) -> dict[Distribution, tuple[Run, ...]]:
    seeds = [session.seed + number for number in range(session.iterations)]
    for _ in range(session.warm_up):
        for side in session.sides:
            run(side, session.seed)
    if len(session.sides) == 1:
        return {session.sides[0]: tuple(run(session.sides[0], seed) for seed in seeds)}
    before, after = session.sides
    return dict(zip(session.sides, in_turns(run, before, after, seeds), strict=True))


def _found(
    program: Program | ResNet, session: Session, workers: int, runs: dict[Distribution, tuple[Run, ...]]
) -> dict[str, Any]:
    comparison = []
    if len(runs) == 2 and session.iterations > 1:
        comparison = [asdict(one) for one in compared(runs["static"], runs["dynamic"])]
    return {
        "workload": program.name,
        "sizes": sizes_of(program),
        "unit": program.unit,
        "workers": workers,
        "part": session.part,
        "warm_up_runs": session.warm_up,
        "runs": [row(one, session.deadline) for series in runs.values() for one in series],
        "summary": {side: summary(series) for side, series in runs.items()},
        "comparison": comparison,
    }


def sizes_of(program: Program | ResNet) -> dict[str, Any]:
    """The sizes of a program by their names."""
    return {one.name: getattr(program, one.name) for one in fields(program)}  # type: ignore[arg-type]


def row(run: Run, deadline: float = 0.0) -> dict[str, Any]:
    """A run as plain data: its chunks' times by their percentiles."""
    tail = Spread.of(run.completions)
    return {
        "distribution": run.distribution,
        "seed": run.seed,
        "seconds": run.seconds,
        "cpu_seconds": run.cpu_seconds,
        "joules": run.joules,
        "energy_source": run.energy_source,
        "throughput": run.throughput,
        "peak_bytes": run.peak_bytes,
        "cpu_percent": run.cpu_percent,
        "imbalance": run.imbalance,
        "chunk_p95": tail.p95,
        "chunk_p99": tail.p99,
        "missed_share": run.missed(deadline) if deadline else None,
        "answer": dict(run.answer),
    }


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """Mean, standard deviation and tail over the runs of a series."""
    sources = sorted({run.energy_source for run in runs})
    return {
        "seconds": asdict(Spread.of([run.seconds for run in runs])),
        "joules": asdict(Spread.of([run.joules for run in runs])),
        "energy_source": "/".join(sources),
        "throughput": math.fsum(run.throughput for run in runs) / len(runs),
        "peak_bytes": max(run.peak_bytes for run in runs),
        "cpu_percent": math.fsum(run.cpu_percent for run in runs) / len(runs),
    }


def _children_seconds() -> float:
    """CPU seconds of child processes that have ended."""
    used = os.times()
    return used.children_user + used.children_system
