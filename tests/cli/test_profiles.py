"""`heterosched profiles` says of each figure whence it comes, how old it is, and whether plans rest on it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.api import HeteroJob, ThroughputProfile
from heterosched.units import parse_time
from heterosched_cli import profiles
from heterosched_cli.profiles import COLUMNS, DETAIL_COLUMNS, Line, cells, data_of, detail, lines_of
from manifests import a_job

NOW = parse_time("2026-03-01T12:00:00Z")
SPEC: list[dict[str, Any]] = [
    {"device": "nvidia-t4", "seconds": "60", "watts": "65"},
    {"device": "nvidia-v100", "seconds": "40", "origin": "measured", "samples": 9, "caps": []},
    {"device": "nvidia-a100", "samplesPerSecond": "120"},
]
LEARNED = {
    "device": "nvidia-t4",
    "seconds": "90",
    "origin": "measured",
    "samples": 8,
    "confidencePercent": 90,
    "updatedAt": "2026-03-01T11:00:00Z",
}


def a_line(spec: list[dict[str, Any]] = SPEC) -> Line:
    status = {"updatedAt": "2026-03-01T11:00:00Z", "devices": [LEARNED]}
    raw = {"metadata": {"name": "encode", "namespace": "team"}, "spec": {"devices": spec}, "status": status}
    job = a_job("user", "team").task("one", work={"profile": "encode"}).manifest()
    return next(lines_of([msgspec.convert(raw, ThroughputProfile)], [msgspec.convert(job, HeteroJob)]))


def test_a_row_counts_the_figures_that_plans_rest_on() -> None:
    row = dict(zip(COLUMNS, cells(a_line(), NOW), strict=True))
    assert row == {
        "NAME": "encode",
        "DEVICES": "nvidia-v100, nvidia-a100, nvidia-t4",
        "FIGURES": "seconds, samples/s",
        "ORIGIN": "1 estimated, 2 measured",
        "RUNS": "17",
        "UPDATED": "1h00m",
        "JOBS": "1",
    }


def test_device_by_device_both_sources_stand_and_the_one_in_use_is_marked() -> None:
    rows = [dict(zip(DETAIL_COLUMNS, detail(own, NOW), strict=True)) for own in a_line().figures]
    t4 = {row["SOURCE"]: row for row in rows if row["DEVICE"] == "nvidia-t4"}
    assert (t4["given"]["SECONDS"], t4["given"]["USED"], t4["given"]["AGE"]) == ("60", "", "")
    assert (t4["learned"]["SECONDS"], t4["learned"]["USED"], t4["learned"]["AGE"]) == ("90", "*", "1h00m")
    assert (t4["learned"]["CONFIDENCE"], t4["learned"]["RUNS"]) == ("90%", "8")
    assert data_of(a_line())["devices"][0]["used"] is False


def test_a_profile_that_cannot_be_read_is_listed_with_the_reason() -> None:
    line = a_line([{"device": "cpu", "seconds": "-1"}])
    assert (cells(line, NOW)[COLUMNS.index("ORIGIN")], line.figures) == ("unusable", ())
    assert "spec.devices[cpu].seconds" in line.problem


def test_profiles_that_are_not_there_are_named(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "ask", lambda *_: ([], []))
    assert "no ThroughputProfiles in namespace team" in cli("profiles", "-n", "team").stderr
    missing = cli("profiles", "gone", "-A")
    assert (missing.exit_code, "no ThroughputProfile gone in any namespace" in missing.stderr) == (1, True)
