"""Commands of other packages are there, are listed without being loaded, and spoil nothing when they are broken."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest
import typer

from heterosched_cli import plugged

loaded = typer.Typer(no_args_is_help=True)


@loaded.command()
def hello(name: str) -> None:
    """Say hello."""
    typer.echo(f"hello {name}")


@loaded.command()
def bye() -> None:
    """Say bye."""


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three packages' commands: a good one, a broken one, and one that has the name of ours."""
    points = {
        name: EntryPoint(name, value, plugged.ENTRY_POINTS)
        for name, value in (
            ("good", f"{__name__}:loaded"),
            ("broken", "nowhere:app"),
            ("number", f"{__name__}:__doc__"),
            ("plan", "nowhere:app"),
        )
    }
    monkeypatch.setattr(plugged, "points", lambda: points)


@pytest.mark.usefixtures("offers")
def test_another_packages_command_runs_as_one_of_ours(cli: Any) -> None:
    assert cli("good", "hello", "you").stdout == "hello you\n"
    assert "Say hello." in cli("good", "--help").stdout
    assert cli("good", "hullo").exit_code == 2


@pytest.mark.usefixtures("offers")
def test_ours_has_precedence(cli: Any) -> None:
    assert "Show where and when each task would run" in cli("plan", "--help").stdout


@pytest.mark.usefixtures("offers")
def test_a_broken_package_is_named_and_spoils_no_other(cli: Any) -> None:
    for name, problem in (("broken", "ModuleNotFoundError"), ("number", "TypeError: a str is no Typer app")):
        found = cli(name, "hello")
        assert found.exit_code == 1
        assert f"error: command {name}: " in found.stderr
        assert problem in found.stderr
    assert cli("version", "--client").exit_code == 0
    assert "broken" in cli("--help").stdout


def test_help_lists_the_lab_without_loading_it() -> None:
    program = (
        "import sys; from heterosched_cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'heterosched_lab', 'numpy', 'scipy', 'distributed'}))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "bench " in shown
    assert shown.splitlines()[-1] == "[]"


def test_the_labs_command_is_loaded_when_it_is_called(cli: Any) -> None:
    assert "Run, compare and report the benchmarks" in cli("bench", "--help").stdout
    found = cli("bench", "run", "no-such-benchmark")
    assert found.exit_code == 1
    assert "error: benchmark no-such-benchmark: there is none of this name" in found.stderr
