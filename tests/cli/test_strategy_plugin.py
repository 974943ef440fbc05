"""The example of a strategy of one's own, installed as its README says, is planned with and listed without any edit."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "examples" / "plugins" / "shortest-first"
PLAN = (
    "plan",
    "-f",
    "examples/graph.yaml",
    "--cluster",
    "examples/clusters/small.yaml",
    "--strategy",
    "shortest_first",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel is built by the package's own build backend and unpacked where Python looks for packages."""
    folder = tmp_path_factory.mktemp("plugin")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=PLUGIN, check=True, capture_output=True)
    for wheel in folder.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def python(*arguments: str, site: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": site}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_job_is_planned_by_it(site: Path) -> None:
    done = python("-m", "heterosched_cli", *PLAN, site=str(site))
    assert done.returncode == 0, done.stderr
    assert "default/analysis: policy Performance, strategy shortest_first" in done.stdout


@pytest.mark.slow
def test_the_command_line_lists_it_with_what_it_does(site: Path) -> None:
    done = python("-m", "heterosched_cli", "strategies", site=str(site))
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("shortest_first"))
    assert "the shortest one goes first" in line


@pytest.mark.slow
def test_without_it_the_command_line_names_what_is_installed() -> None:
    done = python("-m", "heterosched_cli", *PLAN, site="")
    assert done.returncode == 1
    assert "unknown strategy 'shortest_first'" in done.stderr
    assert "portfolio" in done.stderr


@pytest.mark.slow
def test_the_reference_lists_it_with_its_source(site: Path) -> None:
    code = "from pages.code import strategies_page; print(strategies_page())"
    done = python("-c", f"import sys; sys.path.insert(0, 'docs'); {code}", site=str(site))
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("| `shortest_first` |"))
    assert "Shortest first: of the tasks that are free the shortest one goes first" in row
    assert "W. E. Smith" in row
