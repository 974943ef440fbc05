"""`heterosched why` shows the latest decision that any extender has on record, and says what to do where none has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from answering import answering
from heterosched.policy.decision import Decision, NodeScore, TermShare
from heterosched_cli.options import EXTENDER

TERM = TermShare(term="speed", value=1.0, weight=1.0, part=1.0, origin="measured")
BEST = NodeScore(node="v100-0", device="nvidia-v100", score=10, mean=1.0, terms=(TERM,))


def a_decision(at: str = "2026-03-01T12:00:00Z", **fields: Any) -> Decision:
    known: dict[str, Any] = {"best": BEST, "bound": "v100-0", **fields}
    return Decision(namespace="team", pod="fit-0", uid="u", at=at, policy="Balanced", candidates=3, **known)


@contextmanager
def extender(answers: dict[str, Decision | bytes | int]) -> Iterator[tuple[str, list[str]]]:
    """An operations port with these answers by path; gives its address and the list of what is asked."""
    bodies = {path: msgspec.json.encode(own) if isinstance(own, Decision) else own for path, own in answers.items()}
    with answering(bodies) as found:
        yield found


PATH = "/v1/decisions/team/fit-0"


def test_a_decision_for_people(cli: Any) -> None:
    with extender({PATH: a_decision()}) as (url, _):
        result = cli("why", "fit-0", "-n", "team", "--extender", url)
    assert result.exit_code == 0
    assert "advised v100-0 (nvidia-v100): score 10" in result.stdout
    assert "bound to v100-0" in result.stdout


@pytest.mark.parametrize("name", ["team/fit-0", "pod/fit-0"])
def test_a_decision_for_programs(cli: Any, name: str) -> None:
    with extender({PATH: a_decision()}) as (url, _):
        namespace = () if name.startswith("team/") else ("-n", "team")
        result = cli("why", name, *namespace, "--extender", url, "-o", "json")
    decision = json.loads(result.stdout)
    assert (decision["pod"], decision["best"]["node"], decision["best"]["terms"][0]["term"]) == (
        "fit-0",
        "v100-0",
        "speed",
    )


def test_the_node_in_question_is_asked_about(cli: Any) -> None:
    with extender({PATH: a_decision(asked_answer="t4-0 was no candidate")}) as (url, asked):
        result = cli("why", "team/fit-0", "--node", "t4-0", "--extender", url)
    assert asked == [f"{PATH}?node=t4-0"]
    assert "t4-0 was no candidate" in result.stdout


def test_all_extenders_are_asked_and_the_latest_decision_counts(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    late = a_decision("2026-03-01T13:00:00Z", bound="t4-0")
    with extender({PATH: a_decision()}) as (one, _), extender({PATH: late}) as (two, _), extender({}) as (three, _):
        monkeypatch.setenv("HETEROSCHED_DECISIONS_URL", f"{one} {two} {three} http://127.0.0.1:9")
        result = cli("why", "team/fit-0", "-o", "name")
    assert (result.exit_code, result.stdout) == (0, "node/t4-0\n")


def test_no_record_is_a_no(cli: Any) -> None:
    with extender({}) as (url, _):
        result = cli("why", "gone", "-n", "team", "--extender", url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error: Pod team/gone: no decision on record" in result.stderr
    assert "schedulerName" in result.stderr


def test_silence_is_no_answer(cli: Any) -> None:
    result = cli("why", "team/fit-0", "--extender", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "extender http://127.0.0.1:9 does not answer" in result.stderr
    assert result.stderr.endswith("with --extender or HETEROSCHED_DECISIONS_URL\n")
    assert result.stderr.count("error: ") == 1


@pytest.mark.parametrize(("answer", "message"), [(500, "answers 500"), (b"<html>", "answers what is no decision")])
def test_a_stranger_on_the_port_is_named(cli: Any, answer: int | bytes, message: str) -> None:
    with extender({PATH: answer}) as (url, _):
        result = cli("why", "team/fit-0", "--extender", url)
    assert (result.exit_code, url in result.stderr, message in result.stderr) == (1, True, True)


@pytest.mark.parametrize(
    "arguments", [("a/b/c",), ("team/fit-0", "-n", "other"), ("team/x", "--extender", "http://[::1")]
)
def test_names_and_addresses_that_cannot_be_are_refused(cli: Any, arguments: tuple[str, ...]) -> None:
    result = cli("why", *arguments)
    assert result.exit_code == 2
    assert "Error: Invalid value for " in result.stderr


def test_the_default_address_is_the_extenders_operations_port() -> None:
    assert EXTENDER == "http://127.0.0.1:9102"
