"""What the planner decides for all HeteroJobs together happens on a real control plane: order, nodes, sizes, limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import msgspec
import pytest
import yaml

from cluster import ControlPlane
from heterosched.api import HeteroJob
from heterosched.constants import ANNOTATION_SHARES, ENV_SHARES
from heterosched.kube.convert import Problems, to_node
from heterosched.kube.objects import NodeObject
from heterosched.model import Cluster
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest
from heterosched.policy.table import BUILT_IN
from manifests import JobBuilder, a_job, a_policy
from processes import wait_until
from spaces import Space, a_fake_node, a_pod, lasting
from stack import Stack

NODES = ("t4-0", "v100-0", "k80-0", "cpu-0")
SETTINGS = {
    "HETEROSCHED_OPERATOR_TELEMETRY_SECONDS": "1",
    "HETEROSCHED_OPERATOR_GANG_RELEASE_TIMEOUT_SECONDS": "4",
    "HETEROSCHED_OPERATOR_RETRY_BASE_SECONDS": "1",
    "HETEROSCHED_OPERATOR_REPLAN_SECONDS": "5",
    "HETEROSCHED_OPERATOR_RESTART_SECONDS": "1",
}
SYSTEM = "kube-system"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """As the shared fixture, with an operator that takes stuck gangs back soon."""
    folder = tmp_path_factory.mktemp("planning")
    nodes = [a_fake_node(name) for name in NODES]
    with ControlPlane(f"e2e-planning-{os.getpid()}", folder, keep_logs=True) as plane:
        plane.kubectl("create", "--filename=-", stdin=yaml.safe_dump_all(nodes))
        plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
        running = Stack(plane, operator=SETTINGS).up()
        running.prometheus.wait_for_nodes(len(nodes))
        yield running


@pytest.fixture(autouse=True)
def quiet(stack: Stack) -> None:
    """Nothing of the test before holds a node any more."""

    def left() -> list[str]:
        listed = json.loads(stack.plane.kubectl("get", "pods", "--all-namespaces", "--output=json"))["items"]
        own = [pod for pod in listed if pod["metadata"]["namespace"] != SYSTEM]
        return [pod["metadata"]["name"] for pod in own if pod["status"].get("phase") in ("Pending", "Running")]

    assert wait_until(lambda: not left(), 90.0, 0.5), left()


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


def task_nodes(space: Space, job: str) -> dict[str, Counter[str]]:
    """Nodes of the pods of each task, one for each pod."""
    found: dict[str, Counter[str]] = {}
    for pod in space.pods(job):
        if "nodeName" in pod["spec"]:
            found.setdefault(pod["metadata"]["labels"]["heterosched.io/task"], Counter())[pod["spec"]["nodeName"]] += 1
    return found


def reason(space: Space, job: str, task: str = "t") -> str:
    return str(space.tasks(job).get(task, {}).get("reason", ""))


def until_reason(space: Space, job: str, wanted: str, task: str = "t") -> str:
    """Wait until the task waits for this reason; returns the message."""
    assert wait_until(lambda: reason(space, job, task) == wanted, 30.0, 0.2), space.status(job)
    return str(space.tasks(job)[task]["message"])


def events(space: Space, job: str, reason: str) -> list[str]:
    """Messages of the job's Events with this reason."""
    found = [one for one in space.get("events") if one["reason"] == reason and one["involvedObject"]["name"] == job]
    return [str(one["message"]) for one in found]


