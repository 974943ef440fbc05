"""`--watch` draws again and again, outlives a failure that is not the first, and ends at Ctrl-C with 130."""

from __future__ import annotations

import io
import sys

import pytest
import typer
import yaml

from heterosched.errors import HeteroSchedError, Unavailable
from heterosched_cli.output import Format
from heterosched_cli.repeat import CLEAR, INTERRUPTED, repeat


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Rounds:
    """Prints its number; fails in the rounds `bad`."""

    def __init__(self, *bad: int) -> None:
        self.number, self._bad = 0, bad

    def __call__(self) -> None:
        self.number += 1
        if self.number in self._bad:
            raise Unavailable("nobody answers")
        print(f"round {self.number}")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is slept; the third time Ctrl-C comes."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("heterosched_cli.repeat.time.sleep", sleep)
    return naps


def test_a_pipe_gets_one_answer_after_the_other(slept: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        repeat(Rounds(2), 7.0, Format.TABLE)
    assert (ended.value.exit_code, slept) == (INTERRUPTED, [7.0] * 3)
    said = capsys.readouterr()
    assert said.out.split("\n") == ["round 1", "", "", "round 3", ""]
    assert said.err == "error: nobody answers; asking again in 7 s\n"


@pytest.mark.usefixtures("slept")
def test_yaml_answers_are_documents_of_one_stream(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        repeat(lambda: print("same: key"), 7.0, Format.YAML)
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == [{"same": "key"}] * 3


@pytest.mark.usefixtures("slept")
def test_a_terminal_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    with pytest.raises(typer.Exit):
        repeat(Rounds(), 1.0, Format.TABLE)
    screens = out.getvalue().split(CLEAR)[1:]
    assert [screen.splitlines()[0] for screen in screens] == ["round 1", "round 2", "round 3"]
    assert "Ctrl-C ends it" in screens[0]


def test_what_fails_at_once_fails() -> None:
    with pytest.raises(HeteroSchedError, match="nobody answers"):
        repeat(Rounds(1), 1.0, Format.TABLE)
