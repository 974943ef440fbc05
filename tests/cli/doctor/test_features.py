"""The doctor says which features are off, and why."""

from __future__ import annotations

from typing import Any

import pytest

from sickroom import Illness, a_list, a_node, assert_found, healthy, metrics, more_metrics

ILL: dict[str, Illness] = {
    "no topologies": (
        "numa",
        {
            "/apis/topology.node.k8s.io/v1alpha2": {},
            "/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies": a_list(),
        },
        "WARN",
        ("NUMA is off", "NFD topology updater"),
    ),
    "no device plug-in": (
        "devices",
        {
            "/api/v1/nodes": a_list(
                a_node("t4-0", "Tesla-T4", labels={"nvidia.com/gpu.present": "true"}), a_node("cpu-0")
            )
        },
        "WARN",
        ("offer no nvidia.com/gpu", "device plug-in"),
    ),
    "no GFD": (
        "devices",
        {"/api/v1/nodes": a_list(a_node("t4-0", gpus=4), a_node("cpu-0"))},
        "WARN",
        ("do not say which GPU", "GPU feature discovery"),
    ),
    "an unknown device": (
        "devices",
        more_metrics('unknown_device_nodes{device="nvidia-x9"} 1.0'),
        "WARN",
        ("lacks some devices", "nvidia-x9", "devices_file"),
    ),
    "types that nobody judges": (
        "devices",
        {"/api/v1/pods": 403},
        "SKIP",
        ("1 of 2 nodes offer accelerators", "no extender tells", "cannot GET /api/v1/pods"),
    ),
    "no DCGM": (
        "exporters",
        metrics(telemetry_nodes='heterosched_extender_telemetry_nodes{metric="host_load"} 2.0'),
        "WARN",
        ("DCGM is not measured", "dcgm-exporter"),
    ),
}


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_named_with_its_remedy(examine: Any, illness: str) -> None:
    check, answers, *_ = ILL[illness]
    assert_found(examine({**healthy(), **answers}, check), ILL[illness])


def test_features_that_are_off_are_no_fault_and_say_why(examine: Any) -> None:
    answers = {**healthy(), "/apis/resource.k8s.io/v1": 404}
    found = {own["check"]: own for own in examine(answers)}
    for check, why in (("dra", "does not serve"), ("numa", "no CRD"), ("tas", "not installed")):
        assert (found[check]["level"], why in found[check]["why"]) == ("OK", True)
