"""A pod demands what the scheduler will count for it, and a variant replaces what its first container asks for."""

from __future__ import annotations

from typing import Any

import pytest

from heterosched.api.heterojob import Resources
from heterosched.errors import InvalidInput
from heterosched.model import Demand
from heterosched.planning.resources import pod_demand

GIB = 2.0**30


def container(**quantities: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": quantities}}


def demand(*containers: dict[str, Any], instead: Resources | None = None, **spec: Any) -> Demand:
    template = {"spec": {"containers": list(containers), **spec}}
    return pod_demand(template, instead, "HeteroJob ns/a", "spec.templates[main].template")


def test_containers_add_up() -> None:
    assert demand(container(cpu="500m", memory="1Gi"), container(cpu=2)) == Demand(2.5, GIB, 0)


def test_a_limit_without_a_request_is_the_request() -> None:
    both = {"name": "c", "resources": {"requests": {"cpu": 1}, "limits": {"cpu": 4, "nvidia.com/gpu": 2}}}
    assert demand(both) == Demand(1, 0, 2)


def test_an_init_container_counts_where_it_needs_more_than_the_others() -> None:
    assert demand(container(cpu=1), initContainers=[container(cpu=3, memory="1Gi")]) == Demand(3, GIB, 0)
    assert demand(container(cpu=4), initContainers=[container(cpu=3)]) == Demand(4)


def test_sidecars_run_beside_everything_that_starts_after_them() -> None:
    sidecar = {**container(cpu=1), "restartPolicy": "Always"}
    assert demand(container(cpu=2), initContainers=[sidecar]) == Demand(3)
    assert demand(container(cpu=2), initContainers=[sidecar, container(cpu=5)]) == Demand(6)
    assert demand(container(cpu=2), initContainers=[container(cpu=3), sidecar]) == Demand(3)


def test_requests_of_the_whole_pod_stand_instead_and_overhead_is_added() -> None:
    whole = demand(container(cpu=2, memory="1Gi"), resources={"requests": {"cpu": 5}}, overhead={"cpu": "100m"})
    assert whole == Demand(5.1, GIB, 0)


def test_a_variant_replaces_the_first_container_as_a_whole() -> None:
    gpu = Resources(limits={"nvidia.com/gpu": 1})
    assert demand(container(cpu=8, memory="1Gi"), container(cpu=1), instead=gpu) == Demand(1, 0, 1)


def test_a_variant_without_resources_changes_nothing() -> None:
    assert demand(container(cpu=8), instead=Resources()) == Demand(8)


def test_a_pod_that_asks_for_nothing_demands_nothing() -> None:
    assert demand({"name": "c"}) == Demand()


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"containers": [container(cpu="lots")]}, r"containers\[0\].resources.cpu"),
        ({"containers": [container(memory="-1")]}, r"containers\[0\].resources.memory"),
        ({"containers": []}, "spec.containers"),
        ({}, "spec.containers"),
        ({"containers": {"name": "c"}}, "spec.containers"),
        ({"containers": ["c"]}, "spec.containers"),
        ({"containers": [{"resources": []}]}, r"containers\[0\].resources"),
        ({"containers": [{"resources": {"limits": 3}}]}, r"containers\[0\].resources.limits"),
        ({"containers": [container()], "overhead": 1}, "spec.overhead"),
    ],
)
def test_what_cannot_be_read_is_named(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=rf"HeteroJob ns/a: spec.templates\[main\].template.*{field}"):
        pod_demand({"spec": spec}, None, "HeteroJob ns/a", "spec.templates[main].template")
