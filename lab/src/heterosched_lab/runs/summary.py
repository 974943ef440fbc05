"""All runs of a folder together: summary.json by benchmark and goal, and the report that people read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from heterosched.errors import InvalidInput
from heterosched_lab import registry
from heterosched_lab.runs import overview
from heterosched_lab.runs.folder import CONFIG, PARTIAL, REPORT, Run, read, run_folders
from heterosched_lab.runs.markdown import (
    GOAL_COLUMNS,
    body,
    figure_tables,
    goal_cells,
    quantity,
    table,
    verdict,
    wanted,
)
from heterosched_lab.runs.others import Other, others
from heterosched_lab.runs.range_specs import outside, specs
from heterosched_lab.runs.types import Figure
from heterosched_lab.runs.validate import doubts

SUMMARY = "summary.json"


@dataclass(frozen=True, slots=True)
class Summary:
    """What the folder holds. `absent`: benchmarks that were not run into it, or skipped for want of their data."""

    folder: Path
    runs: tuple[Run, ...]
    others: tuple[Other, ...]
    problems: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    def goals(self) -> list[tuple[str, str, Figure]]:
        """(benchmark, command, figure) of every goal."""
        found = [
            (run.config.benchmark, run.config.command, figure) for run in self.runs for figure in run.outcome.figures
        ]
        found += [(other.name, other.command, figure) for other in self.others for figure in other.figures]
        return [row for row in found if row[2].goal is not None]


def gather(folder: Path) -> Summary:
    """Reads what there is in the folder; refuses one that is not there or holds nothing of that kind.

    A run that cannot be read does not keep the others from their report: it is among `problems`.
    """
    runs: list[Run] = []
    problems: list[str] = []
    paths = run_folders(folder)
    for path in paths:
        try:
            runs.append(read(path))
        except InvalidInput as error:
            problems.append(str(error))
    there = {path.name.removesuffix(PARTIAL) for path in paths}
    absent = () if paths == [folder] else tuple(name for name in registry.names() if name not in there)
    found = Summary(folder, tuple(runs), tuple(others(folder)), tuple(problems), absent)
    if not (runs or problems or found.others):
        problem = "is neither a folder of runs nor of results of the other benches"
        raise InvalidInput(f"folder {folder}", "", problem, "name one that `bench run --output` wrote")
    return found


def as_data(summary: Summary) -> dict[str, dict[str, dict[str, Any]]]:
    """By benchmark and goal: value, goal, peer, whether it is met, origin, unit, command."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    partial = {run.config.benchmark for run in summary.runs if run.outcome.partial}
    short = {run.config.benchmark for run in summary.runs if run.config.short}
    for benchmark, command, figure in summary.goals():
        found.setdefault(benchmark, {})[figure.name] = {
            "value": figure.value,
            "relation": figure.relation,
            "goal": figure.goal,
            "met": figure.met,
            "peer": figure.peer,
            "peer_name": figure.peer_name,
            "lower": figure.lower,
            "upper": figure.upper,
            "unit": figure.unit,
            "origin": figure.origin,
            "short": benchmark in short,
            "partial": benchmark in partial,
            "command": command,
        }
    return found


def write(summary: Summary) -> Path:
    """summary.json, the plots and the report, which is the answer; a run alone has its own report already."""
    if (summary.folder / CONFIG).is_file():
        return summary.folder / REPORT
    data = msgspec.json.format(msgspec.json.encode(as_data(summary)), indent=2)
    (summary.folder / SUMMARY).write_bytes(data + b"\n")
    plots = overview.draw(summary.folder, [(name, figure) for name, figure in _all_figures(summary)])
    path = summary.folder / REPORT
    path.write_text("\n".join(_report(summary, plots)) + "\n", encoding="utf-8")
    return path


def _all_figures(summary: Summary) -> Iterable[tuple[str, Figure]]:
    for run in summary.runs:
        yield from ((run.config.benchmark, figure) for figure in run.outcome.figures)
    for other in summary.others:
        yield from ((other.name, figure) for figure in other.figures)


