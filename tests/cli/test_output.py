"""Tables are plain and whole in a pipe and drawn on a terminal; figures have units and three digits."""

from __future__ import annotations

import io

import pytest

from heterosched_cli.output import joules, percent, write_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_aligned_columns_and_whole_cells() -> None:
    out = io.StringIO()
    write_table(("NAME", "STATE"), [("a" * 200, "Planned"), ("b", "")], out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "NAME" + " " * 199 + "STATE"
    assert lines[1] == "a" * 200 + "   Planned"
    assert lines[2].split() == ["b", "-"]


def test_a_terminal_gets_colour_and_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    write_table(("NAME", "STATE"), [("job [1]", "Failed: TaskFailed")], out)
    assert "\x1b[" in out.getvalue()
    assert "job [1]" in out.getvalue()


@pytest.mark.parametrize(
    ("energy", "text"), [(0.0, "0 J"), (950.4, "950 J"), (1250.0, "1.25 kJ"), (1.249e6, "1.25 MJ"), (3.6e9, "3.6 GJ")]
)
def test_energy_for_people(energy: float, text: str) -> None:
    assert joules(energy) == text


def test_a_saving_has_its_sign() -> None:
    assert (percent(12.34), percent(-3.0), percent(-0.001)) == ("+12.3%", "-3.0%", "+0.0%")