def operator_metric(stack: Stack, name: str) -> float:
    address = f"http://127.0.0.1:{stack.metrics_port}/metrics"
    with build_opener(ProxyHandler({})).open(address, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


def put(space: Space, policy: Json) -> None:
    space.plane.kubectl("apply", "--filename=-", stdin=json.dumps(policy))


def started(space: Space, job: str, task: str = "t") -> str:
    return str(space.tasks(job)[task]["actual"]["start"])


def alone_on(name: str, device: str, gpus: int = 4, seconds: float = 3.0) -> JobBuilder:
    """A job of one task `t` that takes so many GPUs of one type."""
    job = a_job(name).template(lasting(seconds)).task("t").gpus(gpus, f"nvidia-{device}")
    return job.runtime({f"nvidia-{device}": seconds})


def a_training(name: str, iterations: int) -> JobBuilder:
    job = a_job(name).policy("Performance").template(lasting(3.0))
    job.task("t").gpus(1, "nvidia-t4", "nvidia-v100").workers(1, 8, gang=True, rendezvous=True)
    speeds = {"nvidia-t4": 100, "nvidia-v100": 300}
    return job.training(speeds, globalBatch=96, iterations=iterations, gradientBytes="1Mi")


@pytest.mark.e2e
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


@pytest.mark.e2e
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


@pytest.mark.e2e
def test_a_near_deadline_goes_first(space: Space) -> None:
    space.apply(alone_on("first", "k80", seconds=6.0))
    space.until("first", "Running")
    space.apply(alone_on("calm", "k80"))
    until_reason(space, "calm", "WaitingForDevice")
    space.apply(alone_on("due", "k80").deadline(within="2m"))
    until_reason(space, "due", "WaitingForDevice")
    for job in ("due", "calm"):
        space.until_completed(job)
    assert started(space, "due") < started(space, "calm")
    assert space.status("due")["deadline"]["verdict"] == "Feasible"


@pytest.mark.e2e
def test_a_power_cap_holds_a_job_back_and_lets_it_go(space: Space) -> None:
    policy = a_policy("capped", weights={"speed": 50, "energy": 50, "plan": 50}, powerCaps={"clusterWatts": "100"})
    put(space, policy)
    jobs = [alone_on(name, "t4", gpus=1, seconds=8.0).policy("capped") for name in ("one", "two")]
    space.apply(jobs[0])
    space.until("one", "Running")
    space.apply(jobs[1])
    message = until_reason(space, "two", "WaitingForPower")
    assert "it would pass a power cap (spec.powerCaps.clusterWatts of SchedulingPolicy capped)" in message
    assert space.pods("two") == []
    for job in ("one", "two"):
        space.until_completed(job)
    assert started(space, "two") > started(space, "one")
    space.plane.kubectl("delete", "schedulingpolicy", "capped")


@pytest.mark.e2e
def test_a_cap_that_nothing_fits_under_is_refused_with_the_remedy(space: Space) -> None:
    space.apply(alone_on("never", "t4", gpus=1).spec(powerCapWatts="20"))
    refused = space.until("never", "Accepted", "False")
    assert "spec.powerCapWatts: 20 W is less than the 70 W that task t draws at least" in refused["message"]


@pytest.mark.e2e
def test_a_gang_waits_for_all_of_its_workers(space: Space) -> None:
    space.apply(a_pod("other", seconds=12.0, scheduler="default-scheduler", gpus=2, device="t4"))
    space.until_bound("other")
    job = a_job("gang").template(lasting(2.0)).task("t").gpus(1, "nvidia-t4").workers(3, 3, gang=True)
    space.apply(job.runtime({"nvidia-t4": 2}))
    until_reason(space, "gang", "WaitingForGang")
    assert space.pods("gang") == []
    space.until_completed("gang")
    assert task_nodes(space, "gang") == {"t": Counter({"t4-0": 3})}


@pytest.mark.e2e
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


@pytest.mark.e2e
def test_an_unknown_strategy_is_refused_with_the_known_ones(space: Space) -> None:
    space.apply(alone_on("odd", "t4").strategy("magic"))
    refused = space.until("odd", "Accepted", "False")
    assert refused["reason"] == "UnknownStrategy"
    for name in ("Auto", "jps", "heft", "fifo", "energy_heft"):
        assert name in refused["message"]
    time.sleep(1.0)
    assert space.pods("odd") == []


@pytest.mark.e2e
def test_a_used_up_quota_holds_a_task_back_and_is_named(space: Space) -> None:
    hard = {"requests.nvidia.com/gpu": "4"}
    space.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus"}, "spec": {"hard": hard}})
    assert wait_until(lambda: "hard" in space.get("resourcequotas")[0].get("status", {}), 30.0, 0.2)
    space.apply(alone_on("first", "k80", gpus=3, seconds=8.0))
    space.until("first", "Running")
    space.apply(alone_on("second", "v100", gpus=2))
    assert "ResourceQuota gpus of the namespace leaves no room for it" in until_reason(space, "second", "QuotaExceeded")
    assert "t: QuotaExceeded (ResourceQuota gpus)" in space.condition("second", "Planned")["message"]
    for job in ("first", "second"):
        space.until_completed(job)
    assert started(space, "second") > started(space, "first")
    refused = [one["message"] for one in space.get("events") if one["reason"] == "FailedCreate"]
    assert refused == [], "nothing was created to be refused"


@pytest.mark.e2e
def test_a_missed_deadline_is_foretold_then_told_once_and_counted(space: Space, stack: Stack) -> None:
    counter = "heterosched_operator_deadlines_missed_total"
    before = operator_metric(stack, counter)
    job = a_job("late").template(lasting(9.0)).deadline(within="5s").spec(energyBudgetJoules="1k")
    space.apply(job.task("t").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 20, "nvidia-v100": 9}))
    assert wait_until(lambda: space.status("late").get("deadline", {}).get("verdict"), 30.0, 0.2)
    verdict = space.status("late")["deadline"]
    assert verdict["verdict"] == "LateBy"
    assert "OverBudget by" in verdict["message"]
    assert "possible: 10 s for 2700 J, 21 s for 1400 J" in verdict["message"]
    assert "LateBy" in space.plane.kubectl("describe", "heterojob", "late", f"--namespace={space.name}")
    space.until_completed("late")
    (told,) = events(space, "late", "DeadlineMissed")
    assert "has passed, 1 of 1 tasks unfinished" in told
    assert space.condition("late", "DeadlineAtRisk")["reason"] == "DeadlineMissed"
    assert operator_metric(stack, counter) == before + 1


