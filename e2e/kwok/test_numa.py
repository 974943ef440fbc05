"""A pod that requires NUMA alignment goes only where a zone has room for all of it, and waits where none has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heterosched.constants import ANNOTATION_NUMA, STRICT_RESOURCE
from manifests import JobBuilder, a_job
from processes import wait_until
from spaces import Json, Space, a_pod, lasting
from stack import Stack

WITH_GPUS = ("v100-0", "v100-1", "v100-2")
NODES = (*WITH_GPUS, "cpu-0")
CRD = Path(__file__).resolve().parents[1] / "crds" / "noderesourcetopologies.yaml"
GPU = "nvidia.com/gpu"
A_WHILE_S = 4.0
"""How long a pod has to stay unbound to count as waiting; a pod with a place is bound within a second."""


def a_topology(node: str, *free: int, policy: str = "single-numa-node") -> Json:
    """Zones with two GPUs each, of which so many are free."""
    zones = [
        {
            "name": f"node-{number}",
            "type": "Node",
            "costs": [{"name": f"node-{other}", "value": 10 if other == number else 21} for other in range(len(free))],
            "resources": [{"name": GPU, "capacity": "2", "allocatable": "2", "available": str(left)}],
        }
        for number, left in enumerate(free)
    ]
    attributes = [
        {"name": "topologyManagerPolicy", "value": policy},
        {"name": "topologyManagerScope", "value": "container"},
    ]
    metadata = {"name": node}
    kind = {"apiVersion": "topology.node.k8s.io/v1alpha2", "kind": "NodeResourceTopology"}
    return {**kind, "metadata": metadata, "attributes": attributes, "zones": zones}


def wishing(wish: str, name: str, gpus: int = 2, policy: str = "") -> Json:
    """A pod with GPUs that lasts, and wishes for alignment."""
    pod = a_pod(name, seconds=600, gpus=gpus, policy=policy)
    pod["metadata"]["annotations"][ANNOTATION_NUMA] = wish
    if wish == "Required":
        pod["spec"]["containers"][0]["resources"]["limits"][STRICT_RESOURCE] = "1"
    return pod


def stays_unbound(space: Space, pod: str) -> bool:
    return not wait_until(lambda: pod in space.places(), A_WHILE_S, 0.3)


def poke(space: Space, pod: str) -> None:
    """A pod that an extender turned down is tried again when it changes."""
    space.plane.kubectl("annotate", "pod", pod, f"--namespace={space.name}", "--overwrite", f"poked={time.time()}")


def reasons(stack: Stack, space: Space, pod: str) -> dict[str, Any]:
    decision = stack.decision(space.name, pod)
    return {} if decision is None else {one["reason"]: sorted(one["examples"]) for one in decision["rejected"]}


@pytest.fixture(autouse=True)
def alone(space: Space) -> Iterator[None]:
    """No pod of one test may take anything from the next."""
    yield
    space.plane.kubectl("delete", "pods", "--all", f"--namespace={space.name}", "--force")


@pytest.fixture
def topologies(stack: Stack) -> None:
    """What exporters would have written; each test starts from these."""
    stack.plane.kubectl("apply", f"--filename={CRD}")
    stack.plane.kubectl("wait", "--for=condition=Established", f"--filename={CRD}", "--timeout=30s")
    Space(stack.plane, "default").apply(
        a_topology("v100-0", 1, 1), a_topology("v100-1", 2, 2, policy="best-effort"), a_topology("v100-2", 0, 2)
    )


def until_known(stack: Stack, space: Space) -> None:
    """Until the extender has heard of the topologies: a pod that fits nowhere is told so by every node."""
    space.apply(wishing("Required", "scout", gpus=4))

    def known() -> bool:
        poke(space, "scout")
        told = reasons(stack, space, "scout")
        return bool(told) and not any("topology is not known" in reason for reason in told)

    assert wait_until(known, 60.0, 1.0), reasons(stack, space, "scout")
    space.plane.kubectl("delete", "pod", "scout", f"--namespace={space.name}", "--force")


def test_without_topology_required_waits_and_preferred_is_placed_and_told(stack: Stack, space: Space) -> None:
    space.apply(wishing("Required", "must"), wishing("Preferred", "may"))
    node = space.until_bound("may")["may"]
    assert stays_unbound(space, "must")
    assert reasons(stack, space, "must") == {
        "NUMA alignment is required and the node's topology is not known": sorted(WITH_GPUS)
    }
    decision = stack.decision(space.name, "may", node)
    assert decision is not None
    (numa,) = [term for term in decision["asked"]["terms"] if term["term"] == "numa"]
    assert numa["value"] is None
    assert "there is no NodeResourceTopology" in numa["absent"]


def a_requiring_job(name: str, gpus: int) -> JobBuilder:
    job = a_job(name).template(lasting(3)).task("main", devices={"numa": "Required"})
    return job.gpus(gpus, "nvidia-v100").runtime({"nvidia-v100": 3})


def test_a_heterojob_that_requires_alignment_waits_for_a_topology_and_says_what_is_missing(
    stack: Stack, space: Space, request: pytest.FixtureRequest
) -> None:
    space.apply(a_requiring_job("aligned", 2))
    refused = space.until("aligned", "Planned", "False")
    assert refused["reason"] == "Unplaceable"
    field = "task main of HeteroJob " + f"{space.name}/aligned: spec.tasks[main].devices.numa is Required"
    assert refused["message"].startswith(field)
    assert "the node's topology is not known (v100-0, v100-1, v100-2); let an exporter write" in refused["message"]
    assert space.pods("aligned") == []
    request.getfixturevalue("topologies")
    space.until_completed("aligned")
    assert space.worker("aligned")["node"] == "v100-2"  # v100-0 could one day, v100-1 makes no promise
    space.apply(a_requiring_job("wide", 4))
    message = space.until("wide", "Planned", "False")["message"]
    assert f"no NUMA zone is large enough for 4 {GPU} (v100-0, v100-2)" in message
    assert "topology manager policy best-effort does not promise it (v100-1)" in message


@pytest.mark.usefixtures("topologies")
def test_required_goes_where_a_zone_has_room_and_the_next_waits_for_a_refresh(stack: Stack, space: Space) -> None:
    until_known(stack, space)
    space.apply(wishing("Required", "first"))
    assert space.until_bound("first") == {"first": "v100-2"}
    told = {reason.partition(";")[0]: nodes for reason, nodes in reasons(stack, space, "first").items()}
    assert told == {
        f"no NUMA zone has 2 {GPU} free": ["v100-0"],
        "NUMA alignment is required, the kubelet's topology manager policy best-effort does not promise it": ["v100-1"],
    }
    space.apply(wishing("Required", "second"))
    assert stays_unbound(space, "second")
    told = reasons(stack, space, "second")
    assert f"no NUMA zone has 2 {GPU} free; 1 pod(s) that the topology does not show yet count in every zone" in told
    Space(stack.plane, "default").apply(a_topology("v100-0", 1, 2))

    assert space.until_bound("second", seconds=90.0) == {"second": "v100-0"}  # the operator wakes it


@pytest.mark.usefixtures("topologies")
def test_while_the_extender_is_dead_required_waits_and_others_go_on(stack: Stack, space: Space) -> None:
    stack.extender.stop()
    may = wishing("Preferred", "may", gpus=1)
    may["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "v100-1"}  # it must take nothing where the other may go
    space.apply(wishing("Required", "must"), may)
    space.until_bound("may")
    assert stays_unbound(space, "must")
    stack.recover()

    def bound() -> bool:
        poke(space, "must")
        return "must" in space.places()

    assert wait_until(bound, 60.0, 1.0), reasons(stack, space, "must")
    assert space.places()["must"] == "v100-2"


@pytest.mark.usefixtures("topologies")
def test_preferred_goes_where_it_can_be_aligned(stack: Stack, space: Space) -> None:
    weights = {"apiVersion": "heterosched.io/v1alpha1", "kind": "SchedulingPolicy", "metadata": {"name": "aligned"}}
    space.apply({**weights, "spec": {"weights": {"numa": 100}}})
    until_known(stack, space)
    Space(stack.plane, "default").apply(a_topology("v100-1", 1, 1, policy="best-effort"))
    assert wait_until(lambda: _share(stack, space, "v100-1") == 0.5, 30.0, 1.0)
    space.apply(wishing("Preferred", "may", policy="aligned"))
    assert space.until_bound("may") == {"may": "v100-2"}
    decision = stack.decision(space.name, "may", "v100-0")
    assert decision is not None
    assert decision["asked"]["score"] == 0  # its kubelet would refuse the pod


def _share(stack: Stack, space: Space, node: str) -> float | None:
    """The share of two GPUs that the best zone of a node has free, as a decision about a pod that waits tells it."""
    name = f"probe-{time.time_ns()}"
    space.apply(wishing("Preferred", name, policy="aligned"))
    space.until_bound(name)
    decision = stack.decision(space.name, name, node)
    space.plane.kubectl("delete", "pod", name, f"--namespace={space.name}", "--force")
    if decision is None or decision["asked"] is None:
        return None
    (numa,) = [term for term in decision["asked"]["terms"] if term["term"] == "numa"]
    share: float | None = numa["inputs"].get("share")
    return share


DRIVER = "gpu.example.com"


def a_slice(node: str, count: int) -> Json:
    """V100s that the node's driver hands out by claim."""
    devices = [
        {
            "name": f"gpu-{number}",
            "attributes": {"productName": {"string": "Tesla V100-SXM2-16GB"}, "numaNode": {"int": number}},
            "capacity": {"memory": {"value": "16Gi"}},
        }
        for number in range(count)
    ]
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": devices}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": f"{node}-gpu"},
        "spec": spec,
    }


