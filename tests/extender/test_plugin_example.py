"""The example plug-in, installed as its README says, steers pods at night and stands in their explanation."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from extender_calls import a_call, a_pod_manifest, a_world
from heterosched.api import PlanNote
from heterosched.policy.explain import explain
from heterosched.policy.hooks import known_rows, plugins
from heterosched.policy.render import render
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import Service

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugins" / "night-saver"
MIDNIGHT, NOON = 86400.0 * 20000, 86400.0 * 20000.5
NOTE = PlanNote(
    policy="NightSaver",
    seconds={"nvidia-t4": 1000.0, "nvidia-v100": 400.0},
    watts={"nvidia-t4": 70.0, "nvidia-v100": 220.0},
)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A wheel is built by the package's own build backend and unpacked where Python looks for packages."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=PLUGIN, check=True, capture_output=True)
    site = tmp_path / "site"
    for wheel in tmp_path.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(site)
    monkeypatch.syspath_prepend(site)
    plugins.cache_clear()
    yield
    plugins.cache_clear()


def scored(at: float, note: PlanNote = NOTE) -> tuple[str, str]:
    """The node that `/prioritize` prefers at this time, and the explanation."""
    service = Service(Decisions(2**20, 3600), clock=lambda: at)
    service.snapshot = a_world("t4-0", "v100-0").snapshot(at)
    answer = json.loads(service.prioritize(a_call(a_pod_manifest("p", plan=note), ["t4-0", "v100-0"])))
    record = service.decisions.of_pod("p")
    assert record is not None
    best = next(each["Host"] for each in answer if each["Score"] == 10)
    return best, render(explain(record.case()))


def test_the_policy_saves_energy_at_night_and_time_by_day(installed: None) -> None:
    assert plugins().problems == ()
    assert known_rows()["NightSaver"].hook == "night-saver"
    by_day, explained_by_day = scored(NOON)
    at_night, explained_at_night = scored(MIDNIGHT)
    assert (by_day, at_night) == ("v100-0", "t4-0")
    assert "hook night-saver changed the weights: speed 25 -> 0, energy 25 -> 50" in explained_at_night
    assert "changed the weights" not in explained_by_day


def test_short_work_is_left_alone(installed: None) -> None:
    short = PlanNote(policy="NightSaver", seconds={"nvidia-t4": 100.0, "nvidia-v100": 40.0}, watts=NOTE.watts)
    assert scored(MIDNIGHT, short)[0] == "v100-0"


def test_without_the_plug_in_the_policy_is_unknown_and_another_stands_in() -> None:
    assert "there is no policy NightSaver: Balanced stands in for it" in scored(MIDNIGHT)[1]
