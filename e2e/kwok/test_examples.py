"""Every manifest in examples/ is taken by a real cluster, runs to its end, and keeps what its comment promises.

What fake nodes need (how long a pod runs, what it draws) is added here: the examples are for real ones. Those that need
the controllers of others are in test_kueue.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from examples import EXAMPLES, documents, simulated
from heterosched.units import parse_quantity
from processes import wait_until
from spaces import Space, a_namespace
from stack import Stack

NODES = ("k80-0", "p100-0", "t4-0", "v100-0", "v100-1", "a40-0", "a100-0", "cpu-0", "cpu-1")
Json = dict[str, Any]
OWN_TEST = {"deadline", "energy-budget", "numa", "dra", "plain-job", "own-policy", "deployment", "jobset", "kueue"}
ROUTINE = [
    path for path in sorted(EXAMPLES.rglob("*.yaml")) if path.stem not in OWN_TEST and path.parent.name != "clusters"
]
RUN_S = 0.5
"""However long an example means to run."""
NRT = Path(__file__).resolve().parents[1] / "crds" / "noderesourcetopologies.yaml"
GPU = "nvidia.com/gpu"


def given(name: str, seconds: Any = RUN_S, watts: dict[str, float] | None = None) -> list[Json]:
    """The objects of an example, for fake nodes."""
    return [simulated(document, seconds, watts) for document in documents(EXAMPLES / f"{name}.yaml")]


def times(tasks: dict[str, Json]) -> dict[str, tuple[datetime, datetime]]:
    """When each task really started and finished."""
    parse = datetime.fromisoformat
    return {name: (parse(task["actual"]["start"]), parse(task["actual"]["finish"])) for name, task in tasks.items()}


def until_done(space: Space, job: str) -> None:
    """Wait for the end of a plain Job."""
    space.plane.kubectl("wait", "--for=condition=Complete", f"job/{job}", f"--namespace={space.name}", "--timeout=60s")


@pytest.fixture(scope="module")
def wave(stack: Stack) -> Iterator[dict[Path, Space]]:
    """All routine examples at once, each in a namespace of its own: they share the cluster, as jobs do."""
    with ExitStack() as ending:
        spaces = {
            path: Space(stack.plane, ending.enter_context(a_namespace(stack.plane, path.stem))) for path in ROUTINE
        }
        for path, space in spaces.items():
            space.apply(*(simulated(document, RUN_S) for document in documents(path)))
        yield spaces


@pytest.mark.parametrize("path", ROUTINE, ids=lambda path: path.stem)
def test_an_example_is_planned_and_completes_in_the_order_of_its_graph(wave: dict[Path, Space], path: Path) -> None:
    space = wave[path]
    for document in (one for one in documents(path) if one["kind"] == "HeteroJob"):
        name, spec = document["metadata"]["name"], document["spec"]
        planned = space.until(name, "Planned")
        assert planned["reason"] in ("PlanFound", "EstimatesMissing"), planned
        if spec.get("suspend"):
            space.until(name, "Suspended")
            continue
        status = space.until_completed(name, 180.0)
        assert [task["state"] for task in status["tasks"]] == ["Succeeded"] * len(spec["tasks"])
        actual = times(space.tasks(name))
        for task, told in zip(spec["tasks"], status["tasks"], strict=True):
            assert len(told["workers"]) >= task.get("workers", {}).get("min", 1)
            assert all(worker["node"] for worker in told["workers"])
            before = [actual[other][1] for other in task.get("dependsOn", ())]
            assert actual[task["name"]][0] >= max(before, default=actual[task["name"]][0])


def test_every_example_is_tested_here_or_beside_the_controllers_it_needs() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} >= OWN_TEST
    assert {"graph", "training", "gang", "one-task", "imported-workflow"} <= {path.stem for path in ROUTINE}


def test_the_deadline_that_can_be_kept_is_kept_and_the_other_is_told_at_once(space: Space) -> None:
    space.apply(*given("deadline", 3))
    at_risk = space.until("rush", "DeadlineAtRisk", seconds=30.0)
    assert at_risk["reason"] == "PredictedLate"
    assert space.status("rush")["deadline"]["verdict"] == "LateBy"
    status = space.until_completed("nightly")
    assert status["deadline"]["verdict"] == "Feasible"
    assert space.condition("nightly", "DeadlineAtRisk")["status"] == "False"
    assert datetime.fromisoformat(status["tasks"][0]["actual"]["finish"]) < datetime.fromisoformat(
        status["deadline"]["at"]
    )
    space.until_completed("rush")


def test_the_energy_budget_holds_in_the_plan_and_in_what_was_measured(stack: Stack, space: Space) -> None:
    scale = 0.05
    (job,) = given("energy-budget", {"t4": 240 * scale, "v100": 120 * scale}, {"t4": 65, "v100": 250})
    budget = parse_quantity(job["spec"]["energyBudgetJoules"]) * scale
    job["spec"]["energyBudgetJoules"] = str(int(budget))
    for row in (row for task in job["spec"]["tasks"] for row in task["work"]["runtimeOn"]):
        row["seconds"] = f"{row['seconds'] * scale:g}"
    free = deepcopy(job)
    free["metadata"]["name"] = "unbounded"
    del free["spec"]["energyBudgetJoules"]
    space.apply(job, free)
    status = space.until_completed("audit")
    assert status["deadline"]["verdict"] == "Feasible"
    (pod,) = space.pods("audit")
    why = stack.decision(space.name, pod["metadata"]["name"], "t4-0")
    assert space.worker("audit", "audit")["device"] == "nvidia-t4", f"{status} {why}"
    assert float(status["plan"]["energyJoules"]) <= budget
    assert 0 < float(status["outcome"]["energyJoules"]) <= budget
    spent = space.until_completed("unbounded")["outcome"]["energyJoules"]
    assert space.worker("unbounded", "audit")["device"] == "nvidia-v100"
    assert float(spent) > budget


def test_the_gang_starts_together(space: Space) -> None:
    space.apply(*given("gang", 4))
    space.until("mpi", "Running")
    assert wait_until(lambda: space.phases("mpi", "Running") == 4, 30.0, 0.1), space.status("mpi")
    started = [datetime.fromisoformat(pod["status"]["startTime"]) for pod in space.pods("mpi")]
    assert (max(started) - min(started)).total_seconds() <= 2.0
    space.until_completed("mpi")


def a_topology(node: str, *free: int) -> Json:
    """What an exporter would write of a node with two zones of two GPUs, of which so many are free."""
    zones = [
        {
            "name": f"node-{number}",
            "type": "Node",
            "resources": [
                {"name": GPU, "capacity": "2", "allocatable": "2", "available": str(left)},
                {"name": "cpu", "capacity": "32", "allocatable": "32", "available": "32"},
                {"name": "memory", "capacity": "128Gi", "allocatable": "128Gi", "available": "128Gi"},
            ],
        }
        for number, left in enumerate(free)
    ]
    attributes = [{"name": "topologyManagerPolicy", "value": "single-numa-node"}]
    kind = {"apiVersion": "topology.node.k8s.io/v1alpha2", "kind": "NodeResourceTopology"}
    return {**kind, "metadata": {"name": node}, "attributes": attributes, "zones": zones}


def test_the_aligned_job_goes_to_the_node_that_has_room_in_one_zone(stack: Stack, space: Space) -> None:
    stack.plane.kubectl("apply", f"--filename={NRT}")
    stack.plane.kubectl("wait", "--for=condition=Established", f"--filename={NRT}", "--timeout=30s")
    space.apply(a_topology("v100-0", 1, 1), a_topology("v100-1", 0, 2))
    space.apply(*given("numa"))
    space.until_completed("aligned")
    assert space.worker("aligned", "train")["node"] == "v100-1"


def test_the_claim_is_allocated_from_the_drivers_slice_and_the_pod_follows_it(space: Space) -> None:
    driver = "gpu.nvidia.com"
    device = {
        "name": "gpu-0",
        "attributes": {"productName": {"string": "Tesla V100-SXM2-16GB"}},
        "capacity": {"memory": {"value": "16Gi"}},
    }
    pool = {"name": "cpu-1", "generation": 1, "resourceSliceCount": 1}
    slice = {"driver": driver, "nodeName": "cpu-1", "pool": pool, "devices": [device]}
    dra = {"apiVersion": "resource.k8s.io/v1"}
    selector = {"cel": {"expression": f"device.driver == '{driver}'"}}
    space.apply(
        {**dra, "kind": "DeviceClass", "metadata": {"name": driver}, "spec": {"selectors": [selector]}},
        {**dra, "kind": "ResourceSlice", "metadata": {"name": "cpu-1-gpu"}, "spec": slice},
        *given("dra", 5),
    )
    try:
        assert wait_until(lambda: bool(space.get("resourceclaims") and space.places()), 60.0, 0.3)
        (claim,) = space.get("resourceclaims")
        (allocated,) = claim["status"]["allocation"]["devices"]["results"]
        assert (allocated["driver"], allocated["pool"], allocated["device"]) == (driver, "cpu-1", "gpu-0")
        assert list(space.places().values()) == ["cpu-1"]
        until_done(space, "by-claim")
    finally:
        space.plane.kubectl("delete", "resourceslice", "cpu-1-gpu")


def test_a_plain_job_is_placed_by_its_policy_and_profile(stack: Stack, space: Space) -> None:
    profile, job = given("plain-job", 5)
    space.apply(profile)
    space.apply(job)
    assert wait_until(lambda: len(space.places()) == 3, 60.0, 0.2), space.get("pods")
    assert set(space.places().values()) == {"t4-0"}
    decision = stack.decision(space.name, next(iter(space.places())))
    assert decision is not None
    assert decision["policy"] == "Energy"
    until_done(space, "encode")


def test_jobs_that_differ_in_their_policy_only_run_on_different_devices(stack: Stack, space: Space) -> None:
    space.apply(*given("own-policy"))
    for name, device in (("swift", "nvidia-v100"), ("thrifty", "nvidia-t4")):
        space.until_completed(name)
        assert space.worker(name, "render")["device"] == device
    (pod,) = space.pods("thrifty")
    decision = stack.decision(space.name, pod["metadata"]["name"])
    assert decision is not None
    assert decision["policy"] == "frugal"


def test_a_deployment_becomes_available_and_each_new_replica_is_decided(stack: Stack, space: Space) -> None:
    with a_namespace(stack.plane, "service") as name:
        service = Space(stack.plane, name)
        service.apply(*documents(EXAMPLES / "deployment.yaml"))
        rollout = ("rollout", "status", "deployment/inference", f"--namespace={name}", "--timeout=60s")
        service.plane.kubectl(*rollout)
        service.plane.kubectl("scale", "deployment/inference", "--replicas=3", f"--namespace={name}")
        service.plane.kubectl(*rollout)
        decided = [stack.decision(name, pod) for pod in service.places()]
        assert [None if one is None else one["policy"] for one in decided] == ["Energy"] * 3
        service.plane.kubectl("delete", "deployment", "inference", f"--namespace={name}")
