"""`--watch` of what is asked again and again: a screen that is drawn anew, in a pipe one answer after the other."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Final, NoReturn

import typer

from heterosched.errors import HeteroSchedError
from heterosched.units import format_time
from heterosched_cli.output import Format, note

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it for a program that a SIGINT has ended."""
CLEAR: Final = "\x1b[H\x1b[2J"
"""Of a terminal: to the upper left corner, and nothing on the screen."""


class _Screen(io.StringIO):
    """Gathers an answer as a terminal would get it, so that the old one stands until the new one is whole."""

    def isatty(self) -> bool:
        """What is gathered goes to a terminal."""
        return True


def repeat(show: Callable[[], object], seconds: float, format: Format) -> NoReturn:
    """Call `show`, which prints, every so many seconds until Ctrl-C. Raises typer.Exit, and what the first call raises.

    Later failures are told and tried again: a watch outlives a restart of what it asks.
    """
    first = True
    try:
        while True:
            try:
                _once(show, first, format)
            except HeteroSchedError as error:
                if first:
                    raise
                note(f"error: {error}; asking again in {seconds:g} s")
            first = False
            sys.stdout.flush()
            time.sleep(seconds)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _once(show: Callable[[], object], first: bool, format: Format) -> None:
    if not sys.stdout.isatty():
        if not first:
            print("---" if format is Format.YAML else "")
        show()
        return
    screen = _Screen()
    with redirect_stdout(screen), redirect_stderr(screen):
        show()
    sys.stdout.write(f"{CLEAR}{screen.getvalue()}\nat {format_time(int(time.time()))}, Ctrl-C ends it\n")
