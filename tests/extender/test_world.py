"""Snapshots show what the watches said: who holds which GPUs, which nodes sleep, and they never change afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extender_calls import NOW, a_node, a_pod_manifest, a_world, node_object, pod_object, telemetry_of
from heterosched.model import Node
from heterosched.model.cluster import Demand
from heterosched.policy.table import PolicyRow
from heterosched_extender.world import World, idle_watts


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


def test_idle_watts_are_those_of_sockets_and_gpus() -> None:
    assert idle_watts(Node("t4-0", "nvidia-t4", Demand(32, 0, 4))) == 2 * 15.0 + 4 * 10.0
    assert idle_watts(Node("x", "unknown-gpu", Demand(16, 0, 4))) == 15.0
