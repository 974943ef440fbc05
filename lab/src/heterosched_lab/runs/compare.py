"""Two runs, or two folders of runs, figure by figure: better, worse or no difference, and what looks odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from heterosched.errors import InvalidInput
from heterosched_lab.runs.folder import CONFIG, FIGURES, MEASURED, Run, read, run_folders
from heterosched_lab.runs.markdown import quantity
from heterosched_lab.runs.types import Figure
from heterosched_lab.runs.validate import REGRESSION, gain, outliers, unrealistic
from heterosched_lab.statistics import Verdict, paired, verdict_of, welch

Test = Literal["paired", "Welch", "change"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both. `gain`: relative, above 0 is better. `p`: of the `test`, None without repeats."""

    benchmark: str
    figure: str
    unit: str
    before: float
    after: float
    gain: float | None
    p: float | None
    test: Test
    verdict: Verdict
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures that both have, and what only one has or makes them hard to compare."""

    figures: tuple[Compared, ...]
    remarks: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        """Whether a figure became worse."""
        return any(figure.verdict == "Regressed" for figure in self.figures)


def compare(before: Path, after: Path) -> Comparison:
    """The runs at `after` against those at `before`: a run's folder, its figures.json, or a folder of runs."""
    first, second = _runs(before), _runs(after)
    shared = [name for name in first if name in second]
    if not shared:
        told = f"{', '.join(first) or 'nothing'} there, {', '.join(second) or 'nothing'} here"
        raise InvalidInput(f"folder {after}", "", f"no benchmark is in both: {told}", "compare runs of one benchmark")
    figures: list[Compared] = []
    remarks = [f"only in {before}: {name}" for name in first if name not in second]
    remarks += [f"only in {after}: {name}" for name in second if name not in first]
    for name in shared:
        remarks += [f"{name}: {remark}" for remark in _differences(first[name], second[name])]
        old, new = _by_name(first[name]), _by_name(second[name])
        seeds = first[name].config.seeds if first[name].config.seeds == second[name].config.seeds else ()
        figures += [_figure(name, own, new[key], len(seeds)) for key, own in old.items() if key in new]
        remarks += [f"{name}: {key} is only in {before}" for key in old if key not in new]
        remarks += [f"{name}: {key} is only in {after}" for key in new if key not in old]
    return Comparison(tuple(figures), tuple(remarks))


def _runs(path: Path) -> dict[str, Run]:
    """By benchmark; a file stands for the folder that it lies in."""
    if path.is_file():
        if path.name not in (CONFIG, FIGURES, MEASURED):
            remedy = f"name its {FIGURES} or its folder"
            raise InvalidInput(f"file {path}", "", "is no result of a run", remedy)
        return {run.config.benchmark: run for run in [read(path.parent)]}
    found = {run.config.benchmark: run for run in map(read, run_folders(path))}
    if not found:
        raise InvalidInput(f"folder {path}", "", "holds no run", "name a folder that `bench run` wrote")
    return found


def _differences(first: Run, second: Run) -> list[str]:
    """What makes the runs unequal in kind."""
    found = []
    if first.config.short != second.config.short:
        found.append("one is the short form: its figures are of another, smaller problem")
    if first.config.seeds != second.config.seeds:
        found.append(f"other seeds: {first.config.seeds} and {second.config.seeds}")
    if first.config.options != second.config.options:
        found.append(f"other options: {dict(first.config.options)} and {dict(second.config.options)}")
    if first.config.data != second.config.data:
        found.append("other data")
    found += [f"the {word} run is partial" for word, run in _both(first, second) if run.outcome.partial]
    return found


def _both(first: Run, second: Run) -> Sequence[tuple[str, Run]]:
    return (("first", first), ("second", second))


def _by_name(run: Run) -> Mapping[str, Figure]:
    return {figure.name: figure for figure in run.outcome.figures}


def _figure(benchmark: str, old: Figure, new: Figure, seeds: int) -> Compared:
    """Figures with a goal of equality are compared by their distance from it: nearer is better. `seeds`: in common."""
    befores, afters = _values(old, new), _values(new, new)
    higher = new.relation == ">="
    change = gain(_mean(befores), _mean(afters), higher)
    flags = [f"outlier {afters[index]:g}" for index in _strange(befores, afters)]
    told = unrealistic(_mean(befores), _mean(afters))
    flags += [told] if told else []
    flags += ["worse by over 5 %"] if change is not None and change < REGRESSION else []
    flags += [f"goal {'met' if new.met else 'missed'} now"] if old.met != new.met and new.met is not None else []
    test, p, answer = _judged(befores, afters, higher, change, "measured" not in (old.origin, new.origin) and seeds)
    return Compared(benchmark, new.name, new.unit, old.value, new.value, change, p, test, answer, tuple(flags))


def _judged(
    befores: Sequence[float], afters: Sequence[float], higher: bool, change: float | None, pairs: int
) -> tuple[Test, float | None, Verdict]:
    """Test, p, verdict. What a seed decides alone is compared seed by seed: the spread over the seeds hides nothing."""
    if min(len(befores), len(afters)) < 2:
        return "change", None, _by_change(change, befores, afters, higher)
    if len(befores) == len(afters) == pairs:
        found = paired(befores, afters)
        return "paired", found.p, verdict_of(found, higher_is_better=higher)
    found = welch(befores, afters)
    return "Welch", found.p, verdict_of(found, higher_is_better=higher)


def _values(figure: Figure, goal: Figure) -> tuple[float, ...]:
    values = figure.values or (figure.value,)
    if goal.relation == "==" and goal.goal is not None:
        return tuple(max(0.0, abs(value - goal.goal) - goal.tolerance) for value in values)
    return values


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _strange(befores: Sequence[float], afters: Sequence[float]) -> list[int]:
    """New values beyond the fences of their own run or of both runs together; one that both runs have is no news."""
    found = {*outliers(afters), *outliers(afters, [*befores, *afters])}
    return sorted(index for index in found if afters[index] not in befores)


def _by_change(change: float | None, befores: Sequence[float], afters: Sequence[float], higher: bool) -> Verdict:
    """Without repeats there is no test: a change beyond the threshold counts, less is neutral."""
    if change is None:
        return "Improved" if (_mean(afters) > _mean(befores)) == higher else "Regressed"
    return "Regressed" if change < REGRESSION else "Improved" if change > -REGRESSION else "Neutral"


def as_data(comparison: Comparison) -> dict[str, object]:
    """For JSON and YAML."""
    found: dict[str, object] = msgspec.to_builtins(comparison)
    return {"regressed": comparison.regressed, **found}


def table_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """For the terminal: benchmark, figure, before, after, gain, p, verdict, flags."""
    return [
        (
            one.benchmark,
            one.figure,
            quantity(one.before, one.unit),
            quantity(one.after, one.unit),
            "" if one.gain is None else f"{100 * one.gain + 0.0:+.2f}%",
            "" if one.p is None else f"{one.p:.3g}",
            one.verdict,
            "; ".join(one.flags),
        )
        for one in comparison.figures
    ]
