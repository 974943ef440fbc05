"""Devices that are handed out by claim are known and counted like others, once, and no claim is called aligned."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np

from extender_calls import NOW, a_call, a_node, a_pod_manifest, a_world, node_object
from heterosched.constants import ANNOTATION_NUMA
from heterosched.kube.dra import ClaimObject, SliceObject
from heterosched.model import DEVICE_TYPES, DeviceType, PowerModel
from heterosched.model.topology import CLAIMED, CLAIMS_UNALIGNED, Need, Topology, Zone
from heterosched.policy.zones import numa
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import Service
from heterosched_extender.world import World

DRIVER = "gpu.example.com"


def a_slice(node: str, *zones: int) -> SliceObject:
    """One V100 for each number of a NUMA node."""
    devices = [
        {"name": f"gpu-{n}", "attributes": {"productName": {"string": "Tesla V100-SXM2-16GB"}, "numa": {"int": zone}}}
        for n, zone in enumerate(zones)
    ]
    spec = {"driver": DRIVER, "nodeName": node, "pool": {"name": node}, "devices": devices}
    return msgspec.json.decode(json.dumps({"metadata": {"name": node}, "spec": spec}), type=SliceObject)


def a_claim(count: int, *held: tuple[str, int]) -> ClaimObject:
    """Asks for so many; holds devices by node and number."""
    request = {"name": "r", "exactly": {"deviceClassName": "gpu", "count": count}}
    results = [{"driver": DRIVER, "pool": node, "device": f"gpu-{number}"} for node, number in held]
    manifest = {
        "spec": {"devices": {"requests": [request]}},
        "status": {"allocation": {"devices": {"results": results}}} if held else {},
    }
    return msgspec.json.decode(json.dumps(manifest), type=ClaimObject)


def claiming(claim: str, **annotations: str) -> dict[str, Any]:
    pod = a_pod_manifest("p", gpus=0, annotations=annotations)
    pod["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimName": claim}]
    return pod


def figures(world: World, node: str) -> tuple[str, float, float]:
    snapshot = world.snapshot(NOW)
    row = snapshot.roster.index[node]
    nodes = snapshot.nodes
    return nodes.devices[nodes.device[row]], float(nodes.gpus[row]), float(nodes.free_gpus[row])


def test_a_node_has_the_devices_of_its_slices_less_those_allocated() -> None:
    world = a_world("cpu-0")
    assert figures(world, "cpu-0") == ("cpu", 0, 0)
    world.put_slice("s", a_slice("cpu-0", 0, 1))
    assert figures(world, "cpu-0") == ("nvidia-v100", 2, 2)
    world.put_claim("default/c", a_claim(1, ("cpu-0", 1)))
    assert figures(world, "cpu-0") == ("nvidia-v100", 2, 1)
    world.put_claim("default/c", None)
    world.put_slice("s", None)
    assert figures(world, "cpu-0") == ("cpu", 0, 0)


def test_devices_that_are_told_twice_count_once() -> None:
    bound = a_pod_manifest("b", node="t4-0", gpus=1, phase="Running")
    world = a_world("t4-0", pods=(bound,))
    world.put_slice("s", a_slice("t4-0", 0, 0, 1, 1))
    world.put_claim("default/c", a_claim(1, ("t4-0", 0)))
    assert figures(world, "t4-0") == ("nvidia-t4", 4, 3)


def test_slices_may_come_before_their_node() -> None:
    world = World()
    world.put_slice("s", a_slice("cpu-0", 0))
    for node in a_world("cpu-0")._plain.values():
        assert world._claims.completed(node).device == "nvidia-v100"


def aligned_world() -> World:
    """A node with two zones, one of whose three claimable devices is taken."""
    world = a_world("cpu-0")
    zones = tuple(Zone(f"node-{n}", {"cpu": 16.0}, {"cpu": 16.0}) for n in (0, 1))
    world.zones.put_topology(Topology("cpu-0", zones, "single-numa-node", updated_at=NOW))
    world.put_slice("s", a_slice("cpu-0", 0, 1, 1))
    world.put_claim("default/other", a_claim(1, ("cpu-0", 1)))
    return world


def test_claimable_devices_stand_in_their_zones_and_are_hit_by_chance() -> None:
    zones = aligned_world().snapshot(NOW).zones
    assert zones is not None
    number = zones.resources[CLAIMED]
    assert zones.size[number, :, 0].tolist() == [1, 2]
    assert zones.free[number, :, 0].tolist() == [1, 1]
    row = np.array([0])
    assert numa(zones, Need({"cpu": 4.0, CLAIMED: 1.0}), row) == [0.5]
    assert numa(zones, Need({"cpu": 4.0, CLAIMED: 2.0}), row) == [0.25]
    assert numa(zones, Need({"cpu": 17.0, CLAIMED: 1.0}), row) == [0.0]


def test_required_alignment_of_claimed_devices_is_refused_even_before_the_claim_is_seen() -> None:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = aligned_world().snapshot(NOW)
    pod = claiming("not-seen-yet", **{ANNOTATION_NUMA: "Required"})
    answer = json.loads(service.filter(a_call(pod, ["cpu-0"]), strict=True))
    assert answer["FailedAndUnresolvableNodes"] == {"cpu-0": CLAIMS_UNALIGNED}


def test_a_pod_uses_the_gpus_that_it_claims() -> None:
    world = aligned_world()
    world.put_claim("default/mine", a_claim(2))
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = world.snapshot(NOW)
    service.prioritize(a_call(claiming("mine"), ["cpu-0"]))
    record = service.decisions.of_pod("p")
    assert record is not None
    assert record.asked.ask.gpus == 2.0


def test_a_users_row_names_a_device_that_only_a_slice_tells_of() -> None:
    own = DeviceType("ours", ("tesla-v100-sxm2-16gb",), PowerModel(1.0, 2.0), 2.0**34, 1.0)
    world = World(devices=DEVICE_TYPES.with_rows([own]))
    world.put_node(node_object(a_node("cpu-0")))
    world.put_slice("cpu-0", a_slice("cpu-0", 0))
    assert world.snapshot(NOW).nodes.devices == ("ours",)


def test_devices_that_move_from_slice_to_slice_count_once_and_stay_known() -> None:
    """A driver writes the new slices of a pool before it removes the old ones."""
    world = a_world("cpu-0")
    world.put_slice("old", a_slice("cpu-0", 0, 0))
    world.put_slice("new", a_slice("cpu-0", 0, 0))
    assert figures(world, "cpu-0") == ("nvidia-v100", 2, 2)
    world.put_slice("old", None)
    world.snapshot(NOW)
    world.put_claim("ns/c", a_claim(1, ("cpu-0", 0)))
    assert figures(world, "cpu-0") == ("nvidia-v100", 2, 1)


def test_a_snapshot_keeps_what_claims_asked_for_when_it_was_made() -> None:
    world = a_world("cpu-0")
    world.put_claim("ns/c", a_claim(2))
    before = world.snapshot(NOW)
    world.put_claim("ns/c", a_claim(3))
    world.put_claim("ns/d", a_claim(1))
    assert (before.claims, world.snapshot(NOW).claims) == ({"ns/c": 2}, {"ns/c": 3, "ns/d": 1})
    world.put_claim("ns/d", None)
    assert world.snapshot(NOW).claims == {"ns/c": 3}
