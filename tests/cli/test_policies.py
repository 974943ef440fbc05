"""`heterosched policies` lists the policy table of all sources with its weights, and who uses which row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heterosched.api import HeteroJob, SchedulingPolicy
from heterosched.policy.hooks import Occasion, Plugins
from heterosched.policy.table import BUILT_IN, TERMS, PolicyRow
from heterosched_cli import policies
from heterosched_cli.policies import COLUMNS, WIDE_COLUMNS, cells, known
from manifests import a_job, a_policy


class Night:
    """A plug-in with one row."""

    name = "night"

    def rows(self) -> list[PolicyRow]:
        return [PolicyRow("Night", BUILT_IN["Balanced"].weights, hook="night")]

    def weights(self, row: PolicyRow, occasion: Occasion) -> dict[str, int]:
        return dict(row.weights)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = Plugins(
        {"night": Night()}, {"Night": Night().rows()[0]}, ("policy plug-in other is not used: it is broken",)
    )
    monkeypatch.setattr(policies, "plugins", lambda: plugins)


def objects(*given: dict[str, Any]) -> list[SchedulingPolicy]:
    return [msgspec.convert(own, SchedulingPolicy) for own in given]


def a_user(name: str, policy: str) -> HeteroJob:
    return msgspec.convert(a_job(name, "team").policy(policy).manifest(), HeteroJob)


def test_rows_of_all_sources_stand_with_their_users() -> None:
    jobs = [a_user("one", "green"), a_user("two", "green"), a_user("three", "Night")]
    found = {own.name: own for own in known(objects(a_policy("green")), jobs)}
    assert list(found) == ["Performance", "Balanced", "Energy", "Night", "green"]
    assert {own.name: own.source for own in found.values()} == {
        "Performance": "built-in",
        "Balanced": "built-in",
        "Energy": "built-in",
        "Night": "plug-in night",
        "green": "SchedulingPolicy",
    }
    assert found["green"].jobs == ("team/one", "team/two")
    row = dict(zip(COLUMNS, cells(found["Night"]), strict=True))
    assert (row["SPEED"], row["JOBS"], row["STATE"]) == ("25", "1", "in use")
    assert len(cells(found["green"], wide=True)) == len(WIDE_COLUMNS)


def test_an_object_that_is_no_row_is_listed_with_the_reason() -> None:
    weightless = a_policy("nothing", weights=dict.fromkeys(TERMS, 0))
    hooked = a_policy("hooked", hook="gone")
    found = {own.name: own for own in known(objects(weightless, hooked), [])}
    assert found["nothing"].row is None
    assert cells(found["nothing"], wide=True)[COLUMNS.index("STATE")].startswith("Rejected: SchedulingPolicy nothing")
    assert "its plug-in gone is not installed" in found["hooked"].problem


def test_without_a_cluster_what_needs_none_is_listed(cli: Any) -> None:
    result = cli("policies")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [
        "Performance",
        "Balanced",
        "Energy",
        "Night",
    ]
    assert "what the cluster adds is not shown: kubeconfig" in result.stderr
    assert "warning: policy plug-in other is not used: it is broken" in result.stderr


def test_a_named_policy_has_all_its_constants(cli: Any) -> None:
    assert "warn_celsius: 80.0" in cli("policies", "Energy").stdout
    data = json.loads(cli("policies", "Energy", "-o", "json").stdout)
    assert [own["name"] for own in data] == ["Energy"]
    assert (data[0]["weights"]["energy"], data[0]["constants"]["jps"]["beta"]) == (50, 0.2)
    unknown = cli("policies", "Power")
    assert (unknown.exit_code, "no policy Power; there are Performance" in unknown.stderr) == (1, True)


@pytest.mark.slow
def test_the_example_plug_in_is_listed_once_it_is_installed(examples: Path, tmp_path: Path) -> None:
    source = examples / "plugins" / "night-saver"
    points = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    about = tmp_path / "heterosched_night_saver-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: night-saver\nVersion: 0.1\n", encoding="utf-8")
    lines = (f"{name} = {value}" for name, value in points["heterosched.policies"].items())
    (about / "entry_points.txt").write_text("[heterosched.policies]\n" + "\n".join(lines), encoding="utf-8")
    paths = os.pathsep.join((str(tmp_path), str(source / "src")))
    environment = {**os.environ, "PYTHONPATH": paths, "KUBECONFIG": str(tmp_path / "none")}
    command = [sys.executable, "-m", "heterosched_cli", "policies", "NightSaver", "-o", "json"]
    listed = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
    found = json.loads(listed)[0]
    assert (found["source"], found["constants"]["hook"]) == ("plug-in night-saver", "night-saver")
