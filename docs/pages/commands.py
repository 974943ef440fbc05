"""The page of the command line: every command with its arguments, options, defaults and exit codes, from typer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any

from typer.main import get_command

from heterosched_cli import plugged
from heterosched_cli.app import app
from heterosched_cli.doctor.command import checks
from pages.markdown import page, rows

PROGRAM = "heterosched"
HEADER = ("argument or option", "default", "meaning")


def commands_page() -> str:
    """All commands, those of the lab too."""
    parts = ["`kubectl heterosched` is the same program. `-h` shows what stands here."]
    for name, command in tree(PROGRAM, get_command(app)):
        parts += described(name, command)
    return page("Commands", *parts)


def checks_page() -> str:
    """What `heterosched doctor` looks at."""
    guide = "[guide](../guide/doctor.md)"
    told = f"What `heterosched doctor` makes sure of ({guide}). A check that you may not make is `SKIP`."
    body = ((f"`{own.name}`", own.promise, own.needs) for own in checks())
    return page("Checks", told, rows(("check", "makes sure that", "needs the right to"), body))


def tree(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and all below it."""
    yield name, command
    if not hasattr(command, "list_commands"):
        return
    context = command.make_context(name, [], resilient_parsing=True)
    others = plugged.points() if name == PROGRAM else {}
    for inner in command.list_commands(context):
        plugged_in = inner in others and inner not in command.commands
        found = plugged.load(others[inner]) if plugged_in else command.get_command(context, inner)
        if not getattr(found, "hidden", False):
            yield from tree(f"{name} {inner}", found)


def described(name: str, command: Any) -> list[str]:
    """A command's part of the page."""
    group = hasattr(command, "list_commands")
    parts = [
        f"## {name}",
        inspect.cleandoc(command.help or "").replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n"),
    ]
    body = [row for row in map(told, command.params) if row]
    if body and not (group and name != PROGRAM):
        parts.append(rows(HEADER, body))
    if command.epilog:
        parts.append(inspect.cleandoc(command.epilog))
    return [part for part in parts if part]


def told(parameter: Any) -> tuple[str, str, str] | None:
    """A row of the table of options."""
    if getattr(parameter, "hidden", False) or parameter.name == "help":
        return None
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        shown = f"`[{name}]...`" if parameter.nargs == -1 and not parameter.required else f"`{name}`"
    else:
        shown = ", ".join(f"`{option}`" for option in [*parameter.opts, *parameter.secondary_opts])
    meaning = parameter.help or ""
    annotation = parameter.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        meaning += " One of " + ", ".join(f"`{one.value}`" for one in annotation) + "."
    if parameter.required:
        meaning += " Required."
    if parameter.envvar:
        named = parameter.envvar if isinstance(parameter.envvar, str) else ", ".join(parameter.envvar)
        meaning += f" Environment: `{named}`."
    return shown, defaulted(parameter.default), meaning.strip()


def defaulted(value: Any) -> str:
    """A default as a user would type it."""
    if callable(value) or value in (None, "", (), []) or value is False or type(value).__name__ == "Sentinel":
        return ""
    if isinstance(value, list | tuple):
        return " ".join(f"`{one}`" for one in value)
    return f"`{getattr(value, 'value', value)}`"