@pytest.mark.e2e
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
    (told,) = events(space, "grow", "Resized")
    assert "resized from 4 to 8 workers" in told
    assert "sooner in sum, its restarts cost " in told
    space.until_completed("grow")
    task = space.tasks("grow")["t"]
    assert 0.0 < float(task["doneShare"]) < 0.9
    assert len(task["workers"]) == 8
    assert {"failures", "freeRetries"}.isdisjoint(task)
    assert task_nodes(space, "grow") == {"t": Counter({"t4-0": 4, "v100-0": 4})}


def until_one_waits(space: Space) -> str:
    """Apply job after job until the operator has heard of the heat; the name of the job that waits for a device."""
    names = (f"cool-{number}" for number in count())
    waiting: list[str] = []

    def waits() -> bool:
        name = next(names)
        job = a_job(name).policy("Performance").template(lasting(1.0)).task("t").gpus(1, "nvidia-t4", "nvidia-v100")
        space.apply(job.runtime({"nvidia-t4": 2, "nvidia-v100": 1}))

        def settled() -> bool:
            return (
                reason(space, name) == "WaitingForDevice" or space.condition(name, "Completed").get("status") == "True"
            )

        assert wait_until(settled, 60.0, 0.3), space.status(name)
        if reason(space, name) == "WaitingForDevice":
            waiting.append(name)
        return bool(waiting)

    assert wait_until(waits, 60.0, 0.1), "the operator never hears of the heat"
    return waiting[0]


@pytest.mark.e2e
def test_a_hot_node_gets_nothing_new_until_it_has_cooled_down(space: Space, stack: Stack) -> None:
    heat = "sim.heterosched.io/gpu-temp"
    space.apply(a_pod("other", seconds=600.0, scheduler="default-scheduler", gpus=4, device="t4"))
    space.until_bound("other")
    space.plane.kubectl("annotate", "node", "v100-0", f"{heat}=97", "--overwrite")
    try:
        cool = until_one_waits(space)
        assert "planned around v100-0 (a GPU is at its limit" in space.condition(cool, "Planned")["message"]
        assert space.pods(cool) == []
    finally:
        space.plane.kubectl("annotate", "node", "v100-0", f"{heat}-")
    space.until_completed(cool)
    assert task_nodes(space, cool) == {"t": Counter({"v100-0": 1})}


@pytest.mark.e2e
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


@pytest.mark.e2e
def test_what_an_autoscaler_can_bring_is_asked_for_by_a_pending_pod(space: Space) -> None:
    put(space, a_policy("elastic", weights={"speed": 50, "plan": 50}, waiting={"autoscaledDevices": ["nvidia-a100"]}))
    space.apply(alone_on("wish", "a100", gpus=1).policy("elastic"), alone_on("stuck", "a100", gpus=1))
    assert "an autoscaler sees its pods" in until_reason(space, "wish", "WaitingForDevice")
    assert wait_until(lambda: len(space.pods("wish")) == 1, 30.0, 0.3)
    assert space.tasks("wish")["t"]["state"] == "Created"
    assert space.status("wish")["deadline"]["verdict"] == "NeedsDevice"
    until_reason(space, "stuck", "Unplaceable")
    assert space.pods("stuck") == []
    space.plane.kubectl("create", "--filename=-", stdin=json.dumps(a_fake_node("a100-0")))
    try:
        for job in ("wish", "stuck"):
            space.until_completed(job)
            assert task_nodes(space, job) == {"t": Counter({"a100-0": 1})}
    finally:
        space.plane.kubectl("delete", "node", "a100-0")
        space.plane.kubectl("delete", "schedulingpolicy", "elastic")


@pytest.mark.e2e
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
