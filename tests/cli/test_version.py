"""`heterosched version` always answers for the program itself, and for the cluster where there is one."""

from __future__ import annotations

import json
from typing import Any

from heterosched.constants import API_VERSION


def test_the_client_alone(cli: Any) -> None:
    result = cli("version", "--client", "-o", "json")
    client = json.loads(result.stdout)["client"]
    assert (result.exit_code, client["api"]) == (0, API_VERSION)
    assert client["heterosched"]


def test_no_cluster_is_a_remark_and_no_failure(cli: Any) -> None:
    result = cli("version")
    assert result.exit_code == 0
    assert API_VERSION in result.stdout
    assert "no cluster:" in result.stderr


def test_help_names_the_exit_codes(cli: Any) -> None:
    result = cli("plan", "--help")
    assert result.exit_code == 0
    assert "Exit codes: 0 done; 1 the answer is no" in " ".join(result.stdout.split())
