"""The command line as a function: arguments in; exit code, standard output and standard error out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from typer.testing import CliRunner, Result

from heterosched_cli.app import app

Cli: TypeAlias = Callable[..., Result]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """`cli("plan", "-f", path)`, in an environment that knows no cluster; `input` becomes standard input."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HETEROSCHED_DECISIONS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*arguments: str | Path, input: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def examples() -> Path:
    """The folder of the project's examples."""
    return Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def data() -> Path:
    """The folder of the tests' own data."""
    return Path(__file__).resolve().parents[1] / "data"
