"""The tables of the benchmark `workloads`; the names of those that hold anything measured begin with `measured-`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from heterosched_lab.runs.types import Table
from heterosched_lab.workloads.alignment import KNOWN, score
from heterosched_lab.workloads.catalogue import DEADLINE
from heterosched_lab.workloads.compare import MEASURES, Compared, Spread
from heterosched_lab.workloads.found import ALLOWANCE, Found, by_seed, deadline
from heterosched_lab.workloads.nonuniform import NonUniform
from heterosched_lab.workloads.session import sizes_of

COUNTED_WORKERS = (2, 4, 8)


def tables(found: Found) -> tuple[Table, ...]:
    """All tables: first those that are the same on each run of a seed, then what was measured."""
    return (
        _sizes(found), _answers(found), _imbalance(found), _alignments(), _model(found),
        _runs(found), _summary(found), _tails(found), _comparison(found), _same(found),
    )  # fmt: skip


def _sizes(found: Found) -> Table:
    rows = [
        (program.name, program.title, size, value, program.chunks)
        for program in found.sizes.programs
        for size, value in sizes_of(program).items()
    ]
    return Table("sizes", ("workload", "title", "size", "value", "chunks"), rows)


def _answers(found: Found) -> Table:
    rows = [
        (name, run.seed, what, value)
        for name, sides in found.series.items()
        for run in [static for static, _ in by_seed(sides)]
        for what, value in run.answer.items()
    ]
    return Table("answers", ("workload", "seed", "what", "value"), rows)


def _imbalance(found: Found) -> Table:
    program: NonUniform = found.program("nonuniform")
    seeds = [run.seed for run in found.series["nonuniform"][0]]
    rows = [(workers, seed, program.counted_imbalance(workers, seed)) for workers in COUNTED_WORKERS for seed in seeds]
    return Table("nonuniform-counted-imbalance", ("workers", "seed", "static_max_over_mean"), rows)


def _alignments() -> Table:
    rows = [
        (*(one.source, one.algorithm, one.first, one.second, one.score), score(one.first, one.second, *how))
        for one in KNOWN
        for how in [(one.scoring, one.algorithm)]
    ]
    return Table("alignments", ("source", "algorithm", "first", "second", "published", "found"), rows)


def _model(found: Found) -> Table:
    rows: list[tuple[Any, ...]] = []
    for device, sides in found.simulated.items():
        rows.append((device, "one device", 1, found.model.seconds(device), found.model.joules(device), "simulated"))
        for how, run in sides.items():
            rows.append((device, how, len(run.worker_cpu), run.seconds, run.joules, run.energy_source))
    return Table("resnet", ("device", "distribution", "devices", "seconds", "joules", "origin"), rows)


def _runs(found: Found) -> Table:
    columns = (
        "workload", "distribution", "seed", "workers", "seconds", "cpu_seconds", "joules", "energy_source",
        "throughput", "unit", "peak_bytes", "cpu_percent", "imbalance",
    )  # fmt: skip
    rows = [
        (
            name, run.distribution, run.seed, found.workers, run.seconds, run.cpu_seconds, run.joules,
            run.energy_source, run.throughput, f"{found.program(name).unit}/s", run.peak_bytes, run.cpu_percent,
            run.imbalance,
        )
        for name, sides in found.series.items()
        for side in sides
        for run in side
    ]  # fmt: skip
    return Table("measured-runs", columns, rows)


def _summary(found: Found) -> Table:
    columns = ("workload", "distribution", "measure", "runs", "mean", "std", "p95", "p99", "energy_source")
    rows = []
    for name, sides in found.series.items():
        for side in sides:
            source = "/".join(sorted({run.energy_source for run in side}))
            for measure, value in MEASURES.items():
                spread = Spread.of([value(run) for run in side])
                told_source = source if measure == "joules" else ""
                rows.append((name, side[0].distribution, measure, len(side), *asdict(spread).values(), told_source))
    return Table("measured-summary", columns, rows)


def _tails(found: Found) -> Table:
    columns = ("workload", "distribution", "clock", "mean", "std", "p95", "p99", "missed", "missed_2.8s")
    rows = []
    for name, sides in found.series.items():
        limit = deadline(sides[0])
        for side in sides:
            for clock, by_work in (("work", True), ("wall", False)):
                times = [time for run in side for time in (run.work_completions if by_work else run.completions)]
                missed = sum(run.missed(limit, by_work) for run in side) / len(side)
                full = sum(run.missed(DEADLINE, by_work) for run in side) / len(side)
                rows.append((name, side[0].distribution, clock, *asdict(Spread.of(times)).values(), missed, full))
    return Table("measured-tail", columns, rows)


def _comparison(found: Found) -> Table:
    columns = ("workload", "measure", "static", "dynamic", "change_percent", "t", "degrees", "p", "verdict")
    return Table("measured-comparison", columns, [_compared(one) for one in found.comparisons])


def _compared(one: Compared) -> tuple[Any, ...]:
    means = (one.before, one.after, one.change_percent)
    return (one.workload, one.measure, *means, one.welch.t, one.welch.degrees, one.welch.p, one.verdict)


def _same(found: Found) -> Table:
    columns = ("repeat", "measure", "first", "second", "change_percent", "t", "degrees", "p", "verdict")
    rows = [(repeat, *_compared(one)[1:]) for repeat, by in enumerate(found.same) for one in by.values()]
    return Table("measured-same-against-same", columns, rows)


def remarks(found: Found) -> tuple[str, ...]:
    """What a reader must know; nothing in it was measured."""
    return (
        "ResNet-50 is simulated by a model of its operations; the other five workloads are computed by real processes.",
        "A wall clock on a shared machine measures the others too: imbalance, tail and lateness of the non-uniform "
        "workload are judged by each worker's CPU clock (work); the wall clock stands beside it (wall).",
        f"Chunks of the non-uniform workload are late after {ALLOWANCE:g} times an even share of the work.",
        f"The comparison of a distribution with itself is {len(found.same)} times two series of real small runs of "
        "montecarlo in turns (A B, B A, ...).",
    )
