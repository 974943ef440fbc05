"""The bench of the decision core fails on a wrong exact value, keeps its keys, and says what it left out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import bench_core
import goals
import peer
from curve import draw, sorted_dots

KEYS = (
    "wfinstances.default.mean_ratio",
    "wfinstances.default.worst_ratio",
    "wfinstances.portfolio.mean_ratio",
    "wfinstances.portfolio.worst_ratio",
    "heft.speedup_1000x8",
    "heft.speedup_5000x8",
    "heft.seconds_10000x1000",
    "jps.mean_gap_percent",
    "jps.worst_gap_percent",
    "jps.seconds_20x64",
    "jps.seconds_100x1000",
    "jps.bound_gap_percent_100x1000",
    "planner.seconds_1000x1000",
)


def written(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "core.json").read_text())
    return found


@pytest.mark.slow
def test_the_exact_values_hold_and_every_key_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_core.main(["--parts", "none", "--work", str(tmp_path)]) == 0
    found, told = written(tmp_path), capsys.readouterr()
    assert json.loads(told.out) == found
    assert found["exact"]["topcuoglu_heft"] == 80.0
    assert found["exact_wrong"] == []
    assert {"command", "seed", "versions", "machine", "commit"} <= set(found)
    for key in KEYS:
        own: Any = found
        for part in key.split("."):
            assert part in own, key
            own = own[part]
    assert "exact.topcuoglu_heft" in told.err
    assert "left out: jps: not asked for" in told.err


def test_the_goals_are_listed_with_what_was_left_out() -> None:
    rows = {row["figure"]: row for row in goals.rows({"heft": {"speedup_1000x8": 9.0, "seconds_10000x1000": 6.0}})}
    assert len(rows) == len(goals.GOALS)
    assert (rows["heft.speedup_1000x8"]["met"], rows["heft.seconds_10000x1000"]["met"]) == (True, False)
    assert (rows["heft.speedup_1000x8"]["unit"], rows["heft.seconds_10000x1000"]["unit"]) == ("x", "s")
    assert (rows["jps.mean_gap_percent"]["value"], rows["jps.mean_gap_percent"]["met"]) == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize(("now", "again"), [("c0ffee", False), ("facade", True), ("c0ffee-dirty", True), ("", True)])
def test_a_result_of_the_same_clean_commit_is_kept_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, again: bool
) -> None:
    told = {"command": bench_core.command(), "commit": "c0ffee", "exact_wrong": [], "checker_faults": 0}
    (tmp_path / "core.json").write_text(json.dumps(told))
    monkeypatch.setattr(bench_core, "commit", lambda: now)
    assert bench_core.main(["--parts", "none", "--work", str(tmp_path), "--keep"]) == 0
    assert ("goals" in written(tmp_path)) is again


@pytest.mark.slow
def test_a_differing_exact_value_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(bench_core.PUBLISHED, "topcuoglu_heft", (79.0, 1e-9))
    assert bench_core.main(["--parts", "none", "--work", str(tmp_path)]) == 1
    assert written(tmp_path)["exact_wrong"] == ["topcuoglu_heft"]
    assert [line.split()[4] for line in capsys.readouterr().err.splitlines() if "topcuoglu_heft" in line] == ["MISSED"]


@pytest.mark.parametrize(("value", "wrong"), [(1.0, []), (1.0 + 1e-10, []), (1.0 + 1e-8, ["a"]), (math.nan, ["a"])])
def test_what_differs(value: float, wrong: list[str]) -> None:
    assert bench_core.differing({"a": value}, {"a": (1.0, 1e-9)}) == wrong


@pytest.mark.slow
def test_without_the_peer_its_parts_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare() -> None:
        raise peer.NoPeer("no network")

    monkeypatch.setattr(peer, "prepare", prepare)
    assert bench_core.main(["--parts", "wfinstances,held_out", "--work", str(tmp_path)]) == 0
    found = written(tmp_path)
    assert "no network" in found["left_out"]["held_out"]
    assert "wfinstances" in found["left_out"]
    assert found["wfinstances"]["portfolio"] == {"mean_ratio": None, "worst_ratio": None}
    assert found["versions"]["peer"] == "none: no network"


@pytest.mark.parametrize("words", [["--sample", "0"], ["--parts", "heft,nonsense"]])
def test_wrong_usage_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench_core.main(words)
    assert "--sample takes a number" in capsys.readouterr().err


def test_a_missed_goal_is_named() -> None:
    assert goals.missed({"planner": {"seconds_1000x1000": 1.5}, "heft": {"speedup_1000x8": 7.0}}) == [
        "planner.seconds_1000x1000"
    ]


def test_the_peer_is_pinned_by_hash() -> None:
    assert f"anrg-saga=={peer.VERSION} \\\n    --hash=sha256:" in peer.REQUIREMENTS.read_text()


def test_the_plots_are_well_formed(tmp_path: Path) -> None:
    draw({10: 0.1, 100: 1.5}, tmp_path / "curve.svg", "tasks", "seconds")
    sorted_dots({"a<b": 0.9, "c": 1.0}, tmp_path / "dots.svg", 1.02, "problems", "ratio")
    assert len(list(ElementTree.parse(tmp_path / "curve.svg").iter("{http://www.w3.org/2000/svg}circle"))) == 2
    names = [own.text for own in ElementTree.parse(tmp_path / "dots.svg").iter("{http://www.w3.org/2000/svg}title")]
    assert names == ["a<b: 0.9000", "c: 1.0000"]
