"""A person at a terminal sees one live line with elapsed and expected time; a log gets few plain lines."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from progress import Progress, duration


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def ticking(step_s: float) -> Callable[[], float]:
    """Return a clock that advances by `step_s` seconds whenever it is read."""
    times = iter(range(10_000))
    return lambda: next(times) * step_s


class Outlasting:
    """A process that outlasts so many waits, whatever the machine does meanwhile, and then ends with this status."""

    def __init__(self, waits: int, status: int) -> None:
        self.returncode: int | None = None
        self._left, self._status = waits, status

    def wait(self, timeout: float) -> int:
        if self._left:
            self._left -= 1
            raise subprocess.TimeoutExpired("build", timeout)
        self.returncode = self._status
        return self._status


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (290.0, "4 min 50 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_log_gets_the_start_the_end_and_a_sign_of_life() -> None:
    said = io.StringIO()
    process: Any = Outlasting(1, 0)
    Progress(said, ticking(40.0)).wait_for(process, "building x", 90.0)
    assert said.getvalue().splitlines() == [
        "  building x: about 1 min 30 s",
        "  building x: 40 s of about 1 min 30 s",
        "  building x: done after 1 min 20 s",
    ]


def test_a_terminal_gets_one_line_that_is_renewed() -> None:
    said = Terminal()
    process: Any = Outlasting(1, 3)
    Progress(said, ticking(10.0)).wait_for(process, "building x", 90.0)
    assert said.getvalue() == (
        "\r\x1b[K  building x: 10 s of about 1 min 30 s\r\x1b[K  building x: failed after 20 s\n"
    )


def test_download_progress_shows_on_a_terminal_only() -> None:
    live, plain = Terminal(), io.StringIO()
    for stream in (live, plain):
        Progress(stream).fraction("downloading etcd", 5e6, 2e7)
    assert live.getvalue() == "\r\x1b[K  downloading etcd: 5 of 20 MB"
    assert plain.getvalue() == ""
