"""The doctor knows an API server, a clock and CRDs that are wrong."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from sickroom import CRD, NOW, Illness, a_crd, assert_found, healthy

ILL: dict[str, Illness] = {
    "an old server": ("server", {"/version": {"gitVersion": "v1.33.1"}}, "FAIL", ("1.33.1 is too old", "upgrade")),
    "a new server": ("server", {"/version": {"gitVersion": "v1.99.0"}}, "WARN", ("newer", "upgrade HeteroSched")),
    "no version": ("server", {"/version": {"gitVersion": "main"}}, "FAIL", ("no version of Kubernetes",)),
    "no CRDs": ("crds", {CRD.format("heterojobs"): 404}, "FAIL", ("does not serve heterojobs", "helm install")),
    "CRDs of another version": (
        "crds",
        {CRD.format("heterojobs"): {**a_crd("heterojobs"), "spec": {"versions": [{"name": "v1", "served": True}]}}},
        "FAIL",
        ("of another version", "served is v1, this program speaks v1alpha1"),
    ),
    "CRDs of another release": (
        "crds",
        {
            CRD.format("heterojobs"): {
                **a_crd("heterojobs"),
                "metadata": {"labels": {"app.kubernetes.io/version": "0.0.1"}},
            }
        },
        "WARN",
        ("different releases", "0.0.1", "helm upgrade"),
    ),
    "CRDs not served": (
        "crds",
        {CRD.format("heterojobs"): {**a_crd("heterojobs"), "status": {}}},
        "FAIL",
        ("is not served", "kubectl describe crd"),
    ),
    "no CRDs by discovery": (
        "crds",
        {CRD.format("heterojobs"): 403, "/apis/heterosched.io/v1alpha1": 404},
        "FAIL",
        ("does not serve heterojobs", "helm install"),
    ),
}


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_named_with_its_remedy(examine: Any, illness: str) -> None:
    check, answers, *_ = ILL[illness]
    assert_found(examine({**healthy(), **answers}, check), ILL[illness])


@pytest.mark.parametrize(("minutes", "level"), [(0, "OK"), (-3, "WARN"), (3, "WARN")])
def test_a_skewed_clock_is_told(examine: Any, minutes: int, level: str) -> None:
    date = "" if not minutes else format_datetime(NOW + timedelta(minutes=minutes), usegmt=True)
    [found] = examine(healthy(), "clock", date)
    assert found["level"] == level
    assert minutes == 0 or ("behind" if minutes > 0 else "ahead of") in found["what"]
