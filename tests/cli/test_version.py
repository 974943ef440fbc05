"""`heterosched version` always answers for the program itself, and for the cluster where there is one."""

from __future__ import annotations

import json
from typing import Any

import msgspec

import heterosched
from answering import answering
from heterosched.constants import API_VERSION


def test_the_client_alone(cli: Any) -> None:
    result = cli("version", "--client", "-o", "json")
    client = json.loads(result.stdout)["client"]
    assert (result.exit_code, client["api"]) == (0, API_VERSION)
    assert client["heterosched"]


def test_the_option_prints_the_version_alone_as_the_other_programs_do(cli: Any) -> None:
    result = cli("--version")
    assert (result.exit_code, result.stdout) == (0, f"{heterosched.__version__}\n")


def test_no_cluster_is_a_remark_and_no_failure(cli: Any) -> None:
    result = cli("version")
    assert result.exit_code == 0
    assert API_VERSION in result.stdout
    assert "no cluster:" in result.stderr


def test_the_extender_tells_its_version_or_the_answer_goes_without(cli: Any) -> None:
    for answer, told in (({"nodes": [], "version": "1.2.3"}, "1.2.3"), ({"nodes": []}, "(an older version")):
        with answering({"/v1/capabilities": msgspec.json.encode(answer)}) as (url, _):
            result = cli("version", "--extender", url)
        assert f"extender     heterosched {told}" in result.stdout
    silent = cli("version", "--extender", "http://127.0.0.1:9")
    assert (silent.exit_code, "extender " in silent.stdout) == (0, False)
    assert "no extender: extender http://127.0.0.1:9 does not answer" in silent.stderr


def test_help_names_the_exit_codes(cli: Any) -> None:
    result = cli("plan", "--help")
    assert result.exit_code == 0
    assert "Exit codes: 0 done; 1 the answer is no" in " ".join(result.stdout.split())
