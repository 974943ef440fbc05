"""Range specs: what a figure may be before somebody must look. A file for each benchmark and form, in `ranges`.

    benchmark: openb
    form: full            # or short: the form of the run that it holds for
    figures:
      makespan: {unit: h, upper: 21.5}
      allocation: {unit: percent, lower: 74.6}

Limits are the mean of five runs plus 20 % on the worse side; the file's comment says which runs. A figure that a spec
names and a run lacks is outside of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import yaml

from heterosched.errors import InvalidInput
from heterosched_lab.runs.folder import Run
from heterosched_lab.runs.types import Figure
from heterosched_lab.runs.validate import variation
from heterosched_lab.statistics import ROUNDING

FOLDER = Path(__file__).parent / "ranges"
SLACK = 0.2


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of one figure; at least one of them."""

    unit: str
    lower: float | None = None
    upper: float | None = None


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range spec as its file says it."""

    benchmark: str
    form: Literal["full", "short"]
    figures: dict[str, Range]


def load(path: Path) -> Spec:
    """The spec in this file; refuses unknown keys, missing ones and a range without a limit."""
    try:
        spec = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Spec)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise InvalidInput(f"range spec {path}", "", str(error), "see the form in docs/guide/lab.md") from error
    for name, limits in spec.figures.items():
        if limits.lower is None and limits.upper is None:
            raise InvalidInput(f"range spec {path}", f"figures.{name}", "has no limit", "give `lower` or `upper`")
        if limits.lower is not None and limits.upper is not None and limits.lower > limits.upper:
            raise InvalidInput(f"range spec {path}", f"figures.{name}", "lower is above upper", "swap them")
    return spec


def specs(folder: Path | None = None) -> list[Spec]:
    """All range specs of a folder; of the lab itself by default."""
    return [load(path) for path in sorted((folder or FOLDER).glob("*.yaml"))]


def outside(run: Run, known: list[Spec]) -> list[str] | None:
    """Figures of the run that are outside their ranges, as sentences; None where no spec holds for it."""
    form = "short" if run.config.short else "full"
    fitting = [spec for spec in known if spec.benchmark == run.config.benchmark and spec.form == form]
    if not fitting or run.config.options:
        return None
    figures = {figure.name: figure for figure in run.outcome.figures}
    limits = {name: limit for spec in fitting for name, limit in spec.figures.items()}
    return [fault for name, limit in limits.items() if (fault := _fault(name, limit, figures.get(name)))]


def _fault(name: str, limit: Range, figure: Figure | None) -> str:
    if figure is None:
        return f"{name} is missing"
    if figure.unit != limit.unit:
        return f"{name} is in {figure.unit or 'no unit'}, its range in {limit.unit or 'no unit'}"
    if limit.upper is not None and figure.value > limit.upper:
        return f"{name} is {figure.value:g} {figure.unit}, above {limit.upper:g}"
    if limit.lower is not None and figure.value < limit.lower:
        return f"{name} is {figure.value:g} {figure.unit}, below {limit.lower:g}"
    return ""


def proposed(run: Run) -> str:
    """The range spec that follows from a run: mean of its seeds and 20 % to the worse side, as YAML.

    Of figures that are 0 or vary much by seed, and of measured ones, which another machine has otherwise, there is
    none: it would cry wolf.
    """
    config = run.config
    lines = [
        f"# Mean of {len(config.seeds)} runs and {SLACK:.0%} to the worse side, by `{config.command}`",
        "# (of a figure that has no repeats: its one value).",
        f"# Code {config.code}, data {config.data}, Python {config.versions.get('python', '?')}.",
        f"benchmark: {config.benchmark}",
        f"form: {'short' if config.short else 'full'}",
        "figures:",
    ]
    for figure in filter(_steady, run.outcome.figures):
        room = SLACK * abs(figure.value)
        low, high = f"{figure.value - room:.6g}", f"{figure.value + room:.6g}"
        both = figure.relation == "=="
        bounds = [f"lower: {low}"] if both or figure.relation == ">=" else []
        bounds += [f"upper: {high}"] if both or figure.relation == "<=" else []
        name, unit = (msgspec.json.encode(text).decode() for text in (figure.name, figure.unit))
        lines.append(f"  {name}: {{unit: {unit}, {', '.join(bounds)}}}")
    return "\n".join(lines) + "\n"


def _steady(figure: Figure) -> bool:
    return figure.origin != "measured" and abs(figure.value) > ROUNDING and variation(figure.values) <= SLACK / 2
