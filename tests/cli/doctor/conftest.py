"""`examine(answers)`: what `heterosched doctor` finds beside an API server with these answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

from heterosched.kube.client import Kube
from heterosched_cli.app import app
from heterosched_cli.doctor.cluster import Cluster
from heterosched_cli.doctor.command import checks, findings_of
from heterosched_cli.live import ask
from recorded_cluster import recorded
from sickroom import NOW

Findings: TypeAlias = list[dict[str, str]]
Examine: TypeAlias = Callable[..., Findings]


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """The findings of one check, or of the whole program, whose exit code has to agree with them.

    For the program and the API server it is NOW, however long ago the recorded answers were made: beside many other
    tests that may be minutes.
    """
    for name in ("HETEROSCHED_DECISIONS_TOKEN", "HETEROSCHED_DECISIONS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("heterosched_cli.doctor.cluster.time", SimpleNamespace(time=NOW.timestamp))

    def run(answers: dict[str, Any], check: str = "", date: str = "", namespace: str = "") -> Findings:
        with recorded(answers, tmp_path, date or format_datetime(NOW, usegmt=True)) as cluster:
            if check:
                return alone(check, cluster.kubeconfig)
            place = ["-n", namespace] if namespace else []
            arguments = ["doctor", "-o", "json", "--kubeconfig", str(cluster.kubeconfig), *place]
            result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        found: Findings = json.loads(result.stdout)
        assert result.exit_code == int(any(own["level"] == "FAIL" for own in found))
        return found

    return run


def alone(name: str, kubeconfig: Path) -> Findings:
    """What a single check finds."""

    async def question(kube: Kube) -> Findings:
        found = await findings_of(Cluster(kube), [own for own in checks() if own.name == name])
        return [{**asdict(own), "level": own.level.value} for own in found]

    return ask(question, kubeconfig, "")
