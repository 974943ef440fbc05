"""Snapshots show what the watches said: who holds which GPUs, which nodes sleep, and they never change afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extender_calls import NOW, a_node, a_pod_manifest, a_world, node_object, pod_object, telemetry_of
from heterosched.model import DEVICE_TYPES, DeviceType, PowerModel
from heterosched.policy.table import PolicyRow
from heterosched_extender.capabilities import capabilities
from heterosched_extender.snapshot import Figures
from heterosched_extender.world import World


def owned_by(kind: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": "o", "uid": "o", "controller": True}]}


def free_of(world: World) -> dict[str, float]:
    snapshot = world.snapshot(NOW)
    return dict(zip(snapshot.roster.names, snapshot.nodes.free_gpus.tolist(), strict=True))


def asleep_of(world: World) -> dict[str, bool]:
    snapshot = world.snapshot(NOW)
    return dict(zip(snapshot.roster.names, snapshot.nodes.asleep.tolist(), strict=True))


def test_a_bound_pod_holds_its_gpus_until_it_is_finished_or_gone() -> None:
    world = a_world("t4-0", "t4-1")
    world.put_pod(pod_object(a_pod_manifest("p", gpus=3, node="t4-0")))
    assert free_of(world) == {"t4-0": 1.0, "t4-1": 4.0}
    world.put_pod(pod_object(a_pod_manifest("p", gpus=3, node="t4-0", phase="Succeeded")))
    assert free_of(world) == {"t4-0": 4.0, "t4-1": 4.0}
    world.put_pod(pod_object(a_pod_manifest("q", gpus=1, node="t4-1")))
    world.drop_pod("uid-q")
    assert free_of(world) == {"t4-0": 4.0, "t4-1": 4.0}


def test_the_same_pod_told_twice_counts_once_and_a_pending_one_not_at_all() -> None:
    world = a_world("t4-0")
    for _ in range(3):
        world.put_pod(pod_object(a_pod_manifest("p", gpus=1, node="t4-0")))
    world.put_pod(pod_object(a_pod_manifest("pending", gpus=2)))
    assert free_of(world) == {"t4-0": 3.0}


@pytest.mark.parametrize("kind, asleep", [("Job", False), ("DaemonSet", True), ("Node", True)])
def test_only_work_keeps_a_node_awake(kind: str, asleep: bool) -> None:
    world = a_world("t4-0")
    world.put_pod(pod_object(a_pod_manifest("p", node="t4-0", **owned_by(kind))))
    assert asleep_of(world) == {"t4-0": asleep}


def test_pods_of_a_node_that_comes_later_are_counted() -> None:
    world = World()
    world.put_pod(pod_object(a_pod_manifest("p", gpus=1, node="t4-0")))
    world.put_node(node_object(a_node("t4-0")))
    assert free_of(world) == {"t4-0": 3.0}


def test_a_snapshot_does_not_change_when_the_world_does() -> None:
    world = a_world("t4-0")
    before = world.snapshot(NOW)
    world.put_pod(pod_object(a_pod_manifest("p", gpus=4, node="t4-0")))
    after = world.snapshot(NOW + 1)
    assert before.nodes.free_gpus.tolist() == [4.0]
    assert after.nodes.free_gpus.tolist() == [0.0]
    assert after.version == before.version + 1
    assert after.nodes.device is before.nodes.device
    assert after.roster is before.roster


def test_nothing_new_gives_the_same_snapshot() -> None:
    world = a_world("t4-0")
    first = world.snapshot(NOW)
    world.put_node(node_object(a_node("t4-0", annotations={"heartbeat": "1"})))
    assert world.snapshot(NOW + 1) is first


def test_nodes_that_come_go_or_change_their_hardware_show_in_the_next_snapshot() -> None:
    world = a_world("t4-0", "t4-1")
    first = world.snapshot(NOW)
    world.drop_node("t4-0")
    world.put_node(node_object(a_node("v100-0")))
    second = world.snapshot(NOW)
    assert second.roster.names == ("t4-1", "v100-0")
    assert second.roster.key != first.roster.key
    world.put_node(node_object(a_node("t4-1", gpus=8)))
    assert world.snapshot(NOW).nodes.gpus.tolist() == [8.0, 4.0]


def test_telemetry_follows_the_nodes_when_they_are_numbered_anew() -> None:
    world = a_world("t4-1", telemetry=telemetry_of(gpu_temperature={"t4-1": 77.0, "gone-0": 50.0}))
    world.put_node(node_object(a_node("t4-0")))
    sensor = world.snapshot(NOW).sensors["gpu_temperature"]
    np.testing.assert_array_equal(sensor.values, [np.nan, 77.0])
    assert sensor.known == 1


def test_old_samples_are_absent_and_young_ones_stay() -> None:
    snapshot = a_world("t4-0", telemetry=telemetry_of(NOW - 30, host_load={"t4-0": 0.5})).snapshot(NOW)
    assert snapshot.signals(NOW, max_age=60).host_load is not None
    assert snapshot.signals(NOW + 31, max_age=60).host_load is None
    assert snapshot.signals(NOW, max_age=60).temperature is None


def test_policies_of_the_cluster_join_the_built_in_ones() -> None:
    world = a_world("t4-0")
    world.set_policies([PolicyRow("Green", {"energy": 1})])
    assert {"Green", "Balanced"} <= set(world.snapshot(NOW).policies)
    world.set_policies([])
    assert "Green" not in world.snapshot(NOW).policies


def test_a_node_whose_quantities_cannot_be_read_keeps_its_place() -> None:
    world = a_world("t4-0")
    broken = a_node("t4-9")
    broken["status"]["allocatable"]["nvidia.com/gpu"] = "many"
    world.put_node(node_object(broken))
    snapshot = world.snapshot(NOW)
    assert snapshot.roster.names == ("t4-0", "t4-9")
    assert world.problems.count == 1


def test_devices_of_every_maker_are_counted_and_time_slices_idle_like_the_devices_that_they_share() -> None:
    amd = a_node("mi300x-0")
    amd["metadata"]["labels"]["amd.com/gpu.product-name"] = "AMD_Instinct_MI300X_OAM"
    amd["status"]["allocatable"]["amd.com/gpu"] = "8"
    shared = a_node("t4-0", gpus=8)
    shared["metadata"]["labels"] |= {"nvidia.com/gpu.product": "Tesla-T4-SHARED", "nvidia.com/gpu.replicas": "4"}
    world = a_world("t4-1", "cpu-0")
    for node in (amd, shared):
        world.put_node(node_object(node))
    pod = a_pod_manifest("p", node="mi300x-0", gpus=0, phase="Running")
    pod["spec"]["containers"][0]["resources"]["limits"]["amd.com/gpu"] = "3"
    world.put_pod(pod_object(pod))
    snapshot = world.snapshot(NOW)
    nodes, index = snapshot.nodes, snapshot.roster.index
    assert nodes.devices[nodes.device[index["mi300x-0"]]] == "amd-mi300x"
    assert (nodes.gpus[index["mi300x-0"]], nodes.free_gpus[index["mi300x-0"]]) == (8, 5)
    idle = nodes.idle_watts - nodes.idle_watts[index["cpu-0"]]
    assert (idle[index["t4-0"]], idle[index["t4-1"]]) == (2 * 10, 4 * 10)
    assert snapshot.unknown_devices() == {}


def test_unknown_devices_are_named_and_counted() -> None:
    strange = a_node("t4-0")
    strange["metadata"]["labels"]["nvidia.com/gpu.product"] = "NVIDIA-B999"
    world = a_world("t4-1", "cpu-0")
    world.put_node(node_object(strange))
    assert world.snapshot(NOW).unknown_devices() == {"nvidia-b999": 1}


def test_a_users_rows_name_the_devices_and_give_their_idle_draw() -> None:
    own = DeviceType("acme-b999", ("nvidia-b999",), PowerModel(25.0, 900.0), 2.0**37, 6.0)
    world = World(devices=DEVICE_TYPES.with_rows([own]))
    strange = a_node("t4-0")
    strange["metadata"]["labels"]["nvidia.com/gpu.product"] = "NVIDIA-B999"
    world.put_node(node_object(strange))
    snapshot = world.snapshot(NOW)
    assert snapshot.nodes.devices == ("acme-b999",)
    assert snapshot.nodes.idle_watts.tolist() == [2 * 15.0 + 4 * 25.0]
    assert snapshot.unknown_devices() == {}
    assert capabilities(snapshot, NOW).nodes[0].estimated == {"idle_watts": "device table, acme-b999"}


def test_a_snapshot_keeps_the_profiles_that_it_was_made_with() -> None:
    world = a_world("t4-0")
    first, second = (Figures({"nvidia-t4": seconds}, {}, "measured") for seconds in (10.0, 20.0))
    world.put_profiles({("ns", "p"): first})
    before = world.snapshot(NOW)
    world.put_profiles({("ns", "p"): second, ("ns", "q"): first})
    assert before.profiles == {("ns", "p"): first}
    assert world.snapshot(NOW).profiles == {("ns", "p"): second, ("ns", "q"): first}
    world.put_profiles({("ns", "p"): None, ("ns", "never"): None})
    assert world.snapshot(NOW).profiles == {("ns", "q"): first}


def test_nodes_that_went_leave_nothing_behind() -> None:
    world = a_world("t4-0")
    for number in range(3):
        world.put_node(node_object(a_node(f"burst-{number}")))
        for part in ("a", "b"):
            world.put_pod(pod_object(a_pod_manifest(f"{part}-{number}", gpus=1, node=f"burst-{number}")))
        world.drop_pod(f"uid-a-{number}")
        world.drop_node(f"burst-{number}")
        world.drop_pod(f"uid-b-{number}")
    assert world._use == {}
    assert free_of(world) == {"t4-0": 4.0}
