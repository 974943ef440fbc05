"""A task that requires NUMA alignment is planned only where a kubelet can ever give it, or says why none can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from clusters import a_cluster
from heterosched.algorithms.base import Problem, strategies
from heterosched.algorithms.ground import Ground
from heterosched.errors import Unplaceable
from heterosched.model import Cluster, Demand, Option, Task, TaskGraph
from heterosched.model.topology import CLAIMED, NO_NEED, Need, Topology, Zone
from heterosched.planning.resources import pod_need
from heterosched.policy.table import BUILT_IN
from manifests import JobBuilder, a_job, a_template
from planned import gpu_job, nodes, planned

GPU = "nvidia.com/gpu"
POLICY = "single-numa-node"


def zones(
    *nodes: str, policy: str = POLICY, gpus: float = 1.0, cpus: float = 16.0, count: int = 2
) -> dict[str, Topology]:
    """So many zones on each of the nodes."""
    size = {GPU: gpus, "cpu": cpus}
    alike = tuple(Zone(f"node-{number}", size, {}) for number in range(count))
    return {node: Topology(node, alike, policy) for node in nodes}


def on(cluster: Cluster, topologies: Mapping[str, Topology]) -> Cluster:
    return replace(cluster, topologies=topologies)


def requiring(gpus: int = 1, *devices: str) -> JobBuilder:
    """A job of one task that has to be aligned."""
    job = a_job("a").task("t", devices={"numa": "Required"}).gpus(gpus, *(devices or ("nvidia-t4",)))
    return job.runtime(dict.fromkeys(devices or ("nvidia-t4",), 5))


def refusal(job: JobBuilder, topologies: Mapping[str, Topology], t4: int = 3) -> str:
    found = planned(job, cluster=on(a_cluster(t4=t4), topologies))["a"]
    assert isinstance(found.error, Unplaceable)
    assert found.schedule.assignments == {}
    return str(found.error)


def test_it_goes_where_the_kubelet_can_align_it() -> None:
    known = {**zones("t4-0", policy="best-effort"), **zones("t4-2")}
    found = planned(requiring(), cluster=on(a_cluster(t4=4), known))
    assert nodes(found["a"]) == ("t4-2",)


def test_a_task_that_does_not_require_it_goes_anywhere() -> None:
    wishing = a_job("a").task("t", devices={"numa": "Preferred"}).gpus(1, "nvidia-t4").runtime({"nvidia-t4": 5})
    assert nodes(planned(wishing, cluster=a_cluster(t4=1))["a"]) == ("t4-0",)


def test_without_any_topology_the_field_and_the_remedy_are_named() -> None:
    told = refusal(requiring(), {})
    assert told == (
        "task t of HeteroJob ns/a: spec.tasks[t].devices.numa is Required, and nodes cannot hold to it: NUMA alignment "
        "is required and the node's topology is not known (t4-0, t4-1, t4-2); let an exporter write "
        "NodeResourceTopology objects (topology.node.k8s.io/v1alpha2), or make it Preferred"
    )


def test_every_reason_is_told_with_nodes_the_commonest_first() -> None:
    known = {**zones("t4-0", policy="none"), **zones("t4-1", "t4-2", "t4-3", "t4-4", gpus=1.0)}
    told = refusal(requiring(2), known, t4=6)
    small, promise, unknown = (
        told.index("no NUMA zone is large enough for 2 nvidia.com/gpu (t4-1, t4-2, t4-3 and 1 more)"),
        told.index("policy none does not promise it (t4-0)"),
        told.index("topology is not known (t4-5)"),
    )
    assert small < min(promise, unknown)
    assert "topology manager policy restricted or single-numa-node, or ask for less per worker" in told


def test_a_pod_of_which_nothing_is_aligned_is_not_sent_to_the_kubelets_settings() -> None:
    half = {"requests": {"cpu": "500m"}, "limits": {"cpu": "500m"}}
    job = a_job("a").task("t", devices={"numa": "Required"}).variant("cpu", resources=half).runtime({"cpu": 5})
    told = str(planned(job, cluster=on(a_cluster(cpu=1), zones("cpu-0")))["a"].error)
    assert told.endswith(
        "let it ask for devices, or for whole CPUs with requests equal to limits (cpu-0); or make it Preferred"
    )
    assert "topology manager" not in told


def test_a_node_that_is_too_small_anyway_is_told_as_such() -> None:
    assert "it needs 3 GPUs on nvidia-t4, the largest such node has 2" in refusal(requiring(3), zones("t4-0"))


def test_each_variant_is_held_to_its_own_need() -> None:
    job = a_job("a").task("t", devices={"numa": "Required"}).gpus(2, "nvidia-v100").gpus(1, "nvidia-t4")
    job = job.runtime({"nvidia-v100": 1, "nvidia-t4": 50})
    known = zones("v100-0", "t4-0")
    assert nodes(planned(job, cluster=on(a_cluster(v100=1, t4=1), known))["a"]) == ("t4-0",)


def test_a_node_may_do_for_one_variant_and_not_for_the_other() -> None:
    whole = {"requests": {"cpu": "24", "memory": "1Gi"}, "limits": {"cpu": "24", "memory": "1Gi"}}
    job = a_job("a").task("t", devices={"numa": "Required"}).gpus(1, "nvidia-t4").variant("cpu", resources=whole)
    job = job.runtime({"nvidia-t4": 50, "cpu": 1})
    known = {**zones("t4-0"), **zones("cpu-0", cpus=32.0, count=1)}
    cluster = a_cluster(t4=1, cpu=1)
    assert nodes(planned(job, cluster=on(cluster, known))["a"]) == ("cpu-0",)
    del known["cpu-0"]
    assert nodes(planned(job, cluster=on(cluster, known))["a"]) == ("t4-0",)


@pytest.mark.parametrize("strategy", sorted(strategies()))
def test_every_strategy_holds_to_it(strategy: str) -> None:
    job = a_job("a").strategy(strategy)
    for number in range(4):
        job = job.task(f"t{number}", devices={"numa": "Required"}).gpus(1, "nvidia-t4").runtime({"nvidia-t4": 5})
    job = job.task("free").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 5})
    found = planned(job, cluster=on(a_cluster(t4=4), zones("t4-2")))["a"]
    assert found.error is None
    assert {own.nodes for name, own in found.schedule.assignments.items() if name != "free"} == {("t4-2",)}


def test_nodes_that_cannot_align_a_task_are_no_nodes_of_a_kind_with_those_that_can() -> None:
    aligned = Option("nvidia-t4", 5.0, Demand(gpus=1), nodes=frozenset({"t4-1"}))
    graph = TaskGraph.build([Task("t", (aligned,))], [])
    ground = Ground(Problem(graph, a_cluster(t4=3)))
    assert ground.kinds[0] == ground.kinds[2] != ground.kinds[1]


def test_a_gang_gets_workers_on_aligned_nodes_alone_and_is_told_how_many_fit() -> None:
    job = a_job("a").task("t", devices={"numa": "Required"}).gpus(1, "nvidia-t4").workers(2, 4, gang=True)
    job = job.training({"nvidia-t4": "100"}, globalBatch=64, iterations=1000)
    found = planned(job, cluster=on(a_cluster(t4=3), zones("t4-1")))["a"]
    assert set(nodes(found)) == {"t4-1"}
    told = refusal(requiring().workers(3, 3), zones("t4-1"))
    assert "3 workers on nvidia-t4 are too many, 2 fit at once" in told
    assert "topology is not known (t4-0, t4-2)" in told


def test_a_kept_place_is_left_when_its_kubelet_stops_aligning() -> None:
    cluster, both = a_cluster(t4=2), zones("t4-0", "t4-1")
    first = planned(requiring(), cluster=on(cluster, both))
    (kept,) = nodes(first["a"])
    (other,) = {"t4-0", "t4-1"} - {kept}
    again = planned(requiring(), cluster=on(cluster, zones(other)), previous=first)
    assert nodes(again["a"]) == (other,)


def test_other_jobs_are_planned_beside_one_that_is_refused() -> None:
    found = planned(requiring(), gpu_job("b"), cluster=a_cluster(t4=1))
    assert found["a"].error is not None
    assert nodes(found["b"]) == ("t4-0",)


def a_pod(requests: Mapping[str, Any], limits: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    resources = {"requests": dict(requests), "limits": dict(requests if limits is None else limits)}
    return {"spec": {"containers": [{"name": "main", "resources": resources}], **spec}}


SIDECAR = {"name": "s", "restartPolicy": "Always", "resources": {"requests": {GPU: 1}, "limits": {GPU: 1}}}
STARTER = {"name": "i", "resources": {"requests": {GPU: 1}, "limits": {GPU: 1}}}


@pytest.mark.parametrize(
    ("template", "need"),
    [
        (a_template()["template"], NO_NEED),
        (a_pod({"cpu": "2", "memory": "1Gi"}), Need({"cpu": 2.0, "memory": 2.0**30})),
        (a_pod({"cpu": "1500m", "memory": "1Gi", GPU: "2"}), Need({"memory": 2.0**30, GPU: 2.0})),
        (a_pod({"cpu": "2", GPU: 1, "heterosched.io/strict": 1}, {GPU: 1}), Need({GPU: 1.0})),
        (a_pod({GPU: 1}, initContainers=[SIDECAR]), Need({GPU: 2.0})),
        (a_pod({GPU: 1}, initContainers=[STARTER]), Need({GPU: 2.0}, roams=True)),
        (a_pod({"cpu": "2", "memory": "1Gi", GPU: 1}, resources={"limits": {"cpu": "4"}}), Need({GPU: 1.0})),
        (a_pod({GPU: 1}, resourceClaims=[{"name": "c"}]), Need({GPU: 1.0, CLAIMED: 1.0})),
    ],
)
def test_the_need_of_a_template_is_what_its_kubelet_would_align(template: dict[str, Any], need: Need) -> None:
    assert pod_need(template, None, "HeteroJob ns/a", "template") == need


def test_where_an_autoscaler_brings_the_device_its_pod_is_created_all_the_same() -> None:
    rows = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], autoscaled=("nvidia-t4",))}
    found = planned(requiring(), cluster=a_cluster(t4=1), policies=rows)["a"]
    assert {name: option.device for name, option in found.pending.items()} == {"t": "nvidia-t4"}
    assert "topology is not known (t4-0)" in found.verdict
