"""Disruptions and refusals are free, exit codes decide, and delays double up to their cap."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.api.heterojob import ExitCodes, FailurePolicy
from heterosched.kube.objects import JobObject, PodObject
from heterosched_operator.retries import judge, rejected, retry_delay
from heterosched_operator.world import Rules

FAILED = msgspec.convert(
    {"status": {"conditions": [{"type": "Failed", "status": "True", "message": "why"}]}}, JobObject
)


def a_pod(code: int | None = None, reason: str = "", disrupted: bool = False, deleted: bool = False) -> PodObject:
    status: dict[str, Any] = {"phase": "Failed", "reason": reason}
    if code is not None:
        status["containerStatuses"] = [{"name": "main", "state": {"terminated": {"exitCode": code}}}]
    if disrupted:
        status["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]
    metadata = {"name": "p", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})}
    return msgspec.convert({"metadata": metadata, "spec": {"nodeName": "n"}, "status": status}, PodObject)


@pytest.mark.parametrize(
    "reason", ["UnexpectedAdmissionError", "OutOfcpu", "OutOfnvidia.com/gpu", "TopologyAffinityError"]
)
def test_what_the_kubelet_refuses_is_free(reason: str) -> None:
    assert judge(FAILED, [a_pod(reason=reason)], FailurePolicy()).verdict == "Free"
    assert not rejected(a_pod(1, reason))


def test_disruptions_are_free_unless_they_are_to_count() -> None:
    assert judge(FAILED, [a_pod(143, disrupted=True)], FailurePolicy()).verdict == "Free"
    assert judge(FAILED, [a_pod(143, disrupted=True)], FailurePolicy(disruptions_count=True)).verdict == "Count"


def test_the_first_rule_that_fits_an_exit_code_decides() -> None:
    rules = [
        ExitCodes(action="FailTask", values=[42]),
        ExitCodes(action="Ignore", operator="NotIn", values=[1, 2]),
        ExitCodes(action="FailTask", values=[2], container_name="other"),
    ]
    policy = FailurePolicy(on_exit_codes=rules)
    verdicts = {code: judge(FAILED, [a_pod(code)], policy).verdict for code in (42, 9, 1, 2)}
    assert verdicts == {42: "FailTask", 9: "Free", 1: "Count", 2: "Count"}


def test_a_sibling_that_was_stopped_says_nothing_about_the_cause() -> None:
    policy = FailurePolicy(on_exit_codes=[ExitCodes(action="Ignore", values=[7])])
    assert judge(FAILED, [a_pod(7), a_pod(143, deleted=True)], policy).verdict == "Free"


def test_the_gravest_cause_wins_and_an_unexplained_failure_counts() -> None:
    policy = FailurePolicy(on_exit_codes=[ExitCodes(action="FailTask", values=[42])])
    assert judge(FAILED, [a_pod(1), a_pod(42), a_pod(143, disrupted=True)], policy).verdict == "FailTask"
    unexplained = judge(FAILED, [], policy)
    assert (unexplained.verdict, unexplained.message) == ("Count", "why")


@given(st.integers(1, 1000))
def test_delays_never_shrink_and_never_exceed_the_cap(retries: int) -> None:
    rules = Rules()
    assert retry_delay(rules, 1) == 10.0
    assert retry_delay(rules, retries) <= retry_delay(rules, retries + 1) <= 360.0
