"""NodeResourceTopology objects of all exporters are understood, and a pod's need is what its kubelet would align."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from heterosched.kube.convert import Problems
from heterosched.kube.objects import PodSpec
from heterosched.kube.topology import TopologyObject, aligned_need, to_topology
from heterosched.model.topology import Need, Topology

GPU = "nvidia.com/gpu"
ZONE = {
    "name": "node-0",
    "type": "Node",
    "costs": [{"name": "node-0", "value": 10}, {"name": "node-1", "value": 21}],
    "resources": [{"name": "cpu", "capacity": "20", "allocatable": "18", "available": "500m"}],
}


def read(problems: Problems | None = None, **parts: Any) -> Topology | None:
    manifest = {"metadata": {"name": "n"}, "zones": [ZONE], **parts}
    return to_topology(msgspec.json.decode(json.dumps(manifest), type=TopologyObject), problems or Problems(), 77.0)


def attributes(**given: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in given.items()]


def test_zones_have_sizes_free_amounts_and_distances() -> None:
    found = read()
    assert found is not None
    (zone,) = found.zones
    assert (zone.size, zone.free, zone.costs) == ({"cpu": 18.0}, {"cpu": 0.5}, {"node-0": 10.0, "node-1": 21.0})
    assert (found.policy, found.scope, found.updated_at) == ("none", "container", 77.0)


@pytest.mark.parametrize(
    ("parts", "policy", "scope"),
    [
        (
            {"attributes": attributes(topologyManagerPolicy="restricted", topologyManagerScope="pod")},
            "restricted",
            "pod",
        ),
        ({"topologyPolicies": ["SingleNUMANodePodLevel"]}, "single-numa-node", "pod"),
        ({"topologyPolicies": ["BestEffort"]}, "best-effort", "container"),
        (
            {"topologyPolicies": ["None"], "attributes": attributes(topologyManagerPolicy="single-numa-node")},
            "single-numa-node",
            "container",
        ),
    ],
)
def test_policy_and_scope_in_the_new_form_and_the_old(parts: dict[str, Any], policy: str, scope: str) -> None:
    found = read(**parts)
    assert found is not None
    assert (found.policy, found.scope) == (policy, scope)


def test_it_was_written_when_the_server_last_noted_a_change() -> None:
    fields = [{"time": "2026-01-01T00:00:05Z"}, {"time": "2026-01-01T00:00:09Z"}, {}]
    metadata = {"name": "n", "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": fields}
    found = read(metadata=metadata)
    assert found is not None and found.updated_at == 1767225609.0
    created = read(metadata={"name": "n", "creationTimestamp": "2026-01-01T00:00:00Z"})
    assert created is not None and created.updated_at == 1767225600.0


def test_a_label_that_somebody_adds_makes_old_zones_no_newer() -> None:
    exporter = {"time": "2026-01-01T00:00:05Z", "fieldsV1": {"f:zones": {}, "f:attributes": {}}}
    somebody = {"time": "2026-01-01T00:00:09Z", "fieldsV1": {"f:metadata": {"f:labels": {"f:x": {}}}}}
    for fields in ([exporter, somebody], [somebody, exporter]):
        found = read(metadata={"name": "n", "managedFields": fields})
        assert found is not None and found.updated_at == 1767225605.0


def test_what_cannot_be_used_is_noted_and_takes_nothing_down() -> None:
    problems = Problems()
    assert read(problems, zones=[{**ZONE, "type": "Socket"}]) is None
    odd = read(problems, attributes=attributes(topologyManagerPolicy="prefer-closest"))
    assert odd is not None and odd.policy == "none"
    broken = read(problems, zones=[{**ZONE, "resources": [{"name": "cpu", "allocatable": "much", "available": "1"}]}])
    assert broken is not None and broken.zones[0].size == {"cpu": 0.0}
    assert problems.count == 3


def a_container(requests: dict[str, str], limits: dict[str, str] | None = None, **more: str) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": requests, "limits": requests if limits is None else limits}, **more}


WHOLE = {"cpu": "4", "memory": "8Gi", GPU: "1"}


@pytest.mark.parametrize(
    ("spec", "need"),
    [
        ({"containers": [a_container(WHOLE)]}, Need({"cpu": 4.0, "memory": 8 * 2.0**30, GPU: 1.0})),
        ({"containers": [a_container({}, WHOLE)]}, Need({"cpu": 4.0, "memory": 8 * 2.0**30, GPU: 1.0})),
        ({"containers": [a_container({**WHOLE, "cpu": "3500m"})]}, Need({"memory": 8 * 2.0**30, GPU: 1.0})),
        ({"containers": [a_container(WHOLE, {GPU: "1"})]}, Need({GPU: 1.0})),
        ({"containers": [a_container(WHOLE), a_container({GPU: "1"})]}, Need({GPU: 2.0})),
        ({"containers": [a_container({"cpu": "4"})]}, Need()),
        ({"containers": [a_container({"cpu": "1", "heterosched.io/strict": "1"})]}, Need()),
        (
            {"containers": [a_container({GPU: "1"})], "initContainers": [a_container({GPU: "2"})]},
            Need({GPU: 3.0}, True),
        ),
        (
            {
                "containers": [a_container({GPU: "1"})],
                "initContainers": [a_container({GPU: "1"}, restartPolicy="Always")],
            },
            Need({GPU: 2.0}),
        ),
        ({"containers": [a_container({GPU: "1"})], "initContainers": [a_container({"cpu": "1"})]}, Need({GPU: 1.0})),
        ({"containers": [a_container(WHOLE)], "resources": {"requests": {"cpu": "9"}}}, Need({GPU: 1.0})),
        ({"containers": [a_container({"hugepages-2Mi": "4Mi", **WHOLE})]}, None),
    ],
)
def test_the_need_is_what_a_kubelet_aligns(spec: dict[str, Any], need: Need | None) -> None:
    found = aligned_need(msgspec.json.decode(json.dumps(spec), type=PodSpec), "Pod p")
    assert found == need if need is not None else found.amounts["hugepages-2Mi"] == 4 * 2.0**20