def claiming(name: str) -> Json:
    """A pod with one GPU by claim."""
    pod = a_pod(name, seconds=600)
    pod["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimTemplateName": "one-gpu"}]
    pod["spec"]["containers"][0]["resources"]["claims"] = [{"name": "gpu"}]
    return pod


def until_free(stack: Stack, space: Space, count: float) -> None:
    """Until the extender has heard, by its watches, how many devices no claim holds, as pods without one show."""

    def seen() -> bool:
        name = f"probe-{time.time_ns()}"
        probe = a_pod(name)
        probe["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "cpu-0"}
        space.apply(probe)
        space.until_bound(name)
        decision = stack.decision(space.name, name, "cpu-0")
        space.plane.kubectl("delete", "pod", name, f"--namespace={space.name}", "--force")
        terms = {term["term"]: term for term in ((decision or {}).get("asked") or {}).get("terms", ())}
        found: float | None = terms.get("fit", {}).get("inputs", {}).get("freeGpus")
        return found == count

    assert wait_until(seen, 60.0, 0.5), f"the extender does not hear of {count:g} free devices"


def test_devices_that_are_handed_out_by_claim_are_known_and_counted(stack: Stack, space: Space) -> None:
    request = {"name": "gpu", "exactly": {"deviceClassName": DRIVER}}
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": DRIVER}}
    template = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": "one-gpu"}}
    space.apply(
        {**kind, "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{DRIVER}'"}}]}},
        a_slice("cpu-0", 2),
        {**template, "spec": {"spec": {"devices": {"requests": [request]}}}},
    )
    for number, free in enumerate((2.0, 1.0)):
        until_free(stack, space, free)
        pod = f"claims-{number}"
        space.apply(claiming(pod))
        assert space.until_bound(pod) == {pod: "cpu-0"}
        decision = stack.decision(space.name, pod, "cpu-0")
        assert decision is not None
        assert decision["best"]["device"] == "nvidia-v100"
        (fit,) = [term for term in decision["asked"]["terms"] if term["term"] == "fit"]
        assert fit["inputs"]["freeGpus"] == free
    space.apply(claiming("too-many"))
    assert stays_unbound(space, "too-many")
