"""What the planner decides for all HeteroJobs together happens on a real control plane: order, nodes, sizes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heterosched.api import HeteroJob
from heterosched.constants import ANNOTATION_SHARES, ENV_SHARES
from heterosched.kube.convert import Problems, to_node
from heterosched.kube.objects import NodeObject
from heterosched.model import Cluster
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest
from heterosched.policy.table import BUILT_IN
from live_jobs import alone_on, events, put, started, task_nodes, until_reason
from manifests import JobBuilder, a_job, a_policy
from processes import wait_until
from spaces import Space, a_pod, lasting

NODES = ("t4-0", "v100-0", "k80-0", "cpu-0")
OPERATOR = {
    "HETEROSCHED_OPERATOR_TELEMETRY_SECONDS": "1",
    "HETEROSCHED_OPERATOR_GANG_RELEASE_TIMEOUT_SECONDS": "4",
    "HETEROSCHED_OPERATOR_RETRY_BASE_SECONDS": "1",
    "HETEROSCHED_OPERATOR_REPLAN_SECONDS": "5",
    "HETEROSCHED_OPERATOR_RESTART_SECONDS": "1",
}
Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("quiet")


def expected(space: Space, *jobs: JobBuilder) -> dict[str, JobPlan]:
    """What the library plans for these jobs on the nodes as they are, by name of the job."""
    listed = json.loads(space.plane.kubectl("get", "nodes", "--output=json"))["items"]
    nodes = tuple(to_node(msgspec.convert(raw, NodeObject), Problems()) for raw in listed)
    states = [JobState(msgspec.convert(with_namespace(job, space), HeteroJob)) for job in jobs]
    found = plan(PlanRequest(states, Cluster(nodes), 0.0, BUILT_IN, launch_seconds=1.0))
    return {key.partition("/")[2]: own for key, own in found.items()}


def with_namespace(job: JobBuilder, space: Space) -> Json:
    manifest = job.manifest()
    manifest["metadata"] |= {"namespace": space.name}
    return manifest


def a_training(name: str, iterations: int) -> JobBuilder:
    job = a_job(name).policy("Performance").template(lasting(3.0))
    job.task("t").gpus(1, "nvidia-t4", "nvidia-v100").workers(1, 8, gang=True, rendezvous=True)
    speeds = {"nvidia-t4": 100, "nvidia-v100": 300}
    return job.training(speeds, globalBatch=96, iterations=iterations, gradientBytes="1Mi")


def test_a_graph_by_heft_runs_in_hefts_order_on_hefts_nodes(space: Space) -> None:
    job = a_job("heft").strategy("heft").policy("Energy").template(lasting({"t4": 6, "v100": 3}))
    for name, before in (("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("a",)), ("e", ("b", "c", "d"))):
        job.task(name).after(*before).gpus(2, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 6, "nvidia-v100": 3})
    wanted = expected(space, job)["heft"].schedule.assignments
    space.apply(job)
    space.until_completed("heft")
    assert {name: next(iter(nodes)) for name, nodes in task_nodes(space, "heft").items()} == {
        name: own.nodes[0] for name, own in wanted.items()
    }
    begun = {name: started(space, "heft", name) for name in wanted}
    for one, first in wanted.items():
        for other, second in wanted.items():
            if first.finish <= second.start:
                assert begun[one] < begun[other], (one, other, begun)
    assert space.status("heft")["plan"]["strategy"] == "heft"


def test_two_training_jobs_share_eight_gpus_of_two_types_as_jps_says(space: Space) -> None:
    jobs = a_training("short", 1000), a_training("long", 6000)
    wanted = expected(space, *jobs)
    space.apply(*jobs)
    for job in ("short", "long"):
        own = wanted[job].schedule.assignments["t"]
        space.until_completed(job)
        assert task_nodes(space, job)["t"] == Counter(own.nodes)
        assert space.status(job)["plan"]["strategy"] == "jps"
        shares = wanted[job].shares["t"]
        assert sum(shares) == 96
        for pod in space.pods(job):
            variables = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
            assert json.loads(variables[ENV_SHARES]) == list(shares)
            assert json.loads(pod["metadata"]["annotations"][ANNOTATION_SHARES]) == list(shares)
    used = [own.schedule.assignments["t"].nodes for own in wanted.values()]
    assert sum(map(len, used)) == 8


def test_a_near_deadline_goes_first(space: Space) -> None:
    space.apply(alone_on("first", "k80", seconds=10.0))
    space.until("first", "Running")
    space.apply(alone_on("calm", "k80"))
    until_reason(space, "calm", "WaitingForDevice")
    space.apply(alone_on("due", "k80").deadline(within="2m"))
    until_reason(space, "due", "WaitingForDevice")
    for job in ("due", "calm"):
        space.until_completed(job)
    assert started(space, "due") < started(space, "calm")
    assert space.status("due")["deadline"]["verdict"] == "Feasible"


def test_a_gang_waits_for_all_of_its_workers(space: Space) -> None:
    space.apply(a_pod("other", seconds=12.0, scheduler="default-scheduler", gpus=2, device="t4"))
    space.until_bound("other")
    job = a_job("gang").template(lasting(2.0)).task("t").gpus(1, "nvidia-t4").workers(3, 3, gang=True)
    space.apply(job.runtime({"nvidia-t4": 2}))
    until_reason(space, "gang", "WaitingForGang")
    assert space.pods("gang") == []
    space.until_completed("gang")
    assert task_nodes(space, "gang") == {"t": Counter({"t4-0": 3})}


def test_two_gangs_and_a_foreign_scheduler_do_not_deadlock(space: Space) -> None:
    gangs = []
    for name in ("left", "right"):
        job = a_job(name).template(lasting(2.0)).task("t").gpus(1, "nvidia-t4").workers(3, 3, gang=True)
        gangs.append(job.runtime({"nvidia-t4": 2}))
    pods = [a_pod(f"other-{n}", 3.0, scheduler="default-scheduler", gpus=1, device="t4") for n in range(6)]
    space.apply(gangs[0], *pods[:3], gangs[1], *pods[3:])
    for name in ("left", "right"):
        space.until_completed(name, seconds=150.0)
        assert task_nodes(space, name)["t"].total() >= 3

    def done() -> bool:
        found = [pod["status"].get("phase") for pod in space.get("pods") if pod["metadata"]["name"].startswith("other")]
        return found == ["Succeeded"] * 6

    assert wait_until(done, 60.0, 0.5)


def test_an_unknown_strategy_is_refused_with_the_known_ones(space: Space) -> None:
    space.apply(alone_on("odd", "t4").strategy("magic"))
    refused = space.until("odd", "Accepted", "False")
    assert refused["reason"] == "UnknownStrategy"
    for name in ("Auto", "jps", "heft", "fifo", "energy_heft"):
        assert name in refused["message"]
    time.sleep(1.0)
    assert space.pods("odd") == []


def test_training_that_allows_it_is_started_anew_with_more_workers(space: Space) -> None:
    space.apply(a_pod("other", seconds=14.0, scheduler="default-scheduler", gpus=4, device="v100"))
    space.until_bound("other")
    job = a_job("grow").policy("Performance").template(lasting(25.0))
    job.task("t").gpus(1, "nvidia-t4", "nvidia-v100").workers(1, 8, gang=True)
    speeds = {"nvidia-t4": 100, "nvidia-v100": 300}
    space.apply(job.training(speeds, globalBatch=96, iterations=1000, gradientBytes="1Mi", allowRestarts=True))
    four = {"t": Counter({"t4-0": 4})}
    assert wait_until(lambda: task_nodes(space, "grow") == four, 30.0, 0.3), task_nodes(space, "grow")
    assert wait_until(lambda: space.tasks("grow")["t"].get("attempt") == 1, 60.0, 0.3), space.status("grow")
    assert wait_until(lambda: bool(events(space, "grow", "Resized")), 30.0, 0.3)  # posted behind the status
    (told,) = events(space, "grow", "Resized")
    assert "resized from 4 to 8 workers" in told
    assert "sooner in sum, its restarts cost " in told
    space.until_completed("grow")
    task = space.tasks("grow")["t"]
    assert 0.0 < float(task["doneShare"]) < 0.9
    assert len(task["workers"]) == 8
    assert {"failures", "freeRetries"}.isdisjoint(task)
    assert task_nodes(space, "grow") == {"t": Counter({"t4-0": 4, "v100-0": 4})}


def test_a_policy_keeps_its_jobs_on_its_nodes(space: Space) -> None:
    space.plane.kubectl("label", "node", "t4-0", "rack=left", "--overwrite")
    put(space, a_policy("racked", weights={"speed": 50, "plan": 50}, nodeSelector={"rack": "left"}))
    job = a_job("here").policy("racked").template(lasting(2.0)).task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    space.apply(job.runtime({"nvidia-t4": 4, "nvidia-v100": 2}))
    space.until_completed("here")
    assert task_nodes(space, "here") == {"t": Counter({"t4-0": 1})}
    assert space.pods("here")[0]["spec"]["nodeSelector"] == {"rack": "left"}
    space.plane.kubectl("delete", "schedulingpolicy", "racked")
    space.plane.kubectl("label", "node", "t4-0", "rack-")


def test_what_if_answers_from_a_snapshot_of_the_live_cluster(space: Space, tmp_path: Path) -> None:
    """A job runs on the four V100s, the next one waits for them: with four more it need not."""

    def a_run(name: str) -> JobBuilder:
        job = a_job(name).template(lasting(120.0)).task("t").gpus(4, "nvidia-v100")
        return job.runtime({"nvidia-v100": 120})

    def heterosched(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        known = {**os.environ, "KUBECONFIG": str(space.plane.kubeconfig)}
        command = [sys.executable, "-m", "heterosched_cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=known)

    space.apply(a_run("first"))
    assert wait_until(lambda: space.tasks("first").get("t", {}).get("state") == "Running", 60.0, 0.3)
    space.apply(a_run("second"))
    space.until("second", "Planned")
    file = tmp_path / "snapshot.json"
    taken = heterosched("snapshot")
    assert taken.returncode == 0, taken.stderr
    file.write_text(taken.stdout, encoding="utf-8")
    asked = heterosched("what-if", "--cluster", file, "--add", "nvidia-v100=4", "-o", "json")
    assert asked.returncode == 0, asked.stderr
    found = json.loads(asked.stdout)
    now, then = ({own["job"]: own for own in found[side]["jobs"]} for side in ("now", "whatIf"))
    first, second = f"{space.name}/first", f"{space.name}/second"
    assert now[first] == then[first]
    assert 60.0 < now[first]["finishSeconds"] <= 121.0
    assert now[second]["waitingSeconds"] == pytest.approx(now[first]["finishSeconds"], abs=0.01)
    assert (then[second]["waitingSeconds"], then[second]["finishSeconds"]) == (0.0, 120.0)
