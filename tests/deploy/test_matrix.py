"""The matrix reports of each suite on each minor what passed, what failed by name, what was left out and why."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import matrix
from matrix import Suite
from pins import kubernetes_minors

JUNIT = """<testsuites><testsuite>
<testcase classname="e2e.kwok.test_stack" name="test_one" time="1.25"/>
<testcase classname="e2e.kwok.test_stack" name="test_two[a]" time="2.0"><failure message="no"/></testcase>
<testcase classname="e2e.kwok.test_stack" name="test_three" time="0.0"><skipped message="not built"/></testcase>
<testcase classname="" name="e2e.kwok.test_stack" time="3.0"><error message="collection"/></testcase>
<testcase time="0.4"/>
</testsuite></testsuites>"""
PASSED = """<testsuite><testcase classname="e2e.kwok.test_a" name="test_one" time="1.0"/></testsuite>"""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, str]]:
    """What pytest answers on each suite, code and JUnit report, in place of running it; `build` always works."""
    answers: dict[str, tuple[int, str]] = {}

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if "pytest" not in command:
            return subprocess.CompletedProcess(command, 0)
        code, report = answers[Path(command[3]).stem]
        if report:
            Path(command[4].partition("=")[2]).write_text(report)
        if code < 0:
            raise KeyboardInterrupt
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr("matrix.subprocess.run", run)
    return answers


def reported(folder: Path, minor: str = "1.34") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())[minor]
    return found


def test_results_are_counted_and_what_failed_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(JUNIT)
    failed = ["test_two[a]", "e2e.kwok.test_stack"]
    assert matrix.read_results(tmp_path / "one.xml") == Suite(passed=1, skipped=1, failed=failed, seconds=6.2)


def test_the_report_fails_where_anything_failed_or_nothing_passed(tmp_path: Path) -> None:
    good, bad = Suite(passed=3, seconds=9.0), Suite(passed=1, failed=["test_two"])
    assert matrix.write_report({"1.34": {"test_a": good}, "1.37": {"test_a": good}}, tmp_path)
    assert not matrix.write_report({"1.34": {"test_a": good}, "1.37": {"test_a": bad}}, tmp_path)
    assert not matrix.write_report({"1.34": {"test_a": Suite(skipped=1)}}, tmp_path)
    assert reported(tmp_path)["kubernetes"].startswith("1.34.")


def test_a_run_that_is_cut_off_leaves_what_it_reached(
    tmp_path: Path, runs: dict[str, tuple[int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    runs |= {"test_a": (0, PASSED), "test_b": (-1, ""), "test_c": (0, PASSED)}
    with pytest.raises(KeyboardInterrupt):
        matrix.run_matrix(["1.34"], list(runs), tmp_path)
    suites = reported(tmp_path)["suites"]
    assert [(suite["passed"], suite["not_run"]) for suite in suites.values()] == [
        (1, ""),
        (0, matrix.NOT_REACHED),
        (0, matrix.NOT_REACHED),
    ]
    matrix.print_table(tmp_path)
    assert "1 passed, 0 failed, 0 skipped" in capsys.readouterr().out


def test_an_earlier_runs_results_do_not_stand_for_a_pytest_that_ended_early(
    tmp_path: Path, runs: dict[str, tuple[int, str]]
) -> None:
    runs["test_a"] = (0, PASSED)
    assert matrix.run_matrix(["1.34"], ["test_a"], tmp_path)
    runs["test_a"] = (3, "")
    assert not matrix.run_matrix(["1.34"], ["test_a"], tmp_path)
    assert reported(tmp_path)["suites"]["test_a"]["failed"] == [
        "pytest ended with 3; its words stand in 1.34-test_a.log"
    ]


def test_suites_run_side_by_side_and_all_are_in_the_report(tmp_path: Path, runs: dict[str, tuple[int, str]]) -> None:
    runs |= {f"test_{name}": (0, PASSED) for name in "abcde"}
    assert matrix.run_matrix(["1.34"], list(runs), tmp_path, jobs=3)
    assert reported(tmp_path)["passed"] == 5


def test_a_suite_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        matrix.main(["--suites", "test_stacks"])
    assert "invalid choice: 'test_stacks'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        matrix.main(["--jobs", "0"])
    assert "--jobs: must be at least 1, is 0" in capsys.readouterr().err


def test_only_what_an_old_minor_cannot_serve_is_left_out_there_with_the_reason() -> None:
    oldest, *_, newest = kubernetes_minors()
    folder = matrix.ROOT / "e2e" / "kwok"
    suites = matrix.suites_in(folder)
    simulating = [
        name for name in suites if re.search(r'^import truth$|"demo\.py"', (folder / f"{name}.py").read_text(), re.M)
    ]
    assert [name for name in suites if matrix.left_out(name, oldest)] == simulating
    assert "MutatingAdmissionPolicy" in matrix.left_out("test_demo", oldest)
    assert [name for name in suites if matrix.left_out(name, newest)] == []
