"""The doctor says which right a program lacks, and what does not work without it."""

from __future__ import annotations

from typing import Any

import pytest

from sickroom import REVIEWS, Illness, assert_found, healthy, managing, no_right_to

ILL: dict[str, Illness] = {
    "no rights": ("rights", {REVIEWS: no_right_to("pods")}, "FAIL", ("may not list pods", "helm upgrade")),
    "no rights for a feature": (
        "rights",
        {REVIEWS: no_right_to("resourceslices", "taspolicies")},
        "WARN",
        ("DRA, TAS cannot work", "list resourceslices.resource.k8s.io"),
    ),
}


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_named_with_its_remedy(examine: Any, illness: str) -> None:
    check, answers, *_ = ILL[illness]
    assert_found(examine({**healthy(), **answers}, check), ILL[illness])


def test_the_namespaced_mode_is_no_lack_of_rights(examine: Any) -> None:
    found = examine({**healthy(), **managing("team", "other")}, "rights")
    assert [own["level"] for own in found] == ["OK", "OK"]
    lost = examine({**healthy(), **managing("team"), REVIEWS: no_right_to("jobs")}, "rights")
    assert "may not create jobs.batch in namespace team, delete jobs.batch in namespace team" in lost[0]["what"]
