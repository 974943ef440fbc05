"""On a fleet whose kubelets refuse what they cannot align, no pod that the strict entry let through is ever refused."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from extender_calls import NOW, a_call, a_node, node_object, pod_object
from heterosched.constants import ANNOTATION_NUMA, STRICT_RESOURCE
from heterosched.kube.topology import TopologyObject, to_topology
from heterosched.units import format_time
from heterosched_extender.advice import AdviceWatch
from heterosched_extender.decisions import Decisions
from heterosched_extender.pending import Pending
from heterosched_extender.service import Service
from heterosched_extender.world import World
from heterosched_extender.zones import Zones
from topology_manager import Container, Kubelet

GIB = 2**30
GPU = "nvidia.com/gpu"
PODS = 1000
SHAPES: list[list[tuple[float, int, int]]] = [  # cores, GiB, GPUs per container: from a sliver of a zone to most of it
    [(4, 8, 1)],
    [(2, 4, 1)],
    [(8, 16, 2)],
    [(6, 24, 0)],
    [(1, 2, 1), (3, 4, 0)],
    [(0.5, 4, 1)],
    [(12, 32, 2)],
    [(4, 8, 1), (4, 8, 1)],
]


def a_pod(number: int, rng: random.Random) -> dict[str, Any]:
    """A pod that requires alignment; some have init containers or sidecars, some are not Guaranteed."""
    shape = rng.choice(SHAPES)
    guaranteed = rng.random() < 0.85 or not any(gpus for _, _, gpus in shape)
    containers = [a_container(f"c{place}", *part, guaranteed) for place, part in enumerate(shape)]
    init = []
    if rng.random() < 0.1:
        init.append(a_container("first", 2, 2, 0, guaranteed))
    if rng.random() < 0.1:
        init.append({**a_container("sidecar", 1, 1, 0, guaranteed), "restartPolicy": "Always"})
    limits = containers[0]["resources"]["limits"]
    limits[STRICT_RESOURCE] = "1"
    return {
        "metadata": {
            "name": f"p{number}",
            "namespace": "default",
            "uid": f"u{number}",
            "annotations": {ANNOTATION_NUMA: "Required"},
        },
        "spec": {"schedulerName": "heterosched", "containers": containers, "initContainers": init},
        "status": {"phase": "Pending"},
    }


def a_container(name: str, cores: float, gib: int, gpus: int, guaranteed: bool) -> dict[str, Any]:
    wanted = {"cpu": str(cores), "memory": f"{gib}Gi"}
    devices = {GPU: str(gpus)} if gpus else {}
    limits = {**wanted, **devices} if guaranteed else devices
    return {"name": name, "resources": {"requests": {**wanted, **devices}, "limits": limits}}


def for_kubelet(pod: dict[str, Any]) -> tuple[list[Container], bool]:
    """The same pod as the judge takes it."""
    found: list[Container] = []
    guaranteed = True
    for kind in ("initContainers", "containers"):
        for container in pod["spec"][kind]:
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            guaranteed = guaranteed and all(limits.get(name) == requests[name] for name in ("cpu", "memory"))
            sidecar = container.get("restartPolicy") == "Always"
            amounts = {"cpu": float(requests["cpu"]), "memory": int(requests["memory"].removesuffix("Gi")) * GIB}
            amounts[GPU] = int(requests.get(GPU, 0))
            found.append({"requests": amounts, "init": kind == "initContainers" and not sidecar, "sidecar": sidecar})
    return found, guaranteed


def a_topology(name: str, kubelet: Kubelet, looked: list[dict[str, tuple[int, int]]], at: float) -> dict[str, Any]:
    """The NodeResourceTopology that an exporter writes."""
    zones = [
        {
            "name": f"node-{number}",
            "type": "Node",
            "costs": [
                {"name": f"node-{other}", "value": 10 if other == number else 21} for other in range(len(looked))
            ],
            "resources": [
                {"name": resource, "capacity": str(size), "allocatable": str(size), "available": str(free)}
                for resource, (size, free) in zone.items()
            ],
        }
        for number, zone in enumerate(looked)
    ]
    attributes = [
        {"name": "topologyManagerPolicy", "value": kubelet.policy},
        {"name": "topologyManagerScope", "value": kubelet.scope},
    ]
    metadata = {"name": name, "managedFields": [{"time": format_time(float(int(at)))}]}
    return {"metadata": metadata, "attributes": attributes, "zones": zones}


@dataclass
class Fleet:
    """The cluster around the extender, in simulated time: scheduler, kubelets, exporters, each late in its own way."""

    seed: int
    longest_write: float = 3.5
    service: Service = field(init=False)
    refused: list[str] = field(default_factory=list)
    placed: int = 0
    turned_down: int = 0
    now: float = NOW

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.world = World()
        self.service = Service(Decisions(2**22, 3600), clock=lambda: self.now)
        self.advice = AdviceWatch(self.service, since=lambda: NOW)
        self.kubelets: dict[str, Kubelet] = {}
        self.written: dict[str, list[dict[str, tuple[int, int]]]] = {}
        self.held: dict[str, dict[str, float]] = {}
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.seen: dict[str, Any] = {}
        self.lane: dict[str, float] = {}
        self.count = 0
        for number in range(24):
            self.add_node(number)
        self.show()

    # --- time ---------------------------------------------------------------------------------------------------------

    def after(self, delay: float, what: Callable[[], None], lane: str = "") -> None:
        """Later; what shares a lane (a watch) keeps its order."""
        at = max(self.now + delay, self.lane.get(lane, 0.0)) if lane else self.now + delay
        if lane:
            self.lane[lane] = at
        self.count += 1
        heapq.heappush(self.events, (at, self.count, what))

    def run_until(self, at: float) -> None:
        while self.events and self.events[0][0] <= at:
            self.now, _, what = heapq.heappop(self.events)
            what()
        self.now = at
        self.world.zones.pass_time(self.now)
        self.show()

    def show(self) -> None:
        self.service.snapshot = self.world.snapshot(self.now)

    # --- nodes --------------------------------------------------------------------------------------------------------

    def add_node(self, number: int) -> None:
        name = f"v100-{number}"
        policy = "restricted" if number % 4 == 3 else "single-numa-node"
        count = 4 if number % 6 == 5 else 2
        zones = [{"cpu": 16, "memory": 64 * GIB, GPU: 4} for _ in range(count)]
        if number % 8 == 6:
            zones[1] = {"cpu": 24, "memory": 96 * GIB, GPU: 0}
        self.kubelets[name] = Kubelet(policy, "pod" if number % 2 else "container", zones)
        gpus, cores = (int(sum(zone[resource] for zone in zones)) for resource in (GPU, "cpu"))
        self.world.put_node(node_object(a_node(name, gpus=gpus, cores=cores)))
        self.held[name] = {"cpu": cores, "memory": sum(zone["memory"] for zone in zones), GPU: gpus}
        self.export(name)

    def export(self, name: str) -> None:
        """Look, write a little later if something is new, and be heard later still."""
        looked = self.kubelets[name].photograph()
        taken = self.rng.uniform(0.0, self.longest_write)
        self.after(taken, lambda: self.write(name, looked))
        self.after(taken + self.rng.uniform(8.0, 30.0), lambda: self.export(name))

    def write(self, name: str, looked: list[dict[str, tuple[int, int]]]) -> None:
        if self.written.get(name) == looked:
            return
        self.written[name] = looked
        found = msgspec.json.decode(
            json.dumps(a_topology(name, self.kubelets[name], looked, self.now)), type=TopologyObject
        )
        self.after(self.rng.uniform(0.0, 8.0), lambda: self.hear_topology(found), lane="topologies")

    def hear_topology(self, found: TopologyObject) -> None:
        topology = to_topology(found, self.world.problems, self.now)
        assert topology is not None
        self.world.zones.put_topology(topology)
        self.show()

    # --- pods ---------------------------------------------------------------------------------------------------------

    def hear_pod(self, pod: dict[str, Any] | None, uid: str) -> None:
        old, new = self.seen.get(uid), None if pod is None else pod_object(pod)
        self.seen[uid] = new
        if new is None:
            self.world.drop_pod(uid)
        else:
            self.world.put_pod(new)
        self.advice.changed(old, new)
        if self.rng.random() < 0.7:  # the others are shown by the next swap
            self.show()

    def schedule(self, pod: dict[str, Any]) -> bool:
        """One scheduling cycle; False where no node takes the pod."""
        wanted = requested(pod)
        names = self.with_room(wanted)
        self.rng.shuffle(names)
        passed = json.loads(self.service.filter(a_call(pod, names), strict=True))
        self.turned_down += len(passed["FailedNodes"])
        if not passed["NodeNames"]:
            return False
        names = json.loads(self.service.filter(a_call(pod, passed["NodeNames"])))["NodeNames"]
        if not names:
            return False
        if len(names) == 1 or self.rng.random() < 0.05:  # not asked, or the answer is lost
            chosen = self.rng.choice(names)
        else:
            scores = {
                entry["Host"]: entry["Score"] for entry in json.loads(self.service.prioritize(a_call(pod, names)))
            }
            chosen = self.rng.choice([name for name in names if scores[name] == max(scores.values())])
        self.send(pod, chosen, wanted)
        return True

    def with_room(self, wanted: dict[str, float]) -> list[str]:
        """The nodes that pass the scheduler's own filter."""
        return [name for name, left in self.held.items() if all(left[key] >= wanted[key] for key in wanted)]

    def send(self, pod: dict[str, Any], node: str, wanted: dict[str, float]) -> None:
        """Bind the pod: the extender hears of it, its kubelet takes it in, neither at once."""
        for key, amount in wanted.items():
            self.held[node][key] -= amount
        uid = pod["metadata"]["uid"]
        bound = {**pod, "spec": {**pod["spec"], "nodeName": node}}
        self.after(self.rng.uniform(0.0, 2.0), lambda: self.hear_pod(bound, uid), lane="pods")
        self.after(self.rng.uniform(0.01, 3.0), lambda: self.start(bound, node, wanted))

    def start(self, pod: dict[str, Any], node: str, wanted: dict[str, float]) -> None:
        uid = pod["metadata"]["uid"]
        if not self.kubelets[node].admit(uid, *for_kubelet(pod)):
            self.refused.append(f"{uid} on {node}")
            return
        self.placed += 1
        running = {**pod, "status": {"phase": "Running", "startTime": format_time(float(int(self.now)))}}
        self.after(self.rng.uniform(0.1, 3.0), lambda: self.hear_pod(running, uid), lane="pods")
        self.after(self.rng.uniform(60.0, 400.0), lambda: self.end(uid, node, wanted))

    def end(self, uid: str, node: str, wanted: dict[str, float]) -> None:
        self.kubelets[node].end(uid)
        for key, amount in wanted.items():
            self.held[node][key] += amount
        self.after(self.rng.uniform(0.1, 3.0), lambda: self.hear_pod(None, uid), lane="pods")


