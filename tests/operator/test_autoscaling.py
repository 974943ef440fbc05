"""What an autoscaler can bring is asked for by a pending Job, and the status says that it waits for the device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from heterosched.model import Demand, Node
from heterosched.policy.table import BUILT_IN
from heterosched_operator.steering import device_requirements
from manifests import a_job
from simulated import PRODUCTS, SimulatedCluster, nodes

A100 = Node("a100-0", "nvidia-a100", Demand(16, 64 * 2**30, 4), labels={"nvidia.com/gpu.product": "NVIDIA-A100"})
NODES = nodes(t4=1, v100=1, cpu=1)


def elastic(**fields: Any) -> SimulatedCluster:
    """A job on a device type that only an autoscaler has."""
    row = replace(BUILT_IN["Balanced"], autoscaled=("nvidia-a100",))
    job = a_job("j").task("t").gpus(1, "nvidia-a100").runtime({"nvidia-a100": 30})
    cluster = SimulatedCluster(job.manifest(), nodes=NODES, policies={**BUILT_IN, "Balanced": row}, **fields)
    cluster.operate(3)
    return cluster


def test_a_pending_job_is_created_for_a_device_that_no_node_has() -> None:
    cluster = elastic()
    (job,) = cluster.jobs.values()
    affinity = job["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    (only,) = term["matchExpressions"]
    assert (only["operator"], only["values"]) == ("NotIn", sorted(PRODUCTS.values()))
    task = cluster.task("t")
    assert (task.state, task.reason) == ("Created", "WaitingForDevice")
    assert task.message == (
        "nvidia-a100 is not free or not there; created all the same, so that an autoscaler sees its pods"
    )
    assert (task.planned.device, task.planned.node, task.planned.start) == ("nvidia-a100", "", "")
    assert cluster.status.deadline.verdict == "NeedsDevice"


def test_it_is_left_alone_until_the_device_comes_and_then_runs() -> None:
    cluster = elastic()
    cluster.control()
    for _ in range(3):
        cluster.now += 200.0
        cluster.operate(2)
    assert (cluster.task("t").reason, cluster.task("t").attempt) == ("WaitingForDevice", 0)
    assert len(cluster.attempted) == 1
    cluster.nodes = (*NODES, A100)
    cluster.operate(2)
    (pod,) = cluster.pods.values()
    pod["spec"]["nodeName"] = "a100-0"
    cluster.operate()
    assert (cluster.task("t").state, cluster.task("t").workers[0].device) == ("Running", "nvidia-a100")


def test_without_leave_of_the_policy_nothing_is_created() -> None:
    job = a_job("j").task("t").gpus(1, "nvidia-a100").runtime({"nvidia-a100": 30})
    cluster = SimulatedCluster(job.manifest(), nodes=NODES)
    cluster.operate(3)
    assert cluster.jobs == {}
    assert cluster.task("t").reason == "Unplaceable"


def test_an_autoscaler_that_is_taken_from_the_policy_takes_the_pending_job_along() -> None:
    cluster = elastic()
    cluster.policies = dict(BUILT_IN)
    cluster.now += 10.0
    cluster.operate(2)
    cluster.control()
    cluster.operate(3)
    assert cluster.jobs == {}
    assert cluster.task("t").reason in ("Unplaceable", "BackOff")


def test_the_label_of_a_node_that_is_to_come_is_not_guessed() -> None:
    by_type = {"nvidia-a100": (A100,), "cpu": NODES[2:]}
    assert device_requirements(["nvidia-h100"], by_type, ("nvidia-h100",))[0]["operator"] == "NotIn"
    assert device_requirements(["nvidia-h100"], {"cpu": NODES[2:]}, ("nvidia-h100",)) == []
    assert device_requirements(["nvidia-h100"], by_type)[0]["operator"] == "In"
    assert device_requirements(["nvidia-a100"], by_type, ("nvidia-a100",))[0]["values"] == ["NVIDIA-A100"]


def test_a_policys_nodes_bind_plan_and_pods() -> None:
    row = replace(BUILT_IN["Balanced"], node_selector={"rack": "left"})
    racked = tuple(
        replace(node, labels={**node.labels, "rack": "left"}) if node.name == "t4-0" else node for node in NODES
    )
    job = a_job("j").task("t").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 40, "nvidia-v100": 10})
    cluster = SimulatedCluster(job.manifest(), nodes=racked, policies={**BUILT_IN, "Balanced": row})
    cluster.operate(3)
    (child,) = cluster.jobs.values()
    assert cluster.task("t").planned.node == "t4-0"
    assert child["spec"]["template"]["spec"]["nodeSelector"] == {"rack": "left"}
    accepted = cluster.status.condition("Accepted")
    assert accepted is not None
    assert "not in force" not in accepted.message
