"""Progress on standard error: bars with the time left on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

PAUSE = 10.0
"""Seconds between two lines in a pipe: enough to see that it lives, few enough to read a log."""


class Quiet:
    """No progress at all, for tests and for programs."""

    def start(self, what: str, total: int) -> None:
        """Nothing."""

    def step(self, count: int = 1) -> None:
        """Nothing."""


class Bars:
    """A bar after the other, the finished ones gone from the terminal. Use it in a `with`."""

    def __init__(self, title: str = "", stream: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._title = title
        self._stream = stream or sys.stderr
        self._lines = not self._stream.isatty()
        self._what, self._total, self._done, self._said = "", 0, 0, time.monotonic()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns, console=Console(file=self._stream), transient=True, disable=self._lines)
        self._task = self._bars.add_task("", total=None, visible=False)

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, what: str, total: int) -> None:
        """A new bar of `total` steps; the one before it goes."""
        self._what, self._total, self._done = f"{self._title}: {what}" if self._title else what, total, 0
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(self._what, total=total)

    def step(self, count: int = 1) -> None:
        """So many steps are done."""
        self._done += count
        self._bars.advance(self._task, count)
        if self._lines and time.monotonic() - self._said >= PAUSE:
            self._said = time.monotonic()
            self._stream.write(f"{self._what}: {self._done} of {self._total}\n")
            self._stream.flush()