def requested(pod: dict[str, Any]) -> dict[str, float]:
    """What the scheduler's own filter counts."""
    totals = {"cpu": 0.0, "memory": 0.0, GPU: 0.0}
    for container in pod["spec"]["containers"] + pod["spec"]["initContainers"]:
        requests = container["resources"]["requests"]
        totals["cpu"] += float(requests["cpu"])
        totals["memory"] += float(requests["memory"].removesuffix("Gi")) * GIB
        totals[GPU] += float(requests.get(GPU, 0))
    return totals


def a_run(fleet: Fleet, pods: int) -> None:
    """Pods in bursts; those that no node takes come again."""
    fleet.run_until(NOW + 60)
    waiting = [a_pod(number, fleet.rng) for number in range(pods)]
    limit = NOW + 24 * 3600
    while waiting and fleet.now < limit:
        burst, waiting = waiting[:20], waiting[20:]
        for pod in burst:
            if not fleet.schedule(pod):
                waiting.append(pod)
            fleet.run_until(fleet.now + fleet.rng.choice([0.0, 0.002, 0.05, 1.0]))
        fleet.run_until(fleet.now + fleet.rng.uniform(0.0, 10.0))
    fleet.run_until(fleet.now + 10)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_kubelet_refuses_any_of_a_thousand_pods_and_all_find_a_place(seed: int) -> None:
    fleet = Fleet(seed)
    a_run(fleet, PODS)
    assert fleet.refused == []
    assert fleet.placed == PODS
    assert fleet.turned_down > 0  # the fleet was full enough for the filter to matter


def test_without_the_zones_the_same_kubelets_refuse_many() -> None:
    """The judge bites: what the scheduler's own filter lets through is refused again and again."""
    fleet = Fleet(1)
    for number in range(300):
        pod = a_pod(number, fleet.rng)
        wanted = requested(pod)
        if names := fleet.with_room(wanted):
            fleet.send(pod, fleet.rng.choice(names), wanted)
        fleet.run_until(fleet.now + 0.5)
    assert len(fleet.refused) > 5


@pytest.mark.slow
@pytest.mark.parametrize("precaution", ["pending", "unshown"])
def test_each_kind_of_pod_under_way_has_to_be_reserved(precaution: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if precaution == "pending":
        monkeypatch.setattr(Pending, "reserved", lambda *ignored: None)
    else:
        monkeypatch.setattr(Zones, "_shown", lambda *ignored: True)
    fleet = Fleet(1)
    a_run(fleet, 300)
    assert fleet.refused
