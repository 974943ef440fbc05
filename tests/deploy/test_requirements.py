"""What is missing is named before anything starts, together with how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

import binaries
import requirements
from requirements import Requirement


def a_tool(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_packages_are_read_without_comments_and_blanks() -> None:
    text = "# all of them\npython3-venv\n\n  prometheus   # scrapes\n#git\n"
    assert requirements.debian_packages(text) == ["python3-venv", "prometheus"]


def test_the_package_list_names_what_the_checks_ask_for() -> None:
    packages = requirements.debian_packages(requirements.PACKAGES_FILE.read_text())
    assert {"python3-venv", "prometheus", "prometheus-node-exporter"} <= set(packages)
    assert len(packages) == len(set(packages))


def test_a_hint_for_a_package_that_is_not_listed_is_refused() -> None:
    assert requirements.install_hint("prometheus").startswith("apt-get install prometheus")
    with pytest.raises(ValueError, match="does not name emacs"):
        requirements.install_hint("emacs")


@pytest.mark.parametrize(
    ("text", "version"),
    [("go1.26.8\n", (1, 26)), ("go1.27rc1", (1, 27)), ("go2.0", (2, 0)), ("devel", None), ("", None)],
)
def test_go_versions(text: str, version: tuple[int, int] | None) -> None:
    assert requirements.go_version(text) == version


@pytest.mark.parametrize(
    ("script", "met", "found"),
    [
        ("echo go1.26.8", True, "go1.26.8"),
        ("echo go1.19.8", False, "go1.19.8"),
        ("echo 'go: go.mod requires go >= 1.26.0' >&2; exit 1", False, "go: go.mod requires go >= 1.26.0"),
    ],
)
def test_go_is_checked_by_asking_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, met: bool, found: str
) -> None:
    a_tool(tmp_path / "bin", "go", script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    requirement = requirements.check_go(tmp_path)
    assert (requirement.met, requirement.found) == (met, found)
    assert "install Go 1.26" in requirement.remedy


def test_go_is_not_needed_once_the_programs_are_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert not requirements.check_go(tmp_path).met
    for program in binaries.PROGRAMS:
        a_tool(tmp_path / "bin", program, "true")
    requirement = requirements.check_go(tmp_path)
    assert requirement.met
    assert "not needed" in requirement.found


def test_a_missing_program_says_what_fails_without_it_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nothing")
    line = requirements.check_program("prometheus", "prometheus", "telemetry cannot be scraped").line()
    assert line.startswith("MISS prometheus: telemetry cannot be scraped; apt-get install prometheus")


def test_what_is_optional_does_not_stop_anything() -> None:
    found = [
        Requirement("a", met=True, found="/usr/bin/a"),
        Requirement("b", met=False, found="absent", optional=True),
        Requirement("c", met=False, found="absent", remedy="get it"),
    ]
    assert [requirement.name for requirement in requirements.unmet(found)] == ["c"]
    assert [requirement.line()[:4] for requirement in found] == ["ok  ", "--  ", "MISS"]
