"""What people and programs read from `bench`: tables, JSON or YAML on standard output, remarks on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec


class Format(StrEnum):
    """The values of `-o`."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def write_data(data: Any, format: Format) -> None:
    """Plain data as JSON or YAML."""
    if format is Format.JSON:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")
        return
    import yaml

    yaml.safe_dump(msgspec.to_builtins(data), sys.stdout, sort_keys=False, allow_unicode=True, width=120)


def write_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: in colour on a terminal; in a pipe aligned columns, one line per row."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold cyan")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell or "-", style=_style(cell)) for cell in row))
        Console(file=sys.stdout).print(table)
        return
    lines = [list(columns), *[[cell or "-" for cell in row] for row in rows]]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        padded = "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(padded.rstrip() + "\n")


def note(text: str) -> None:
    """A remark beside the answer."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _style(cell: str) -> str:
    if cell in ("met", "Improved", "there", "done"):
        return "green"
    return "red" if cell in ("missed", "Regressed", "failed") or cell.startswith("missing") else ""
