"""The doctor says why pods of ours do not run, with their last words."""

from __future__ import annotations

from typing import Any

import pytest

from sickroom import OPERATOR, POD, Illness, a_condition, a_pod, assert_found, healthy, of_program, waiting

ILL: dict[str, Illness] = {
    "an image that cannot be pulled": (
        "operator",
        of_program({**OPERATOR, "status": {}}, a_pod("operator", waiting("ImagePullBackOff"))),
        "FAIL",
        ("image heterosched/operator:9", "cannot be pulled", "no such thing", "imageRegistry"),
    ),
    "a crash": (
        "operator",
        {
            **of_program(
                {**OPERATOR, "status": {}},
                a_pod("operator", waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 2}})),
            ),
            f"{POD}/heterosched-operator-1/log": b"start\nsettings: unknown key promtheus_url\n",
        },
        "FAIL",
        ("ends again and again", "exit code 2", "unknown key promtheus_url", "kubectl logs -p"),
    ),
    "a crash whose log may not be read": (
        "operator",
        {
            **of_program({**OPERATOR, "status": {}}, a_pod("operator", waiting("CrashLoopBackOff"))),
            f"{POD}/heterosched-operator-1/log": 403,
        },
        "FAIL",
        ("ends again and again", "its log cannot be read"),
    ),
    "a secret that is missing": (
        "operator",
        of_program(OPERATOR, a_pod("operator", waiting("CreateContainerConfigError"))),
        "FAIL",
        ("cannot be made", "make the Secret"),
    ),
    "restarts": (
        "operator",
        of_program(OPERATOR, a_pod("operator", {"name": "operator", "restartCount": 9})),
        "WARN",
        ("restarted 9 times",),
    ),
    "no node for our pod": (
        "operator",
        of_program(
            {**OPERATOR, "status": {}},
            a_pod("operator", conditions=[a_condition("PodScheduled", "False", message="0/2 nodes: taint")]),
        ),
        "FAIL",
        ("has no node", "0/2 nodes: taint"),
    ),
    "pod security": (
        "operator",
        of_program(
            {
                **OPERATOR,
                "status": {"conditions": [a_condition("ReplicaFailure", "True", message="violates PodSecurity x")]},
            }
        ),
        "FAIL",
        ("are refused", "violates PodSecurity", "`restricted`"),
    ),
}


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_named_with_its_remedy(examine: Any, illness: str) -> None:
    check, answers, *_ = ILL[illness]
    assert_found(examine({**healthy(), **answers}, check), ILL[illness])
