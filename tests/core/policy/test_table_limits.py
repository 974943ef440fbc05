"""A SchedulingPolicy's caps, urgency and parameters of JPS reach the planner's row, or are refused with their field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from heterosched.api import SchedulingPolicy
from heterosched.errors import InvalidInput
from heterosched.jps import Parameters
from heterosched.policy.table import PolicyRow, PowerCap, row_of
from manifests import a_policy


def row(**fields: Any) -> PolicyRow:
    return row_of(msgspec.convert(a_policy("own", weights={"plan": 1}, **fields), SchedulingPolicy))


def test_nothing_is_limited_by_default() -> None:
    assert (row().caps, row().urgent_seconds, row().keep_share, row().jps) == ((), 3600.0, 0.1, Parameters())


def test_caps_urgency_and_parameters_are_read() -> None:
    groups = [{"name": "left", "nodeSelector": {"rack": "a"}, "watts": "900"}]
    found = row(
        powerCaps={"clusterWatts": "12k", "groups": groups},
        waiting={"urgentSlack": "10m", "keepPercent": 25},
        jps={"samples": 32, "alpha": "0.5", "beta": "0.9", "explore": "0", "energyWeight": "1", "fairnessFloor": "0.8"}
        | {"mode": "guided"},
    )
    assert found.caps == (PowerCap(12_000.0), PowerCap(900.0, "left", {"rack": "a"}))
    assert (found.urgent_seconds, found.keep_share) == (600.0, 0.25)
    wanted = Parameters(samples=32, alpha=0.5, beta=0.9, explore=0.0, energy_weight=1.0, fairness_floor=0.8)
    assert found.jps == replace(wanted, mode="guided")


def test_nodes_of_its_own_and_devices_that_can_be_brought_are_read() -> None:
    found = row(nodeSelector={"rack": "a"}, waiting={"autoscaledDevices": ["nvidia-h100"]})
    assert (found.node_selector, found.autoscaled) == ({"rack": "a"}, ("nvidia-h100",))
    assert (row().node_selector, row().autoscaled) == ({}, ())
    assert found.idle == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"powerCaps": {"clusterWatts": "0"}}, "SchedulingPolicy own: spec.powerCaps.clusterWatts: '0' is not above"),
        (
            {"powerCaps": {"groups": [{"name": "x", "nodeSelector": {"a": "b"}, "watts": "-1"}]}},
            "SchedulingPolicy own: spec.powerCaps.groups[x].watts: '-1'",
        ),
        (
            {"powerCaps": {"groups": [{"name": "x", "nodeSelector": {}, "watts": "1"}]}},
            "spec.powerCaps.groups[x].nodeSelector: it selects no node; name at least one label, or use clusterWatts",
        ),
        ({"waiting": {"urgentSlack": "soon"}}, "spec.waiting.urgentSlack: 'soon' is no duration"),
        ({"jps": {"beta": "2"}}, "SchedulingPolicy own: spec.jps: beta: 2.0 is not within 0..1"),
        ({"jps": {"alpha": "nan"}}, "spec.jps.alpha: 'nan' is no quantity"),
        ({"jps": {"samples": 0}}, "spec.jps: samples: 0 is not within 1..100000"),
    ],
)
def test_what_cannot_be_used_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        row(**fields)
    assert message in str(caught.value)
