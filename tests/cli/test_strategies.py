"""A strategy of any installed package is listed, in the command and in the reference, without an edit of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from heterosched.algorithms.base import strategies

ROOT = Path(__file__).resolve().parents[2]
MODULE = '''"""Coin: each task where a coin says.

After nobody, as an example.
"""


class Coin:
    name = "coin"

    def schedule(self, problem):
        raise NotImplementedError
'''
POINTS = "[heterosched.strategies]\ncoin = coin_strategy:Coin\nbroken = nowhere:Nothing\n"


@pytest.fixture
def package(tmp_path: Path) -> dict[str, str]:
    """An environment in which a package with two strategies is installed, one of which cannot be loaded."""
    (tmp_path / "coin_strategy.py").write_text(MODULE, encoding="utf-8")
    about = tmp_path / "coin_strategies-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: coin-strategies\nVersion: 1.2\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(POINTS, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def ran(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
def test_a_package_that_was_just_installed_is_listed_and_its_broken_part_named(package: dict[str, str]) -> None:
    listed = ran(package, "-m", "heterosched_cli", "strategies", "-o", "json")
    found = {own["name"]: own for own in json.loads(listed.stdout)}
    assert found["coin"] == {
        "name": "coin",
        "short": "Coin: each task where a coin says",
        "method": "After nobody, as an example.",
        "package": "coin-strategies 1.2",
    }
    assert "heft" in found
    assert "warning: strategy broken (nowhere:Nothing of coin-strategies 1.2) cannot be used" in listed.stderr


@pytest.mark.slow
def test_the_reference_lists_it_too(package: dict[str, str], tmp_path: Path) -> None:
    about = next(tmp_path.glob("*.dist-info"))
    (about / "entry_points.txt").write_text(POINTS.replace("broken = nowhere:Nothing\n", ""), encoding="utf-8")
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'docs')!r}); from pages import code; print(code.strategies_page())"
    )
    written = ran(package, "-c", program)
    assert "| `coin` | Coin: each task where a coin says | After nobody, as an example. |" in written.stdout


def test_ours_are_listed_each_with_its_source(cli: Any) -> None:
    known = {"Auto", "jps", *strategies()}
    assert {own["name"] for own in json.loads(cli("strategies", "-o", "json").stdout)} == known
    assert "Topcuoglu" in cli("strategies", "heft").stdout
    first, *rest = cli("strategies", "-o", "name").stdout.split()
    assert (first, rest) == ("Auto", sorted(known - {"Auto"}))


def test_an_unknown_one_is_told_every_name_that_a_job_may_use(cli: Any) -> None:
    unknown = cli("strategies", "hoft")
    assert (unknown.exit_code, "no strategy hoft is installed; a job may name Auto, " in unknown.stderr) == (1, True)
    named = unknown.stderr.partition("a job may name ")[2].split()
    assert {name.rstrip(",") for name in named} == {"Auto", "jps", *strategies()}
    assert [cli("strategies", name).exit_code for name in ("Auto", "jps")] == [0, 0]