def _report(summary: Summary, plots: Sequence[tuple[str, str]]) -> Iterable[str]:
    goals = summary.goals()
    met = sum(figure.met is True for _, _, figure in goals)
    yield from ("# Benchmarks", "", f"**{met} of {len(goals)} goals met, {len(goals) - met} missed.**", "")
    yield from (*table(("Benchmark", "What", "Goals met", "Took"), _contents(summary)), "")
    yield from (
        "Simulated and counted figures follow from code, data and seeds alone; measured ones are of this machine. The "
        "interval is the 95 % confidence interval of the mean over the seeds, unless a note says otherwise.",
        "",
    )
    yield from _cautions(summary.runs)
    if summary.absent:
        yield from (f"> Not run here, or skipped because its data is missing: {', '.join(summary.absent)}.", "")
    for problem in summary.problems:
        yield from (f"> Cannot be read: {problem}.", "")
    yield from _goal_sections(goals)
    for file, caption in plots:
        yield from (f"![{caption}]({file})", "", f"*{caption}*", "")
    yield from _doubts(summary)
    for run in summary.runs:
        yield from _run_section(summary.folder, run)
    for other in summary.others:
        yield from _other_section(other)


def _cautions(runs: Sequence[Run]) -> Iterable[str]:
    """Which runs are less than they seem."""
    short = [run.config.benchmark for run in runs if run.config.short]
    partial = [run.config.benchmark for run in runs if run.outcome.partial]
    failed = [run.config.benchmark for run in runs if run.folder.with_name(f"{run.folder.name}{PARTIAL}").exists()]
    for names, what in (
        (short, "The short form, of smaller problems than the goals are meant for"),
        (partial, "Partial, because the run failed or was interrupted"),
        (failed, "A later run failed or was interrupted, and this is the one before"),
    ):
        if names:
            yield from (f"> {what}: {', '.join(names)}.", "")


def _contents(summary: Summary) -> Iterable[tuple[str, str, str, str]]:
    """What there is: name, title, how many goals are met, how long it took."""
    parts = [(run.config.benchmark, run.title, run.outcome.figures, run.timing) for run in summary.runs]
    parts += [(other.name, other.title, other.figures, {}) for other in summary.others]
    for name, title, figures, timing in parts:
        verdicts = [figure.met for figure in figures if figure.goal is not None]
        took = f"{timing['wall_seconds']:.0f} s" if "wall_seconds" in timing else ""
        yield name, title, f"{sum(map(bool, verdicts))} of {len(verdicts)}", took


def _goal_sections(goals: Sequence[tuple[str, str, Figure]]) -> Iterable[str]:
    """What is missed, since that is what a reader must not overlook; then all goals."""
    misses = [(name, figure) for name, _, figure in goals if not figure.met]
    for name, figure in misses:
        yield f"- **missed** `{name}` {figure.name}: {quantity(figure.value, figure.unit)}, wanted {wanted(figure)}"
    yield from [""] if misses else []
    rows = ((name, *goal_cells(figure)) for name, _, figure in goals)
    yield from (*table(("Benchmark", *GOAL_COLUMNS), rows), "") if goals else ()


def _doubts(summary: Summary) -> Iterable[str]:
    """What the validator and the range specs say."""
    known = specs()
    lines = []
    for run in summary.runs:
        name = run.config.benchmark
        faults = outside(run, known)
        if faults is not None:
            lines.append(f"- {name}: {'; '.join(faults) or 'every figure is within its range spec'}")
        for figure in run.outcome.figures:
            lines += [f"- {name}, {figure.name}: {doubt}" for doubt in doubts(figure)]
    if lines:
        yield from ("## Range specs and validator", "", *lines, "")


def _run_section(folder: Path, run: Run) -> Iterable[str]:
    prefix = "" if run.folder == folder else f"{run.folder.name}/"
    yield from (f"## {run.title}", "", f"`{run.config.command}`, files in [{run.folder.name}](./{prefix})", "")
    yield from figure_tables(run.outcome.figures)
    yield from body(run.outcome, prefix)
    if "wall_seconds" in run.timing:
        cores = run.timing.get("cores", "?")
        yield from (f"It took {run.timing['wall_seconds']:.0f} s on {cores} cores.", "")


def _other_section(other: Other) -> Iterable[str]:
    yield from (f"## {other.title}", "", f"`{other.command}`, everything in [{other.file}]({other.file})", "")
    yield from figure_tables(other.figures)
    yield from (f"- Left out: {part}: {reason}" for part, reason in other.skipped.items())
    yield ""


def goal_rows(summary: Summary) -> list[tuple[str, ...]]:
    """For the terminal: benchmark and the cells of each goal."""
    rows = [(name, *goal_cells(figure)) for name, _, figure in summary.goals()]
    return [tuple(cell.replace("**", "") for cell in row) for row in rows]


def missed(summary: Summary) -> int:
    """How many goals are missed."""
    return sum(verdict(figure) not in ("", "met") for _, _, figure in summary.goals())
