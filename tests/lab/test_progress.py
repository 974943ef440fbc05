"""Progress goes to its stream alone: bars with the time left on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import io

import pytest

from heterosched_lab import progress
from heterosched_lab.progress import Bars, Quiet


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_a_line_when_the_pause_is_over_and_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("heterosched_lab.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    with Bars(stream=stream) as bars:
        bars.start("seeds", 10)
        bars.step()
        assert stream.getvalue() == ""
        now[0] = progress.PAUSE + 1
        bars.step(3)
        bars.step()
    assert stream.getvalue() == "seeds: 4 of 10\n"


def test_a_terminal_gets_a_bar_that_names_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    with Bars(stream=stream) as bars:
        bars.start("seeds [1]", 10)
        bars.step(4)
        bars.start("sweep", 2)
        bars.step()
    shown = stream.getvalue()
    assert "sweep" in shown
    assert "1/2" in shown


def test_quiet_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    quiet = Quiet()
    quiet.start("seeds", 10)
    quiet.step()
    assert capfd.readouterr() == ("", "")
