"""Plans go round nodes that are too hot and say so; a change of that, not every reading, brings a new plan."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from heterosched.kube.objects import NodeObject
from heterosched.model import Telemetry
from heterosched.model.telemetry import GPU_TEMPERATURE
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched_operator.store import Store
from heterosched_operator.world import Rules
from manifests import a_job, a_policy
from simulated import START, SimulatedCluster, nodes

LIMIT = "a GPU is at its limit of 90 degrees Celsius"
NODES = nodes(t4=1, v100=1, cpu=0)

POLICIES = {**BUILT_IN, "Cautious": PolicyRow("Cautious", {"speed": 1}, exclusion="Required")}


def readings(celsius: float, node: str = "v100-0", at: float = START) -> Telemetry:
    values, sampled = {GPU_TEMPERATURE: np.array([celsius])}, {GPU_TEMPERATURE: np.array([at])}
    return Telemetry((node,), values, sampled, at)


class Watched:
    """A store that counts how often it says that something has changed."""

    def __init__(self) -> None:
        nowhere: Any = None
        self.changes = 0
        self.store = Store(nowhere, Rules(), self._changed)
        for node in NODES:
            self.store._nodes[node.name] = node

    def _changed(self) -> None:
        self.changes += 1


def test_only_a_node_that_becomes_too_hot_or_cools_down_is_a_change() -> None:
    watched = Watched()
    counts = []
    for celsius in (60.0, 89.0, 91.0, 95.0, 90.0, 89.0, 50.0):
        watched.store.read(readings(celsius), START)
        counts.append(watched.changes)
    assert counts == [1, 1, 2, 2, 2, 3, 3]
    assert watched.store.world(START).readings.values[GPU_TEMPERATURE][0] == 50.0


def test_a_reading_that_gets_old_is_a_change_too() -> None:
    watched = Watched()
    watched.store.read(readings(95.0), START)
    before = watched.changes
    watched.store.read(readings(95.0), START + 300.0)
    assert watched.changes == before + 1


def test_limits_of_the_clusters_own_policies_count() -> None:
    watched = Watched()
    watched.store.read(readings(70.0), START)
    policy = a_policy("cautious", thermal={"warnCelsius": 50, "limitCelsius": 60})
    policy["metadata"] |= {"uid": "p", "resourceVersion": "1"}
    watched.store.policies.put(policy)
    before = watched.changes
    watched.store.read(readings(70.0), START)
    assert watched.changes == before + 1


def test_a_hot_node_is_avoided_and_named() -> None:
    job = a_job("j").policy("Performance").task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    cluster = SimulatedCluster(job.runtime({"nvidia-t4": 40, "nvidia-v100": 10}).manifest(), nodes=NODES)
    cluster.readings = readings(97.0)
    cluster.operate(3)
    assert cluster.task("t").planned.node == "t4-0"
    planned = cluster.status.condition("Planned")
    assert planned is not None
    assert planned.message.endswith(f"planned around v100-0 ({LIMIT}), which the scheduler may choose")


def test_where_heat_rules_nodes_out_a_job_with_others_is_told_what_is_promised() -> None:
    job = a_job("j").policy("Cautious").task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    cluster = SimulatedCluster(
        job.runtime({"nvidia-t4": 40, "nvidia-v100": 10}).manifest(), nodes=NODES, policies=POLICIES
    )
    cluster.readings = readings(97.0)
    cluster.operate(3)
    promise = "none of its pods goes to a node at a limit (thermal.exclusion Required)"
    assert told(cluster).endswith(f"planned around v100-0 ({LIMIT}); {promise}")


def on_v100(policy: str, celsius: float = 97.0) -> SimulatedCluster:
    """A task that V100s alone can run, some moments after the only one has got so hot."""
    job = a_job("j").policy(policy).task("t").gpus(1, "nvidia-v100").runtime({"nvidia-v100": 10})
    cluster = SimulatedCluster(job.manifest(), nodes=NODES, policies=POLICIES)
    cluster.readings = readings(celsius)
    cluster.operate(3)
    return cluster


def told(cluster: SimulatedCluster) -> str:
    planned = cluster.status.condition("Planned")
    assert planned is not None
    return planned.message


def test_where_no_other_node_is_left_a_hot_one_is_taken_and_the_job_says_so() -> None:
    cluster = on_v100("Balanced")
    assert cluster.task("t").planned.node == "v100-0"
    assert told(cluster).endswith(f"; t: no other node is left than v100-0 ({LIMIT}); it takes one all the same")
    assert "planned around" not in told(cluster)


def test_where_heat_rules_nodes_out_the_pod_is_strict_and_the_job_says_what_it_waits_for() -> None:
    cluster = on_v100("Cautious")
    assert told(cluster).endswith(f"; t: no other node is left than v100-0 ({LIMIT}); its pods wait until one is well")
    (child,) = cluster.jobs.values()
    assert child["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["heterosched.io/strict"] == "1"
    assert "no other node" not in told(on_v100("Cautious", 60.0))


def test_the_collector_is_told_the_nodes_by_their_addresses() -> None:
    store = Watched().store
    raw = {
        "metadata": {"name": "n-0"},
        "status": {"allocatable": {"cpu": "8"}, "addresses": [{"type": "InternalIP", "address": "10.0.0.7"}]},
    }
    node = msgspec.convert(raw, NodeObject)
    store.nodes._items["n-0"] = node
    store._on_node(None, node)
    inventory = store.inventory()
    assert (inventory.node_at("10.0.0.7:9400"), dict(inventory.cores)) == ("n-0", {"n-0": 8.0})
