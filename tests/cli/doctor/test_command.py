"""`heterosched doctor` prints its findings for people and programs, and ends with 1 only where one says FAIL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from heterosched_cli.app import app
from recorded_cluster import recorded
from sickroom import PROXY, healthy


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("HETEROSCHED_DECISIONS_TOKEN", "HETEROSCHED_DECISIONS_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(answers: dict[str, Any], *arguments: str) -> Any:
        with recorded(answers, tmp_path) as cluster:
            result = CliRunner().invoke(app, ["doctor", "--kubeconfig", str(cluster.kubeconfig), *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_people_read_a_line_each_with_why_and_what_to_do(doctor: Any) -> None:
    result = doctor({**healthy(), f"{PROXY}/readyz": (503, b"no pods yet")})
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert lines[0].startswith("OK    server")
    at = next(number for number, line in enumerate(lines) if line.startswith("FAIL  extender"))
    assert lines[at + 1].strip() == "why: no pods yet"
    assert lines[at + 2].strip().startswith("do: kubectl logs -n sched")
    assert "1 FAIL" in result.stderr


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("wide", "LEVEL   CHECK"),
        ("name", "ok/server"),
        ("yaml", "- "),
        ("json", "["),
    ],
)
def test_the_other_forms(doctor: Any, form: str, first: str) -> None:
    result = doctor(healthy(), "-o", form)
    assert (result.exit_code, result.stdout.startswith(first)) == (0, True), result.stdout[:200]


def test_without_an_api_server_there_is_one_finding(tmp_path: Path) -> None:
    from http_apiserver import kubeconfig

    path = kubeconfig(tmp_path, "http://127.0.0.1:1")
    result = CliRunner().invoke(app, ["doctor", "--kubeconfig", str(path), "-o", "name"])
    assert (result.exit_code, result.stdout) == (1, "fail/server\n")


def test_a_page_of_some_proxy_is_one_line(doctor: Any) -> None:
    page = (404, b"<html>\n <body>\n  no such page</body>\n</html>")
    answers = {**healthy(), "/apis/resource.k8s.io/v1/resourceslices": page}
    lines = doctor(answers).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("WARN  dra"))
    assert lines[at + 1].endswith("404: <html> <body> no such page</body> </html>")


def test_credentials_that_are_not_accepted_are_no_reason_to_skip_everything(doctor: Any) -> None:
    refused = (401, {"kind": "Status", "apiVersion": "v1", "code": 401, "message": "Unauthorized"})
    result = doctor({"*": lambda request: refused}, "-o", "json")
    [found] = json.loads(result.stdout)
    assert (result.exit_code, found["check"], found["level"]) == (1, "server", "FAIL")
    assert found["what"] == "the API server does not accept your credentials"
    assert "log in again" in found["remedy"]


def test_without_credentials_the_error_says_what_to_give(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--kubeconfig", str(tmp_path / "none")])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "give one with --kubeconfig" in result.stderr
