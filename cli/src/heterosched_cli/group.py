"""How commands are gathered and how they fail: the same for all of them.

What a command does is imported when it is called, so that `--help`, completion and offline work stay quick.
"""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperGroup

from heterosched.errors import HeteroSchedError
from heterosched_cli import plugged
from heterosched_cli.output import note

EPILOG: Final = (
    "Exit codes: 0 done; 1 the answer is no, or it could not be done (standard error says why); 2 wrong usage."
)
SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Group(TyperGroup):
    """Has the commands of other packages too. What a user can mend is a message and exit code 1, not a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Ours in their order, then the others'."""
        return list(dict.fromkeys([*super().list_commands(ctx), *plugged.points()]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Our command, else a stand-in that can be listed without loading what it stands for."""
        own, others = super().get_command(ctx, cmd_name), plugged.points()
        return plugged.stand_in(others[cmd_name]) if own is None and cmd_name in others else own

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, loaded where it is another package's."""
        name, command, rest = super().resolve_command(ctx, args)
        others = plugged.points()
        return name, plugged.load(others[name]) if name not in self.commands and name in others else command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = in_plain_words(error)
            raise
        except HeteroSchedError as error:
            note("\n".join(f"error: {line}" for line in str(error).splitlines()))
            raise typer.Exit(1) from error


def in_plain_words(error: typer.BadParameter) -> str:
    """The message without what its validator says to programmers alone, and with the value that it is about."""
    found: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    value = repr(found[0].get("input")) if found else "it"
    return error.message.removeprefix("Value error, ").replace("Input should", f"{value} should", 1)
