"""What is kept of a node and a pod decides as the whole object would, and equal parts are shared."""

from __future__ import annotations

import pytest

from extender_calls import a_node, a_pod_manifest, node_object, pod_object
from heterosched.kube.convert import addresses_of, demand_of, to_node
from heterosched.kube.topology import aligned_need
from heterosched_extender.slim import kept_pod, slim_node, slim_pod
from heterosched_extender.world import World

POD = a_pod_manifest("p", node="t4-0", gpus=2, cores="500m", phase="Running")
POD["spec"]["initContainers"] = [{"name": "i", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}}]
POD["spec"]["overhead"] = {"cpu": "250m"}


@pytest.mark.parametrize("scheduler", ["heterosched", "default-scheduler"])
def test_a_pod_takes_what_it_took(scheduler: str) -> None:
    owners = [{"kind": "DaemonSet", "name": "d", "uid": "u", "controller": True}]
    manifest = {**POD, "metadata": {**POD["metadata"], "ownerReferences": owners}}
    manifest["spec"] = {**POD["spec"], "schedulerName": scheduler}
    manifest["status"] = {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"}
    manifest["status"]["conditions"] = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "t"}]
    whole = pod_object(manifest)
    kept = slim_pod(whole)
    assert demand_of(kept) == demand_of(whole)
    assert aligned_need(kept.spec, "p") == aligned_need(whole.spec, "p")
    assert (kept.key, kept.metadata.uid, kept.finished) == (whole.key, whole.metadata.uid, whole.finished)
    assert (kept.spec.node_name, kept.status.start_time) == ("t4-0", "2026-01-01T00:00:00Z")
    assert [(o.kind, o.controller) for o in kept.metadata.owner_references or ()] == [("DaemonSet", True)]
    assert (kept.status.conditions is not None) == (scheduler == "heterosched")


@pytest.mark.parametrize("node", ["", "t4-0"])
def test_what_is_kept_of_a_pod_tells_which_it_is_and_whether_it_is_bound(node: str) -> None:
    pod = slim_pod(pod_object(a_pod_manifest("p", node=node, resourceVersion="7")))
    kept = kept_pod(pod)
    assert (kept.metadata.uid, kept.metadata.resource_version) == ("uid-p", "7")
    assert bool(kept.spec.node_name) == bool(node)


def test_nodes_share_what_is_equal() -> None:
    manifest = {**a_node("t4-0"), "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}
    one, other = (slim_node(node_object(manifest)) for _ in "ab")
    assert one.spec.taints and other.spec.taints
    assert one.spec.taints[0] is other.spec.taints[0]
    assert one.status.conditions is other.status.conditions


def test_pods_of_a_kind_share_what_is_equal() -> None:
    first, second = (slim_pod(pod_object({**POD, "metadata": {"name": name}})) for name in "ab")
    assert first.spec.containers is second.spec.containers
    assert first.spec.init_containers is second.spec.init_containers


def test_a_node_is_the_node_that_it_was_but_for_cpu_features() -> None:
    manifest = a_node("t4-0")
    manifest["metadata"]["labels"]["feature.node.kubernetes.io/cpu-cpuid.AVX2"] = "true"
    manifest["spec"] = {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}], "unschedulable": True}
    manifest["status"]["addresses"] = [{"type": "InternalIP", "address": "10.0.0.1"}]
    whole = node_object(manifest)
    kept = slim_node(whole)
    assert addresses_of(kept) == ("10.0.0.1",)
    before, after = to_node(whole), to_node(kept)
    assert (after.name, after.device, after.allocatable, after.ready) == (
        before.name,
        before.device,
        before.allocatable,
        before.ready,
    )
    assert after.taints == before.taints
    assert set(before.labels) - set(after.labels) == {"feature.node.kubernetes.io/cpu-cpuid.AVX2"}


def test_a_world_of_slim_objects_gives_the_same_picture() -> None:
    nodes, pods = [node_object(a_node(name)) for name in ("t4-0", "cpu-0")], [pod_object(POD)]
    pictures = []
    for node, pod in ((lambda x: x, lambda x: x), (slim_node, slim_pod)):
        world = World()
        for each in nodes:
            world.put_node(node(each))
        for bound in pods:
            world.put_pod(pod(bound))
        pictures.append(world.snapshot(0.0).nodes)
    whole, kept = pictures
    assert whole.free_cores.tolist() == kept.free_cores.tolist()
    assert whole.free_gpus.tolist() == kept.free_gpus.tolist()
    assert (whole.shapes, whole.asleep.tolist()) == (kept.shapes, kept.asleep.tolist())
