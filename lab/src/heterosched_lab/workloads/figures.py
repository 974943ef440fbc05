"""The figures of the benchmark `workloads`: what each row of the promises asks for, then the run times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heterosched_lab.runs.types import Figure, Relation
from heterosched_lab.workloads.alignment import KNOWN, score
from heterosched_lab.workloads.compare import Spread, compared, neutral_share
from heterosched_lab.workloads.found import Found, by_seed, deadline
from heterosched_lab.workloads.mapreduce import MapReduce, told
from heterosched_lab.workloads.nonuniform import NonUniform
from heterosched_lab.workloads.types import DISTRIBUTIONS, Run

FEWEST_WORKERS = 2
"""For them the counted imbalance is stated: with more workers it is larger."""
AGREE = 0.05
"""Published run times of the model are given to a tenth of a second."""


def figures(found: Found) -> tuple[Figure, ...]:
    """All figures: what each row of the promises asks for, then the run times."""
    return (*_uniform(found), *_nonuniform(found), *_right(found), *_simulated(found), *_times(found))


def _uniform(found: Found) -> list[Figure]:
    static = found.series["montecarlo"][0]
    errors = tuple(run.answer["error"] for run in static)
    figures = [_counted("montecarlo.pi_error", sum(errors) / len(errors), 0.01, "<=", values=errors)]
    figures += [_verdict(found, "montecarlo", measure, "Neutral") for measure in ("seconds", "cpu_seconds")]
    for measure in ("seconds", "cpu_seconds"):
        share, note = neutral_share(found.same, measure), f"{len(found.same)} repeats, real runs"
        figures.append(Figure(f"same.neutral_{measure}", share, "", "measured", 0.95, ">=", note=note))
    return figures


def _nonuniform(found: Found) -> list[Figure]:
    static, dynamic = found.series["nonuniform"]
    program: NonUniform = found.program("nonuniform")
    counted = tuple(program.counted_imbalance(FEWEST_WORKERS, run.seed) for run in static)
    figures = [
        _counted("nonuniform.static_counted_imbalance", sum(counted) / len(counted), 1.3, ">=", values=counted),
        _mean("nonuniform.static_imbalance", [run.imbalance for run in static], "", 1.3, ">="),
        _mean("nonuniform.dynamic_imbalance", [run.imbalance for run in dynamic], ""),
    ]
    for clock, by_work in (("work", True), ("wall", False)):
        tails = [[_tail(run, by_work).p99 for run in side] for side in (static, dynamic)]
        late = [[run.missed(deadline(static), by_work) for run in side] for side in (static, dynamic)]
        for side, tail, missed in zip(DISTRIBUTIONS, tails, late, strict=True):
            figures.append(_mean(f"nonuniform.{side}_{clock}_p99", tail, "s"))
            figures.append(_mean(f"nonuniform.{side}_{clock}_missed", missed, ""))
        ratios = [two / one for one, two in zip(*tails, strict=True)]
        fewer = [one - two for one, two in zip(*late, strict=True)]
        goals = (0.99, 0.01) if by_work else (None, None)
        figures.append(_mean(f"nonuniform.{clock}_p99_ratio", ratios, "", goals[0], "<="))
        figures.append(_mean(f"nonuniform.{clock}_missed_less", fewer, "", goals[1], ">="))
    return [*figures, _verdict(found, "nonuniform", "busiest_worker", "Improved")]


def _verdict(found: Found, workload: str, measure: str, wanted: str) -> Figure:
    """1 where the comparison of static and dynamic has the wanted verdict, else 0."""
    one = next(one for one in found.comparisons if (one.workload, one.measure) == (workload, measure))
    welch = f"Welch: p {one.welch.p:.3f}, {one.welch.degrees:.1f} degrees of freedom"
    note = f"{welch}, {one.change_percent:+.1f} %: {one.verdict}"
    return Figure(
        f"{workload}.{wanted.lower()}_{measure}", float(one.verdict == wanted), "", "measured", 1.0, "==", note=note
    )


def _right(found: Found) -> list[Figure]:
    """Whether the programs compute what they should."""
    right = sum(score(one.first, one.second, one.scoring, one.algorithm) == one.score for one in KNOWN)
    program: MapReduce = found.program("mapreduce")
    equal = all(dict(run.answer) == told(program.serial(run.seed)) for run in found.series["mapreduce"][0])
    pairs = [pair for sides in found.series.values() for pair in by_seed(sides)]
    same = all(dict(static.answer) == dict(dynamic.answer) for static, dynamic in pairs)
    frames = found.series["video"][0][0].answer["frames"]
    return [
        _counted("dna.known_scores", float(right), float(len(KNOWN)), "=="),
        _counted("mapreduce.equal_to_serial", float(equal), 1.0, "=="),
        _counted("video.frames", frames, 300.0, "==", unit="frames"),
        _counted("answers.equal_by_distribution", float(same), 1.0, "=="),
    ]


def _simulated(found: Found) -> list[Figure]:
    figures = []
    for device, published in (("cpu", 393.6), ("gpu", 78.7)):
        seconds = found.model.seconds(device)
        figures.append(
            Figure(
                f"resnet.{device}_seconds",
                *(seconds, "s", "simulated", published, "==", AGREE),
                peer=published,
                peer_name="AutoScheduler's FLOP model",
            )
        )
        figures.append(Figure(f"resnet.{device}_joules", found.model.joules(device), "J", "simulated"))
    neutral = all(
        one.verdict == "Neutral"
        for sides in found.simulated.values()
        for one in compared([sides["static"]] * 2, [sides["dynamic"]] * 2)
    )
    return [*figures, Figure("resnet.neutral", float(neutral), "", "simulated", 1.0, "==")]


def _times(found: Found) -> list[Figure]:
    """Run times; deviation, tail and energy stand beside them, with the energy's source."""
    figures = []
    for name, sides in found.series.items():
        for side, runs in zip(DISTRIBUTIONS, sides, strict=True):
            sources = "/".join(sorted({run.energy_source for run in runs}))
            joules = Spread.of([run.joules for run in runs])
            energy = f"; {joules.mean:.4g} J {sources} (std {joules.std:.2g})"
            for what, values in (("seconds", [run.seconds for run in runs]), ("cpu_seconds", _cpu(runs))):
                own = Spread.of(values)
                note = f"std {own.std:.2g}, p95 {own.p95:.4g}, p99 {own.p99:.4g} s"
                note += energy if what == "seconds" else ""
                figures.append(replace(_mean(f"{name}.{side}_{what}", values, "s"), note=note))
    return figures


def _cpu(runs: Sequence[Run]) -> list[float]:
    return [run.cpu_seconds for run in runs]


def _counted(
    name: str, value: float, goal: float, relation: Relation, unit: str = "", values: tuple[float, ...] = ()
) -> Figure:
    return Figure(name, value, unit, "counted", goal, relation, values=values)


def _mean(
    name: str, values: Sequence[float], unit: str, goal: float | None = None, relation: Relation = "<="
) -> Figure:
    return Figure(name, sum(values) / len(values), unit, "measured", goal, relation, values=tuple(values))


def _tail(run: Run, by_work: bool) -> Spread:
    return Spread.of(run.work_completions if by_work else run.completions)
