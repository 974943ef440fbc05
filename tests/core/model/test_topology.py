"""A planner can tell whether a node could ever run a worker within one NUMA zone, and why not."""

from __future__ import annotations

import pytest

from heterosched.model.topology import Need, Topology, Zone, why_never_aligned

GPU = "nvidia.com/gpu"


def a_zone(name: str, cpu: float = 16.0, gpus: float = 2.0, **costs: float) -> Zone:
    amounts = {"cpu": cpu, GPU: gpus}
    return Zone(
        name, amounts, dict.fromkeys(amounts, 0.0), {key.replace("_", "-"): cost for key, cost in costs.items()}
    )


def a_topology(policy: str = "single-numa-node", *zones: Zone) -> Topology:
    return Topology("n", zones or (a_zone("node-0"), a_zone("node-1")), policy)


@pytest.mark.parametrize("policy", ["restricted", "single-numa-node"])
def test_a_full_node_may_run_it_one_day(policy: str) -> None:
    assert why_never_aligned(a_topology(policy), Need({"cpu": 16.0, GPU: 2.0})) == ""


@pytest.mark.parametrize(
    ("topology", "need", "reason"),
    [
        (a_topology(), Need({GPU: 4.0}), "no NUMA zone is large enough for 4 nvidia.com/gpu"),
        (a_topology(), Need({GPU: 1.0, "memory": 2.0**36, "cpu": 17.0}), "1 nvidia.com/gpu, 17 cpu, 64 GiB memory"),
        (a_topology("best-effort"), Need({GPU: 1.0}), "policy best-effort does not promise it"),
        (a_topology("none"), Need({GPU: 1.0}), "policy none does not promise it"),
        (a_topology(), Need(), "no kubelet aligns anything of the pod"),
        (
            a_topology("restricted", a_zone("node-0"), a_zone("node-1", gpus=0.0)),
            Need({GPU: 1.0}, roams=True),
            "init containers may start in any",
        ),
    ],
)
def test_the_reason_says_what_is_in_the_way(topology: Topology, need: Need, reason: str) -> None:
    assert reason in why_never_aligned(topology, need)


def test_what_no_zone_lists_is_no_matter_of_zones() -> None:
    assert why_never_aligned(a_topology(), Need({"example.com/dongle": 9.0})) == ""


def test_nearness_is_the_mean_of_local_by_remote_distance() -> None:
    zones = (a_zone("node-0", node_0=10, node_1=20), a_zone("node-1", node_0=40, node_1=10))
    assert a_topology("none", *zones).nearness == pytest.approx((10 / 20 + 10 / 40) / 2)
    assert a_topology("none", a_zone("node-0")).nearness == 1.0
    assert a_topology().nearness == 0.0
