"""Commands of other packages, found by the entry point `heterosched.commands`: each is a Typer app.

They are listed without being imported, so that `--help` stays quick whatever they need; importing waits for the call.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from heterosched.errors import InvalidInput

ENTRY_POINTS = "heterosched.commands"


def points() -> dict[str, EntryPoint]:
    """The entry points by name of their command, sorted."""
    return {point.name: point for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)}


def stand_in(point: EntryPoint) -> TyperGroup:
    """What the list of commands shows: the name, and the package's own summary."""
    summary = point.dist.metadata["Summary"] if point.dist else None
    return TyperGroup(name=point.name, help=summary or f"From {point.value}.")


def load(point: EntryPoint) -> Any:
    """The command itself; a package that is broken is named, and no other command suffers from it."""
    try:
        found = point.load()
        if not isinstance(found, typer.Typer):
            raise TypeError(f"a {type(found).__name__} is no Typer app")
    except Exception as error:
        package = point.dist.name if point.dist else point.value
        problem = f"{point.value} of {package} cannot be loaded: {type(error).__name__}: {error}"
        raise InvalidInput(f"command {point.name}", "", problem, "mend or remove that package") from error
    return get_command(found)
