"""What people and programs read: tables in colour on a terminal and plain in a pipe, JSON, YAML, or names alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, TextIO

import msgspec

GAP = "   "


class Format(StrEnum):
    """The values of `-o`."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def write_data(data: Any, format: Format, stream: TextIO | None = None) -> None:
    """Plain data as JSON or YAML."""
    out = stream or sys.stdout
    if format is Format.JSON:
        out.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")
        return
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    yaml.dump(data, out, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)


def write_table(columns: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO | None = None) -> None:
    """A table. In a pipe: aligned columns without colour or shortening, one line per row, as kubectl writes them."""
    out = stream or sys.stdout
    if out.isatty():
        _rich_table(columns, rows, out)
        return
    lines = [list(columns), *[[cell or "-" for cell in row] for row in rows]]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        out.write(GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold cyan")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell or "-", style=_style(cell)) for cell in row))
    Console(file=out).print(table)


def _style(cell: str) -> str:
    word = cell.split(" ", 1)[0].rstrip(":")
    if word in ("Completed", "Better", "Feasible", "✓"):
        return "green"
    if word in ("Failed", "Worse", "Rejected", "LateBy", "OverBudget", "NeedsDevice"):
        return "red"
    return "yellow" if cell == "*" or word in ("Suspended", "EstimatesMissing") else ""


def note(text: str) -> None:
    """A remark beside the answer: to standard error, so that a pipe gets the answer alone."""
    sys.stderr.write(f"{text}\n")


def warn(text: str) -> None:
    """Something that the user should know although the command goes on."""
    note(f"warning: {text}")


def joules(energy: float) -> str:
    """`950 J`, `1.25 MJ`: three significant digits."""
    for unit, size in (("GJ", 1e9), ("MJ", 1e6), ("kJ", 1e3)):
        if abs(energy) >= size:
            return f"{energy / size:.3g} {unit}" if abs(energy) < 1e12 else f"{energy / size:.0f} {unit}"
    return f"{energy:.3g} J"


def percent(share: float) -> str:
    """`+12.3%`: with its sign, because a saving may be a loss."""
    return f"{round(share, 1) + 0.0:+.1f}%"
