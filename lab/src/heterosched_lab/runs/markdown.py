"""Runs as Markdown: a table of goals first, then what else was found, tables and plots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from heterosched_lab.runs.identity import Config
from heterosched_lab.runs.types import Figure, Outcome, Table

LONGEST_TABLE, WIDEST_TABLE = 16, 10
"""Rows and columns of a table that is shown; a larger one is a link to its file."""
MEASURED_TABLE = "measured-"
"""How the name of a table begins that differs between equal runs: it is linked only, so that reports are equal."""
GOAL_COLUMNS = ("Goal", "Value", "95 % interval", "Wanted", "Verdict", "Peer", "Origin")


def run_report(config: Config, title: str, outcome: Outcome) -> str:
    """The report of one run. Without what was measured on the machine, so that equal runs have equal reports."""
    lines = [f"# {title}", "", f"`{config.command}`", ""]
    lines += ["**Partial: the run was interrupted.**", ""] if outcome.partial else []
    fixed = [figure for figure in outcome.figures if figure.origin != "measured"]
    measured = [figure.name for figure in outcome.figures if figure.origin == "measured"]
    lines += figure_tables(fixed)
    if measured:
        lines += [f"Measured on the machine, so in `measured.json`: {', '.join(measured)}.", ""]
    measured_tables = [shown.name for shown in outcome.tables if shown.name.startswith(MEASURED_TABLE)]
    fixed_tables = tuple(shown for shown in outcome.tables if shown.name not in measured_tables)
    lines += body(replace(outcome, tables=fixed_tables), "")
    lines += [f"[{name}.csv]({name}.csv)\n" for name in measured_tables]
    told = ", ".join(f"{name} {version}" for name, version in config.versions.items())
    lines += [f"Seeds {', '.join(map(str, config.seeds))}; {told}; code {config.code}, data {config.data}."]
    return "\n".join(lines) + "\n"


def figure_tables(figures: Sequence[Figure]) -> list[str]:
    """Figures with a goal, and those without one."""
    wanted = [figure for figure in figures if figure.goal is not None]
    others = [figure for figure in figures if figure.goal is None]
    lines = []
    if wanted:
        lines += [*table(GOAL_COLUMNS, (goal_cells(figure) for figure in wanted)), ""]
    if others:
        columns = ("Figure", "Value", "95 % interval", "Peer", "Origin", "Note")
        lines += [*table(columns, (_plain_cells(figure) for figure in others)), ""]
    lines += [f"- {figure.name}: {figure.note}" for figure in wanted if figure.note]
    return [*lines, ""] if lines and lines[-1] else lines


def goal_cells(figure: Figure) -> tuple[str, ...]:
    """The cells of a figure with a goal."""
    return (
        figure.name,
        quantity(figure.value, figure.unit),
        interval(figure),
        wanted(figure),
        verdict(figure),
        peer(figure),
        figure.origin,
    )


def body(outcome: Outcome, prefix: str) -> list[str]:
    """Remarks, what was left out, tables and plots; `prefix` leads from the report's folder to the run's."""
    lines = [*(f"- {remark}" for remark in outcome.remarks)]
    lines += [f"- Left out: {part}: {reason}" for part, reason in outcome.skipped.items()]
    lines += [""] if lines else []
    for shown in outcome.tables:
        lines += _table_or_link(shown, prefix)
    for file, caption in outcome.plots:
        lines += [f"![{caption}]({prefix}{file})", "", f"*{caption}*", ""]
    return lines


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A table of Markdown."""
    lines = [_row(columns), _row(["---"] * len(columns))]
    return lines + [_row(row) for row in rows]


def quantity(value: float, unit: str) -> str:
    """`17.98 h`: four significant digits, whole numbers whole."""
    text = f"{int(value)}" if value == int(value) and abs(value) < 1e6 else f"{value:.4g}"
    return f"{text} {unit}".rstrip()


def interval(figure: Figure) -> str:
    """`17.2 .. 18.1`, or nothing where there are no repeats."""
    if figure.lower is None or figure.upper is None:
        return ""
    return f"{quantity(figure.lower, '')} .. {quantity(figure.upper, '')}"


def wanted(figure: Figure) -> str:
    """`<= 17.9 h`, `= 80 ± 0.5 s`."""
    if figure.goal is None:
        return ""
    if figure.relation != "==":
        return f"{figure.relation} {quantity(figure.goal, figure.unit)}"
    within = f" ± {quantity(figure.tolerance, '')}" if figure.tolerance else ""
    return f"= {quantity(figure.goal, '')}{within} {figure.unit}".rstrip()


def verdict(figure: Figure) -> str:
    """`met`, `missed`, or nothing without a goal."""
    return "" if figure.met is None else "met" if figure.met else "**missed**"


def peer(figure: Figure) -> str:
    """The peer's figure and its name."""
    if figure.peer is None:
        return ""
    return f"{quantity(figure.peer, figure.unit)} ({figure.peer_name})".replace(" ()", "")


def _plain_cells(figure: Figure) -> tuple[str, ...]:
    own = quantity(figure.value, figure.unit)
    return figure.name, own, interval(figure), peer(figure), figure.origin, figure.note


def _table_or_link(shown: Table, prefix: str) -> list[str]:
    file = f"[{shown.name}.csv]({prefix}{shown.name}.csv)"
    if shown.name.startswith(MEASURED_TABLE):
        return [f"{file}, measured on the machine: {', '.join(shown.columns)}", ""]
    if len(shown.rows) > LONGEST_TABLE or len(shown.columns) > WIDEST_TABLE:
        return [f"{file}: {len(shown.rows)} rows of {', '.join(shown.columns)}", ""]
    return [f"{file}", "", *table(shown.columns, ([_cell(cell) for cell in row] for row in shown.rows)), ""]


def _cell(cell: Any) -> str:
    """A number shortened, whether it comes from the benchmark or as text from its file; equal for both."""
    text = str(cell.item() if hasattr(cell, "item") else cell)
    try:
        number = float(text)
    except ValueError:
        return text
    return text if text.lstrip("-").isdigit() or number != number else f"{number:.5g}"


def _row(cells: Sequence[Any]) -> str:
    inside = " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {inside} |"
