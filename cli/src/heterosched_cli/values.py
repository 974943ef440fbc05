"""What values of options have to look like, where their type alone does not tell: refused before anything is asked."""

from __future__ import annotations

import re
from importlib.metadata import version as installed
from pathlib import Path

import typer

OBJECT = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def namespace(given: str) -> str:
    """A namespace's name, or none: it becomes a part of paths. Raises BadParameter."""
    if given and NAMESPACE.fullmatch(given) is None:
        raise typer.BadParameter(f"{given!r} is no name of a namespace: lower-case letters, digits and '-', at most 63")
    return given


def policy(given: str) -> str:
    """A policy's name, or none. Raises BadParameter for what neither a row of this program nor an object can be called:
    the latter's names are lower-case.
    """
    if given and OBJECT.fullmatch(given) is None:
        from heterosched.policy.hooks import known_rows

        rows = known_rows()
        if given not in rows:
            problem = f"{given!r} is no policy of this program ({', '.join(rows)}), and no name of a SchedulingPolicy"
            raise typer.BadParameter(f"{problem}: lower-case letters, digits, '-' and '.', at most 253")
    return given


def version(given: bool) -> None:
    """Print it and end, as the other programs do."""
    if given:
        print(installed("heterosched-cli"))
        raise typer.Exit


def svg(path: Path | None) -> Path | None:
    """Where to draw. Raises BadParameter."""
    if path is not None and path.suffix.lower() != ".svg":
        raise typer.BadParameter(f"{str(path)!r} is no name of an SVG file; end it with .svg")
    return path
