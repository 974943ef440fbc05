"""The folder of a run: config.json, figures.json, tables as CSV, plots, report.md; what was measured stands apart.

All but measured.json and timing.json depends on configuration, code and data alone, so equal runs have equal files.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from heterosched.errors import InvalidInput
from heterosched_lab.runs.identity import Config
from heterosched_lab.runs.types import Figure, Outcome, Table
from heterosched_lab.statistics import mean_interval

CONFIG, FIGURES, MEASURED, TIMING, REPORT = "config.json", "figures.json", "measured.json", "timing.json", "report.md"
PARTIAL = ".partial"
"""Ending of the folder of a run that goes on, or was interrupted, or failed."""
PREVIOUS = ".previous"
"""Ending of the folder of the run that a newer one replaced."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Found:
    """The form of figures.json; tables and plots are files beside it."""

    title: str = ""
    partial: bool = False
    figures: tuple[Figure, ...] = ()
    tables: tuple[str, ...] = ()
    plots: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its folder tells it. The cells of its tables are text. `timing`: of this one execution."""

    folder: Path
    config: Config
    title: str
    outcome: Outcome
    timing: Mapping[str, Any] = field(default_factory=dict)


def write_config(folder: Path, config: Config) -> None:
    """The first file of a run: what it is a run of."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / CONFIG, config)


def write_outcome(folder: Path, title: str, outcome: Outcome) -> Outcome:
    """Figures and tables as files; answers the outcome as written (see `sound`)."""
    told = sound(folder, outcome)
    for table in told.tables:
        _write_table(folder / f"{table.name}.csv", table)
    kept = tuple(figure for figure in told.figures if figure.origin != "measured")
    measured = tuple(figure for figure in told.figures if figure.origin == "measured")
    names = tuple(table.name for table in told.tables)
    _write(folder / FIGURES, _Found(title, told.partial, kept, names, told.plots, told.remarks, dict(told.skipped)))
    _write(folder / MEASURED, measured)
    return told


def write_timing(folder: Path, timing: Mapping[str, Any]) -> None:
    """When and where the run was and how long it took: the only file beside measured.json that differs."""
    _write(folder / TIMING, timing)


def read_config(folder: Path) -> Config | None:
    """The configuration of the run in this folder, None where there is none or it cannot be read."""
    try:
        return msgspec.json.decode((folder / CONFIG).read_bytes(), type=Config)
    except (OSError, msgspec.MsgspecError):
        return None


def read(folder: Path) -> Run:
    """The run in this folder; refuses one that is no run, or whose files were changed into nonsense."""
    if not (folder / CONFIG).is_file():
        raise InvalidInput(f"folder {folder}", "", f"is no run: it has no {CONFIG}", "name one that `bench run` wrote")
    config = _read(folder / CONFIG, Config)
    found = _read(folder / FIGURES, _Found) if (folder / FIGURES).is_file() else _Found(partial=True)
    measured = _read(folder / MEASURED, tuple[Figure, ...]) if (folder / MEASURED).is_file() else ()
    tables = tuple(_read_table(folder, name) for name in found.tables)
    partial = found.partial or folder.name.endswith(PARTIAL)
    figures = found.figures + measured
    outcome = Outcome(figures, tables, found.plots, found.remarks, found.skipped, partial)
    timing = _read(folder / TIMING, dict[str, Any]) if (folder / TIMING).is_file() else {}
    return Run(folder, config, found.title or config.benchmark, outcome, timing)


def run_folders(folder: Path) -> list[Path]:
    """The folders of runs here: this one, or those in it by name; a partial run where there is no complete one."""
    if (folder / CONFIG).is_file():
        return [folder]
    if not folder.is_dir():
        raise InvalidInput(f"folder {folder}", "", "there is none", "run `heterosched bench run` first")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if (path / CONFIG).is_file() and not path.name.endswith(PREVIOUS):
            found.setdefault(path.name.removesuffix(PARTIAL), path)
    return list(found.values())


def sound(folder: Path, outcome: Outcome) -> Outcome:
    """The outcome with intervals where there are repeats; figures that are no number are skipped with a reason.

    Refuses two figures or tables of one name and plots that are not in the folder.
    """
    _distinct("figure", [figure.name for figure in outcome.figures])
    _distinct("table", [table.name for table in outcome.tables])
    for file, _ in outcome.plots:
        if not (folder / file).is_file():
            raise InvalidInput("outcome", "plots", f"{file} was not written", "draw it into the run's folder")
    bad = {figure.name: fault for figure in outcome.figures if (fault := _fault(figure))}
    figures = tuple(_with_interval(figure) for figure in outcome.figures if figure.name not in bad)
    return replace(outcome, figures=figures, skipped={**outcome.skipped, **bad})


def _distinct(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput("outcome", what, f"{name} is there twice", "give each its own name")


def _fault(figure: Figure) -> str:
    """What of the figure is no finite number, or ""."""
    if not all(math.isfinite(value) for value in (figure.value, *figure.values)):
        return f"its value is {figure.value:g}"
    beside = (("goal", figure.goal), ("peer", figure.peer), ("tolerance", figure.tolerance))
    wrong = [f"its {name} is {value:g}" for name, value in beside if value is not None and not math.isfinite(value)]
    return ", ".join(wrong)


def _with_interval(figure: Figure) -> Figure:
    values = tuple(float(value) for value in figure.values)
    lower, upper = figure.lower, figure.upper
    if lower is None and upper is None and len(values) > 1:
        _, lower, upper = mean_interval(values)
    return replace(figure, value=float(figure.value), values=values, lower=_plain(lower), upper=_plain(upper))


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _write(path: Path, value: Any) -> None:
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=_scalar), indent=2)
    path.write_bytes(text + b"\n")


def _scalar(value: Any) -> Any:
    """Numbers and strings of numpy as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"file {path}", "", str(error), "run the benchmark again with --fresh") from error


def _write_table(path: Path, table: Table) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows(_cells(row) for row in table.rows)


def _cells(row: Iterable[Any]) -> list[Any]:
    return [cell.item() if hasattr(cell, "item") else cell for cell in row]


def _read_table(folder: Path, name: str) -> Table:
    path = folder / f"{name}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise InvalidInput(f"file {path}", "", str(error), "run the benchmark again with --fresh") from error
    return Table(name, tuple(rows[0]) if rows else (), rows[1:])
