"""A profile counts for a pod as it counts for the planner: as given, or as finished tasks have corrected it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.kube.convert import Problems
from heterosched_extender.objects import PolicyObject, ProfileObject, changed_figures, policy_rows, profile_figures
from heterosched_extender.snapshot import Figures
from manifests import a_policy, a_profile


def found(*rows: dict[str, Any], learned: tuple[dict[str, Any], ...] = ()) -> Figures:
    raw = {**a_profile("p", "ns", devices=list(rows)), "status": {"devices": list(learned)}}
    return profile_figures([msgspec.convert(raw, ProfileObject)], Problems())["ns", "p"]


T4 = {"device": "nvidia-t4", "seconds": "40", "watts": "70"}
V100 = {"device": "nvidia-v100", "seconds": "30", "watts": "300"}


def test_figures_count_as_they_were_given() -> None:
    assert found(T4, V100) == Figures(
        {"nvidia-t4": 40.0, "nvidia-v100": 30.0}, {"nvidia-t4": 70.0, "nvidia-v100": 300.0}, "estimated"
    )


@pytest.mark.parametrize(("samples", "seconds", "watts"), [(2, 30.0, 300.0), (3, 5.0, 200.0)])
def test_enough_runs_stand_in_for_what_was_given(samples: int, seconds: float, watts: float) -> None:
    row = {"device": "nvidia-v100", "seconds": "5", "watts": "200", "samples": samples, "confidencePercent": 70}
    figures = found(T4, V100, learned=(row,))
    assert (figures.seconds["nvidia-v100"], figures.watts["nvidia-v100"]) == (seconds, watts)
    assert figures.seconds["nvidia-t4"] == 40.0
    assert figures.origin == ("estimated" if samples < 3 else "estimated, measured")


def test_throughputs_become_seconds_for_a_sample() -> None:
    assert found({"device": "nvidia-t4", "samplesPerSecond": "200"}, V100).seconds == {"nvidia-t4": 0.005}


def test_a_profile_that_cannot_be_read_is_named(caplog: pytest.LogCaptureFixture) -> None:
    problems = Problems()
    raw = a_profile("p", "ns", devices=[{**T4, "seconds": "soon"}])
    assert profile_figures([msgspec.convert(raw, ProfileObject)], problems) == {}
    assert problems.count == 1
    assert "ThroughputProfile ns/p: spec.devices[nvidia-t4].seconds" in caplog.text


def test_a_policy_whose_hook_is_not_installed_is_named_and_used_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    problems = Problems()
    raw = a_policy("green", weights={"speed": 1}, hook="night-saver")
    (row,) = policy_rows([msgspec.convert(raw, PolicyObject)], problems)
    assert (row.name, problems.count) == ("green", 1)
    assert "SchedulingPolicy green: spec.hook: the plug-in night-saver is not installed here" in caplog.text


def test_a_change_concerns_its_own_profile_alone_and_one_that_cannot_be_used_goes() -> None:
    good, bad = (
        msgspec.convert(a_profile("p", "ns", devices=[{**T4, "seconds": text}]), ProfileObject)
        for text in ("7", "soon")
    )
    assert changed_figures(None, good, Problems()) == profile_figures([good], Problems())
    assert changed_figures(good, bad, Problems()) == {("ns", "p"): None}
    assert changed_figures(good, None, Problems()) == {("ns", "p"): None}
