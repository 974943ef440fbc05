"""`kubectl_complete-heterosched`: kubectl calls it at the Tab key, with the words after `kubectl heterosched`.

It answers as kubectl's completion protocol asks: a candidate per line, a tab before its description, and at the end a
directive: 4 keeps file names out, 0 lets the shell offer them. The candidates are those of our own completion.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from typing import Final

NO_FILES, FILES = 4, 0
NAME: Final = "heterosched"
TAKES_FILES: Final = frozenset({"-f", "--file", "--cluster", "--kubeconfig", "--plot", "--devices-file", "--save"})
"""Options whose value is a file."""


def main() -> None:
    """Answer for the words on the command line, the last of which is still being written."""
    print(answer(sys.argv[1:]))


def answer(words: Sequence[str]) -> str:
    """All that kubectl is to read."""
    *before, incomplete = words or [""]
    if before and before[-1] in TAKES_FILES:
        return f":{FILES}"
    lines = _candidates(before, incomplete)
    if lines == [incomplete] or (not lines and before[:1] == ["import"]):
        return f":{FILES}"
    return "\n".join([*lines, f":{NO_FILES}"])


def _candidates(before: Sequence[str], incomplete: str) -> list[str]:
    """By the protocol that our own completion has with fish, which has room for descriptions."""
    from heterosched.proxies import spare_loopback
    from heterosched_cli.app import app

    spare_loopback(os.environ)
    line = shlex.join([NAME, *before]) + " " + (shlex.quote(incomplete) if incomplete else "")
    asked = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    os.environ.update(asked, _HETEROSCHED_COMPLETE="complete_fish")
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        app(args=[], prog_name=NAME)
    return [own for own in said.getvalue().splitlines() if own]
