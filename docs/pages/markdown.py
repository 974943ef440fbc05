"""What the generated pages share."""

from __future__ import annotations

from collections.abc import Iterable

NOTE = "<!-- Written by docs/generate.py: edit what it is made from. -->"


def rows(header: Iterable[str], body: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    names = list(header)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(cell(one) for one in row) + " |" for row in body]
    return "\n".join(lines)


def cell(value: object) -> str:
    """A table's cell: on one line, without the sign that parts cells."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def page(title: str, *parts: str) -> str:
    """A page: title, note, parts."""
    return "\n\n".join([f"# {title}", NOTE, *parts])
