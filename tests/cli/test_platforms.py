"""Core, lab and command line work on macOS and Windows too: planning needs nothing that Linux alone has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = ROOT / "tests" / "support" / "other_platform.py"
PLAN = ("plan", "--file", "examples/one-task.yaml", "--cluster", "examples/clusters/small.yaml")


def said(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False, encoding="utf-8"
    )


@pytest.fixture(scope="module")
def here() -> str:
    """The plan that this system makes."""
    done = said("-m", "heterosched_cli", *PLAN)
    assert done.returncode == 0, done.stderr
    assert "nvidia-v100" in done.stdout
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="on another system the other tests say it")
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_every_module_is_imported_and_the_same_plan_is_made(here: str, platform: str) -> None:
    done = said(str(ELSEWHERE), platform, "heterosched_cli", *PLAN)
    assert done.returncode == 0, done.stderr
    assert done.stdout == here


@pytest.mark.skipif(sys.platform != "linux", reason="on another system the other tests say it")
def test_what_only_posix_can_do_says_so_on_windows() -> None:
    done = said(str(ELSEWHERE), "win32", "heterosched_cli", "bench", "workload", "montecarlo", "--samples", "1000")
    assert done.returncode != 0
    assert "POSIX" in done.stderr, done.stdout + done.stderr
    assert "WSL" in done.stderr
    assert "Traceback" not in done.stderr
