"""What the planner leaves out for NUMA is what the strict entry could never take, by the same reasons."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.kube.objects import PodSpec
from heterosched.kube.topology import aligned_need
from heterosched.model.topology import CLAIMED, POLICIES, Need, Topology, Zone, why_never_aligned
from heterosched.planning.resources import pod_need
from heterosched.policy.nodes import Roster
from heterosched.policy.zones import refusals
from heterosched_extender.zones import Zones
from manifests import a_template

GPU = "nvidia.com/gpu"
RESOURCES = ("cpu", GPU, "example.com/nic")
NODES = ("a", "b", "c")
ROSTER = Roster.of(1, NODES)

amounts = st.dictionaries(st.sampled_from(RESOURCES), st.integers(0, 3).map(float))
needs = st.builds(Need, amounts.map(lambda given: {name: own for name, own in given.items() if own}), st.booleans())


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """A node of up to three zones, of which some may be full."""
    sizes = draw(st.lists(amounts, min_size=1, max_size=3))
    zones = [
        Zone(f"node-{number}", size, {name: float(draw(st.integers(0, int(own)))) for name, own in size.items()})
        for number, size in enumerate(sizes)
    ]
    return Topology(draw(st.sampled_from(NODES)), tuple(zones), draw(st.sampled_from(POLICIES)))


@settings(max_examples=300, deadline=None)
@given(st.lists(topologies(), max_size=3), needs, st.booleans())
def test_the_planner_leaves_out_what_the_strict_entry_can_never_take(
    given_topologies: list[Topology], need: Need, claims: bool
) -> None:
    need = need.claiming(float(claims))
    zones, known = Zones(), {topology.node: topology for topology in given_topologies}
    for topology in known.values():
        zones.put_topology(topology)
    refused = refusals(zones.arrays(ROSTER, 0.0), need, np.arange(len(NODES)), None)
    lasting = {NODES[row]: reason for rows, reason, curable in refused for row in rows.tolist() if not curable}
    planned = {node: why_never_aligned(known.get(node), need) for node in NODES}
    assert {node: reason for node, reason in planned.items() if reason} == lasting


GUARANTEED = {"requests": {"cpu": "4", "memory": "8Gi"}, "limits": {"cpu": "4", "memory": "8Gi", GPU: "2"}}
STARTER = {"name": "i", "resources": {"limits": {GPU: 1, "hugepages-2Mi": "4Mi"}}}


@pytest.mark.parametrize(
    ("main", "more"),
    [
        (GUARANTEED, {}),
        ({"requests": {"cpu": "4"}, "limits": {GPU: 1}}, {}),
        ({"limits": {"cpu": "1500m", "memory": "1Gi", GPU: 1}}, {}),
        (GUARANTEED, {"initContainers": [STARTER]}),
        (GUARANTEED, {"initContainers": [{**STARTER, "restartPolicy": "Always"}]}),
        (GUARANTEED, {"resources": {"limits": {"cpu": "8"}}}),
        ({"requests": {"cpu": "2", "memory": "2Gi"}}, {}),
    ],
)
def test_both_read_the_same_need_out_of_a_pod(main: dict[str, Any], more: dict[str, Any]) -> None:
    template = a_template(**more)["template"]
    template["spec"]["containers"][0]["resources"] = main
    spec = msgspec.convert(template["spec"], PodSpec)
    assert pod_need(template, None, "HeteroJob ns/a", "template") == aligned_need(spec, "Pod ns/p")


def test_devices_by_claim_are_aligned_for_neither() -> None:
    template = a_template(resourceClaims=[{"name": "c"}])["template"]
    assert CLAIMED in pod_need(template, None, "HeteroJob ns/a", "template").amounts
