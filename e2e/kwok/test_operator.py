"""The operator on a real control plane: jobs complete in the order of their graphs, nothing is lost or run twice."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster import ControlPlane
from heterosched.api import HeteroJob
from heterosched_operator.children import child_name
from manifests import JobBuilder, a_job, a_template
from processes import Process, free_port, wait_until
from spaces import a_namespace

ROOT = Path(__file__).resolve().parents[2]
SUITE = {"suite": "operator"}
PRODUCTS = {"t4": "Tesla-T4", "v100": "Tesla-V100-SXM2-16GB"}
NODES = ("t4-901", "t4-902", "v100-901", "v100-902", "cpu-901", "cpu-902")
QUICK = {
    "RETRY_BASE_SECONDS": "0.5",
    "RETRY_CAP_SECONDS": "1",
    "LAUNCH_SECONDS": "1",
    "DEBOUNCE_SECONDS": "0.1",
    "BIND_GRACE_SECONDS": "1",
    "GANG_RELEASE_TIMEOUT_SECONDS": "2",
    "REPLAN_SECONDS": "5",
    "PODLESS_GRACE_SECONDS": "2",
}
Json = dict[str, Any]


@dataclass
class Operator:
    """The process under test; it can be killed and started anew, with other settings if need be."""

    plane: ControlPlane
    processes: list[Process] = field(default_factory=list)

    def start(self, **settings: str) -> None:
        ports = ["--health-port", str(free_port()), "--metrics-port", "0"]
        command = [sys.executable, "-m", "heterosched_operator", "--kubeconfig", str(self.plane.kubeconfig), *ports]
        given = {f"HETEROSCHED_OPERATOR_{key}": value for key, value in {**QUICK, **settings}.items()}
        self.processes.append(self.plane.start_process(f"operator-{len(self.processes)}", command, given))

    def kill(self) -> None:
        self.processes[-1].kill()

    def log(self) -> str:
        return self.processes[-1].output()[-3000:]


@dataclass
class Space:
    """One test's namespace."""

    plane: ControlPlane
    name: str
    operator: Operator

    def apply(self, job: JobBuilder | Json) -> None:
        manifest = job.manifest() if isinstance(job, JobBuilder) else job
        self.plane.kubectl("apply", f"--namespace={self.name}", "--filename=-", stdin=json.dumps(manifest))

    def get(self, kind: str, selector: str = "") -> list[Json]:
        found = self.plane.kubectl("get", kind, f"--namespace={self.name}", f"--selector={selector}", "--output=json")
        items: list[Json] = json.loads(found)["items"]
        return items

    def status(self, job: str) -> Json:
        found = self.plane.kubectl("get", "heterojob", job, f"--namespace={self.name}", "--output=json")
        status: Json = json.loads(found).get("status", {})
        return status

    def task(self, job: str, task: str) -> Json:
        tasks: list[Json] = self.status(job).get("tasks", [])
        return next((found for found in tasks if found["name"] == task), {})

    def condition(self, job: str, type: str) -> tuple[str, str, str]:
        found = {own["type"]: own for own in self.status(job).get("conditions", [])}.get(type, {})
        return found.get("status", ""), found.get("reason", ""), found.get("message", "")

    def until(self, job: str, type: str, status: str = "True", reason: str = "", seconds: float = 60.0) -> str:
        """Wait for a condition; its message."""

        def holds() -> bool:
            own = self.condition(job, type)
            return own[0] == status and reason in ("", own[1])

        assert wait_until(holds, seconds, 0.3), (self.status(job), self.operator.log())
        return self.condition(job, type)[2]

    def until_task(self, job: str, task: str, state: str, seconds: float = 60.0) -> Json:
        found = wait_until(lambda: self.task(job, task).get("state") == state, seconds, 0.2)
        assert found, (self.status(job), self.operator.log())
        return self.task(job, task)

    def spec(self, job: str, patch: Json | list[Json], kind: str = "merge") -> None:
        own = ("patch", "heterojob", job, f"--namespace={self.name}", f"--type={kind}")
        self.plane.kubectl(*own, f"--patch={json.dumps(patch)}")

    def events(self, reason: str) -> list[str]:
        return [event["message"] for event in self.get("events") if event["reason"] == reason]

    def watch(self, kind: str) -> Process:
        """Log the UID, task and attempt of every object of a kind that is ever seen."""
        labels = ".metadata.labels.heterosched\\.io/"
        columns = f"U:.metadata.uid,T:{labels}task,A:{labels}attempt"
        own = ["get", kind, f"--namespace={self.name}", "--watch", "--no-headers", f"--output=custom-columns={columns}"]
        return self.plane.start_process(f"watch-{kind}-{self.name}", [str(self.plane.bin("kubectl")), *own])


def seen(watch: Process) -> dict[str, tuple[str, int]]:
    """(task, attempt) of each UID in a watch's log."""
    rows = [line.split() for line in watch.output().splitlines()]
    return {row[0]: (row[1], int(row[2])) for row in rows if len(row) == 3 and row[2].isdecimal()}


def a_node(name: str) -> Json:
    product = PRODUCTS.get(name.rpartition("-")[0])
    labels = {**SUITE, "kubernetes.io/hostname": name, **({"nvidia.com/gpu.product": product} if product else {})}
    capacity = {"cpu": "64", "memory": "256Gi", "pods": "110", **({"nvidia.com/gpu": "4"} if product else {})}
    metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"capacity": capacity}}


def template(seconds: float = 1.0, name: str = "main", exit_code: int | None = None, **pod_spec: Any) -> Json:
    """Pods that run for so long; they go to the default scheduler and to the nodes of this suite only."""
    entry = a_template(name, schedulerName="default-scheduler", nodeSelector=SUITE, **pod_spec)
    annotations = {"sim.heterosched.io/seconds": json.dumps({"*": seconds})}
    if exit_code is not None:
        annotations["sim.heterosched.io/exit-code"] = str(exit_code)
    entry["template"]["metadata"] = {"annotations": annotations}
    return entry


def a_diamond(name: str, seconds: float = 1.0) -> JobBuilder:
    return (
        a_job(name)
        .template(template(seconds))
        .task("prepare")
        .runtime({"cpu": seconds})
        .task("left")
        .after("prepare")
        .gpus(1, "nvidia-t4", "nvidia-v100")
        .runtime({"nvidia-t4": seconds, "nvidia-v100": seconds})
        .task("right")
        .after("prepare")
        .cpus(2)
        .runtime({"cpu": seconds})
        .task("join")
        .after("left", "right")
        .runtime({"cpu": seconds})
    )


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Iterator[Operator]:
    plane = control_plane
    plane.apply(ROOT / "crds")
    nodes = {"apiVersion": "v1", "kind": "List", "items": [a_node(name) for name in NODES]}
    plane.kubectl("create", "--filename=-", stdin=json.dumps(nodes))
    running = Operator(plane)
    running.start()
    yield running
    running.processes[-1].stop()
    plane.kubectl("delete", "nodes", "--selector=suite=operator", "--wait=false")


@pytest.fixture
def space(operator: Operator, namespace: str) -> Space:
    if not operator.processes[-1].alive():
        operator.start()
    return Space(operator.plane, namespace, operator)


def test_a_graph_completes_in_its_order_with_a_report(space: Space) -> None:
    space.apply(a_diamond("dag"))
    space.until("dag", "Completed")
    status = space.status("dag")
    assert status["progress"] == "4/4"
    tasks = {task["name"]: task for task in status["tasks"]}
    assert [tasks[name]["state"] for name in ("prepare", "left", "right", "join")] == ["Succeeded"] * 4
    for before, after in (("prepare", "left"), ("prepare", "right"), ("left", "join"), ("right", "join")):
        assert tasks[before]["actual"]["finish"] <= tasks[after]["actual"]["start"]
    assert tasks["left"]["workers"][0]["device"] in ("nvidia-t4", "nvidia-v100")
    assert tasks["left"]["workers"][0]["plannedNode"]
    assert status["outcome"]["verdict"] in ("Better", "Neutral", "Worse")
    assert float(status["outcome"]["seconds"]) >= 3
    assert status["outcome"]["energySource"] == "estimated"
    assert len(space.get("jobs")) == len(space.get("pods")) == 4
    assert space.events("Completed")


def test_without_any_estimate_the_plan_says_so_and_invents_no_makespan(space: Space) -> None:
    space.apply(a_job("blind").template(template()).task("only"))
    space.until("blind", "Completed")
    assert space.condition("blind", "Planned")[:2] == ("True", "EstimatesMissing")
    status = space.status("blind")
    assert "makespanSeconds" not in status["plan"]
    assert "seconds" not in status["tasks"][0].get("planned", {})
    assert "verdict" not in status["outcome"]


def test_workers_that_meet_know_rank_size_and_address(space: Space) -> None:
    training = {"globalBatch": 10, "iterations": 20, "gradientBytes": 0}
    job = (
        a_job("meet")
        .template(template())
        .task("train")
        .gpus(1, "nvidia-v100")
        .workers(3, 3, gang=True, rendezvous=True)
    )
    space.apply(job.training({"nvidia-v100": 100}, **training))
    space.until("meet", "Completed")
    pods = sorted(space.get("pods"), key=lambda pod: str(pod["metadata"]["name"]))
    assert len(pods) == 3
    env = {entry["name"]: entry.get("value") for entry in pods[0]["spec"]["containers"][0]["env"]}
    assert env["WORLD_SIZE"] == "3"
    job, service_name = (space.get(kind)[0]["metadata"]["name"] for kind in ("jobs", "services"))
    assert env["MASTER_ADDR"] == f"{job}-0.{service_name}.{space.name}.svc"
    assert env["HETEROSCHED_BATCH_SHARES"] == "[4,3,3]"
    service = space.get("services")[0]["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"]
    assert {pod["spec"]["hostname"] for pod in pods} == {f"{job}-{index}" for index in range(3)}
    assert {pod["spec"]["subdomain"] for pod in pods} == {service_name}
    assert [worker["share"] for worker in space.task("meet", "train")["workers"]] == [4, 3, 3]


def test_a_gang_that_does_not_bind_is_taken_back_and_planned_again(space: Space) -> None:
    """The API server takes the pods, but no node has the label that they select: the second member never binds."""
    pods = template(
        300,
        topologySpreadConstraints=[
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "DoNotSchedule",
                "minDomains": 99,
                "labelSelector": {"matchLabels": {"heterosched.io/job": "gang"}},
            }
        ],
    )
    space.apply(a_job("gang").template(pods).task("train").cpus(1).workers(8, 8, gang=True).runtime({"cpu": 5}))
    assert wait_until(lambda: bool(space.events("TaskStopped")), 60.0, 0.5), (
        space.status("gang"),
        space.operator.log(),
    )
    assert wait_until(lambda: space.task("gang", "train").get("attempt", 0) >= 1, 60.0, 0.5), space.status("gang")
    assert "were not" in space.events("TaskStopped")[0] or "not all workers" in space.events("TaskStopped")[0]


def test_suspend_frees_the_nodes_and_resume_starts_a_new_attempt(space: Space) -> None:
    space.apply(a_job("pause").template(template(4)).task("work").runtime({"cpu": 4}))
    space.until_task("pause", "work", "Running")
    space.spec("pause", {"spec": {"suspend": True}})
    space.until("pause", "Suspended")
    assert space.get("jobs") == [] == space.get("pods")
    assert space.task("pause", "work")["state"] == "Ready"
    space.spec("pause", {"spec": {"suspend": False}})
    space.until("pause", "Completed")
    done = space.task("pause", "work")
    assert (done["attempt"], done.get("failures", 0), done.get("freeRetries", 0)) == (1, 0, 0)
    assert space.events("Resumed")


def test_deleting_a_job_deletes_its_children(space: Space) -> None:
    space.apply(a_job("gone").template(template(300)).task("work").runtime({"cpu": 300}))
    space.until_task("gone", "work", "Running")
    space.plane.kubectl("delete", "heterojob", "gone", f"--namespace={space.name}", "--wait=false")
    assert wait_until(
        lambda: not space.get("jobs") and not space.get("pods") and not space.get("heterojobs"), 60.0, 0.5
    )


def test_exit_codes_decide_what_is_tried_again(space: Space) -> None:
    policy = {
        "backoffLimit": 1,
        "onExitCodes": [
            {"action": "FailTask", "operator": "In", "values": [42]},
            {"action": "Ignore", "operator": "In", "values": [7]},
        ],
    }
    job = a_job("codes").spec(failurePolicy=policy)
    for code in (3, 7, 42):
        job.template(template(0.2, f"exit-{code}", code)).task(f"exit-{code}").of(f"exit-{code}").runtime({"cpu": 1})
    space.apply(job)
    counted, final = space.until_task("codes", "exit-3", "Failed"), space.until_task("codes", "exit-42", "Failed")
    assert (counted["reason"], counted["failures"], counted["attempt"]) == ("BackoffLimitExceeded", 2, 1)
    assert "exited with 3" in counted["message"]
    assert (final["reason"], final.get("failures", 0)) == ("FailedByExitCode", 0)
    assert wait_until(lambda: space.task("codes", "exit-7").get("freeRetries", 0) >= 3, 60.0, 0.3)
    assert "failures" not in space.task("codes", "exit-7")


def test_what_has_failed_may_be_mended_before_its_next_attempt(space: Space) -> None:
    space.apply(a_job("mend").retries(9).template(template(0.2, exit_code=1)).task("work").runtime({"cpu": 1}))
    assert wait_until(lambda: space.task("mend", "work").get("failures", 0) >= 1, 60.0, 0.2), space.operator.log()
    path = "/spec/templates/0/template/metadata/annotations/sim.heterosched.io~1exit-code"
    while space.condition("mend", "Completed")[0] != "True":
        if space.task("mend", "work")["state"] == "Ready":
            space.spec("mend", [{"op": "replace", "path": path, "value": "0"}], "json")
            break
        time.sleep(0.1)
    space.until("mend", "Completed")


def test_a_failed_task_skips_what_depends_on_it_and_nothing_else(space: Space) -> None:
    job = a_job("half").retries(0).template(template(1)).template(template(0.2, "bad", 1))
    job.task("bad").of("bad").runtime({"cpu": 1}).task("after").after("bad").task("last").after("after")
    job.task("other").runtime({"cpu": 1}).task("more").after("other").runtime({"cpu": 1})
    space.apply(job)
    message = space.until("half", "Failed", reason="TaskFailed")
    states = {task["name"]: task["state"] for task in space.status("half")["tasks"]}
    assert states == {"bad": "Failed", "after": "Skipped", "last": "Skipped", "other": "Succeeded", "more": "Succeeded"}
    assert "bad" in message
    assert "bad did not succeed" in space.task("half", "after")["message"]
    assert {job["metadata"]["labels"]["heterosched.io/task"] for job in space.get("jobs")} == {"bad", "other", "more"}


def test_bad_jobs_are_refused_with_the_culprit(space: Space) -> None:
    cycle = a_job("cycle").template(template()).task("a").after("c").task("b").after("a").task("c").after("b")
    unknown = a_job("unknown").template(template()).task("a").after("nobody")
    late = a_job("late").template(template()).deadline(at="2020-01-01T00:00:00Z").task("a")
    policy = a_job("policy").template(template()).policy("Greenest").task("a")
    strategy = a_job("strategy").template(template()).strategy("magic").task("a")
    bad_template = template()
    bad_template["template"]["spec"]["containers"][0]["image"] = ""
    bad_template["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 99999}]
    refused = a_job("refused").template(bad_template).task("a")
    expected = {
        "cycle": ("DependencyCycle", "a -> "),
        "unknown": ("UnknownDependency", "nobody"),
        "late": ("DeadlinePassed", "spec.deadline"),
        "policy": ("UnknownPolicy", "Greenest"),
        "strategy": ("UnknownStrategy", "magic"),
        "refused": ("TemplateRefused", "containerPort"),
    }
    for job in (cycle, unknown, late, policy, strategy, refused):
        space.apply(job)
    for name, (reason, culprit) in expected.items():
        assert culprit in space.until(name, "Accepted", "False", reason)
        assert wait_until(partial(_posted, space, reason), 20.0, 0.3), reason
    assert space.get("jobs") == []
    space.spec("unknown", [{"op": "remove", "path": "/spec/tasks/0/dependsOn"}], "json")
    space.until("unknown", "Completed")


def _posted(space: Space, reason: str) -> bool:
    return bool(space.events(reason))


def test_an_edit_of_what_runs_holds_back_the_rest_until_it_is_undone(space: Space) -> None:
    space.apply(a_job("edit").template(template(6)).task("first").runtime({"cpu": 4}).task("second").after("first"))
    space.until_task("edit", "first", "Running")
    path = "/spec/templates/0/template/spec/containers/0/image"
    space.spec("edit", [{"op": "replace", "path": path, "value": "busybox:other"}], "json")
    assert "tasks[first]" in space.until("edit", "Accepted", "False", "StartedTaskChanged")
    space.until_task("edit", "first", "Succeeded")
    time.sleep(1.0)
    assert [job["metadata"]["labels"]["heterosched.io/task"] for job in space.get("jobs")] == ["first"]
    space.spec("edit", [{"op": "replace", "path": path, "value": "busybox:1.37"}], "json")
    space.until("edit", "Completed")


def test_what_has_not_started_may_be_edited(space: Space) -> None:
    space.apply(a_job("grow").template(template(2)).task("first").runtime({"cpu": 2}).task("second").after("first"))
    space.until_task("grow", "first", "Running")
    more = {"name": "third", "templateRef": "main", "dependsOn": ["second"]}
    space.spec("grow", [{"op": "add", "path": "/spec/tasks/-", "value": more}], "json")
    space.until("grow", "Completed")
    assert space.status("grow")["progress"] == "3/3"


def test_the_active_deadline_ends_everything(space: Space) -> None:
    job = a_job("slow").spec(activeDeadlineSeconds=3).template(template(300)).task("work").runtime({"cpu": 300})
    space.apply(job.task("never").after("work"))
    space.until("slow", "Failed", reason="ActiveDeadlineExceeded")
    assert space.get("pods") == []
    assert space.task("slow", "never")["state"] == "Skipped"


def test_a_finished_job_is_deleted_after_its_time(space: Space) -> None:
    space.apply(a_job("brief").spec(ttlAfterFinished="1s").template(template(0.2)).task("work"))
    assert wait_until(lambda: bool(space.get("jobs")), 30.0, 0.1)
    assert wait_until(lambda: not space.get("heterojobs") and not space.get("jobs"), 60.0, 0.5), space.operator.log()


def test_a_name_that_is_taken_is_said_and_waited_for(space: Space) -> None:
    space.apply(a_job("taken").spec(suspend=True).template(template(0.2)).task("work"))
    job = next(found for found in space.get("heterojobs") if found["metadata"]["name"] == "taken")
    name = child_name(msgspec.convert(job, HeteroJob), "work", 0)
    foreign = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"suspend": True, "template": template()["template"]},
    }
    space.plane.kubectl("create", f"--namespace={space.name}", "--filename=-", stdin=json.dumps(foreign))
    space.spec("taken", {"spec": {"suspend": False}})
    assert "belongs to somebody else" in space.until("taken", "Blocked")
    space.plane.kubectl("delete", "job", name, f"--namespace={space.name}")
    space.until("taken", "Completed", seconds=90.0)


def test_a_child_that_somebody_deletes_is_made_anew_for_free(space: Space) -> None:
    space.apply(a_job("lost").template(template(3)).task("work").runtime({"cpu": 3}))
    space.until_task("lost", "work", "Running")
    space.plane.kubectl("delete", "job", space.get("jobs")[0]["metadata"]["name"], f"--namespace={space.name}")
    space.until("lost", "Completed")
    assert space.task("lost", "work")["freeRetries"] == 1


def evict(space: Space, pod: str) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": space.name}}
    path = f"/api/v1/namespaces/{space.name}/pods/{pod}/eviction"
    space.plane.kubectl("create", f"--raw={path}", "--filename=-", stdin=json.dumps(eviction))


def test_a_drained_worker_is_replaced_within_its_attempt(space: Space) -> None:
    space.apply(a_job("drain").template(template(4)).task("work").runtime({"cpu": 4}))
    space.until_task("drain", "work", "Running")
    evict(space, space.get("pods")[0]["metadata"]["name"])
    space.until("drain", "Completed", seconds=90.0)
    done = space.task("drain", "work")
    assert "failures" not in done
    assert done.get("attempt", 0) <= 1


def test_a_gang_survives_the_drain_of_a_member_long_after_its_release(space: Space) -> None:
    space.apply(a_job("crew").template(template(7)).task("work").workers(2, 2, gang=True).runtime({"cpu": 7}))
    space.until_task("crew", "work", "Running")
    time.sleep(3.0)  # longer than the time within which a released gang must be bound
    evict(space, space.get("pods")[0]["metadata"]["name"])
    space.until("crew", "Completed", seconds=90.0)
    stopped = space.events("TaskStopped") + space.events("TaskRetried")
    assert space.task("crew", "work").get("attempt", 0) == 0, stopped
    assert len(space.get("jobs")) == 1


def test_a_job_without_pods_says_why_and_goes_on_once_it_may(space: Space) -> None:
    """The operator knows nothing of quotas on limits, so it creates the Job."""
    space.plane.kubectl("create", "quota", "nothing", "--hard=limits.cpu=0", f"--namespace={space.name}")
    space.apply(a_job("poor").template(template(0.5)).task("work").runtime({"cpu": 1}))
    assert "failed quota: nothing" in space.until("poor", "Blocked", reason="PodsNotCreated")
    assert space.task("poor", "work")["reason"] == "PodsNotCreated"
    space.plane.kubectl("delete", "quota", "nothing", f"--namespace={space.name}")
    space.until("poor", "Completed", seconds=120.0)
    assert space.condition("poor", "Blocked")[0] == "False"


def test_what_could_never_become_a_pod_is_named(space: Space) -> None:
    mapping = template()
    mapping["template"]["spec"]["containers"][0]["env"] = {"KEY": "value"}
    space.apply(a_job("env").template(mapping).task("work"))
    space.apply(a_job("class").spec(priorityClassName="nowhere").template(template()).task("work"))
    numa = a_job("numa").template(template()).task("work").gpus(1, "nvidia-t4").allow("nvidia-t4", numa="Required")
    space.apply(numa.runtime({"nvidia-t4": 1}))
    assert "containers[0].env" in space.until("env", "Accepted", "False", "InvalidSpec")
    assert "PriorityClass 'nowhere'" in space.until("class", "Accepted", "False", "InvalidSpec")
    assert "the node's topology is not known" in space.until("numa", "Planned", "False", "Unplaceable")
    assert space.get("jobs") == []
    known = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "nowhere"}, "value": 7}
    space.plane.kubectl("create", "--filename=-", stdin=json.dumps(known))
    space.until("class", "Completed")
    space.plane.kubectl("delete", "priorityclass", "nowhere")


def test_a_node_that_vanishes_between_plan_and_bind_is_planned_around(space: Space) -> None:
    """The pods are held by a gate of somebody else's; meanwhile the planned node leaves the cluster."""
    space.plane.kubectl("create", "--filename=-", stdin=json.dumps(a_node("p100-901")))
    space.plane.kubectl("label", "node", "p100-901", "nvidia.com/gpu.product=Tesla-P100-PCIE-16GB", "--overwrite")
    space.plane.kubectl(
        "patch",
        "node",
        "p100-901",
        "--subresource=status",
        "--type=merge",
        "--patch",
        json.dumps({"status": {"capacity": {"nvidia.com/gpu": "4"}, "allocatable": {"nvidia.com/gpu": "4"}}}),
    )
    gated = template(0.5, schedulingGates=[{"name": "example.com/hold"}])
    job = a_job("vanish").template(gated).task("work").gpus(1, "nvidia-p100", "nvidia-t4")
    space.apply(job.runtime({"nvidia-p100": 1, "nvidia-t4": 60}))
    first = space.until_task("vanish", "work", "Created")
    assert first["planned"]["node"] == "p100-901"
    space.plane.kubectl("delete", "node", "p100-901")

    def again() -> bool:
        own = space.task("vanish", "work")
        return own.get("attempt", 0) == 1 and str(own["planned"]["node"]).startswith("t4-")

    assert wait_until(again, 60.0, 0.3), (space.status("vanish"), space.operator.log())


def test_a_killed_operator_loses_nothing_and_runs_nothing_twice(space: Space) -> None:
    """SIGKILL in the middle of releasing 50 tasks, and again while tasks finish."""
    operator = space.operator
    operator.processes[-1].stop()
    operator.start(CONCURRENCY="1")
    jobs, pods = space.watch("jobs"), space.watch("pods")
    wide = a_job("wide").template(template(2)).task("start").runtime({"cpu": 1})
    names = [f"branch-{number:02d}" for number in range(50)]
    for name in names:
        wide.task(name).after("start").runtime({"cpu": 2})
    space.apply(wide.task("join").after(*names).runtime({"cpu": 1}))
    assert wait_until(lambda: len(seen(jobs)) >= 10, 60.0, 0.005)
    operator.kill()
    created = len(seen(jobs))
    assert created < 51, "it was killed too late to show anything"
    operator.start()
    done = "branch-"
    assert wait_until(lambda: _succeeded(space, "wide", done) >= 1, 90.0, 0.1), operator.log()
    operator.kill()
    time.sleep(3.0)
    operator.start()
    space.until("wide", "Completed", seconds=120.0)
    for watch in (jobs, pods):
        runs = Counter(task for task, _ in seen(watch).values())
        assert runs == dict.fromkeys(["start", *names, "join"], 1)
        watch.stop()
    assert all(task.get("attempt", 0) == 0 for task in space.status("wide")["tasks"])


def _succeeded(space: Space, job: str, prefix: str) -> int:
    tasks = space.status(job).get("tasks", [])
    return sum(1 for task in tasks if task["name"].startswith(prefix) and task["state"] == "Succeeded")


def test_two_hundred_jobs_at_once_all_complete(space: Space) -> None:
    items = []
    for number in range(200):
        job = a_job(f"many-{number:03d}").template(template(0.5)).task("work").runtime({"cpu": 1})
        items.append(job.manifest())
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    space.plane.kubectl("create", f"--namespace={space.name}", "--filename=-", stdin=json.dumps(listed))

    def completed() -> int:
        return sum(
            any(c["type"] == "Completed" and c["status"] == "True" for c in job.get("status", {}).get("conditions", []))
            for job in space.get("heterojobs")
        )

    assert wait_until(lambda: completed() == 200, 240.0, 2.0), (completed(), space.operator.log())
    assert (
        Counter(job["metadata"]["labels"]["heterosched.io/job"] for job in space.get("jobs")).most_common(1)[0][1] == 1
    )


def test_a_deleted_namespace_takes_its_jobs_along_and_disturbs_no_other(space: Space) -> None:
    doomed = f"{space.name}-doomed"[:60]
    space.plane.kubectl("create", "namespace", doomed)
    inside = Space(space.plane, doomed, space.operator)
    inside.apply(a_diamond("dag", 5))
    inside.until_task("dag", "prepare", "Running")
    space.plane.kubectl("delete", "namespace", doomed, "--wait=false")
    space.apply(a_diamond("other"))
    space.until("other", "Completed")
    gone = ("get", "namespace", doomed, "--ignore-not-found", "--output=name")
    assert wait_until(lambda: not space.plane.kubectl(*gone), 90.0, 1.0)
    assert space.operator.processes[-1].alive()


def test_energy_is_measured_and_without_prometheus_estimated_and_said(space: Space) -> None:
    prometheus = space.plane.prometheus(name="prometheus-operator")
    space.operator.processes[-1].stop()
    space.operator.start(
        PROMETHEUS_URL=prometheus.url, TELEMETRY_SECONDS="1", ENERGY_DELAY_SECONDS="3", ENERGY_GAP_SECONDS="5"
    )
    assert wait_until(lambda: bool(prometheus.query('DCGM_FI_DEV_POWER_USAGE{instance="v100-901"}')), 60.0, 0.5)
    hungry = template(8)
    hungry["template"]["metadata"]["annotations"]["sim.heterosched.io/watts"] = '{"*": 200}'
    runtime = {"nvidia-v100": 8}
    space.apply(a_job("measured").template(hungry).task("work").gpus(1, "nvidia-v100").runtime(runtime))
    space.until("measured", "TelemetryAvailable")
    space.until("measured", "Completed", seconds=90.0)
    outcome = space.status("measured")["outcome"]
    assert outcome["energySource"] == "measured", (outcome, space.operator.log())
    assert 1200 <= float(outcome["energyJoules"]) <= 2000
    prometheus.process.kill()
    space.apply(a_job("estimated").template(hungry).task("work").gpus(1, "nvidia-v100").runtime(runtime))
    space.until("estimated", "TelemetryAvailable", "False", "PrometheusUnavailable")
    space.until("estimated", "Completed", seconds=90.0)
    assert space.status("estimated")["outcome"]["energySource"] == "estimated"
    space.operator.processes[-1].stop()


def test_a_restarted_api_server_costs_nothing_but_time(space: Space) -> None:
    space.apply(a_diamond("dag", 4))
    space.until_task("dag", "prepare", "Running")
    space.plane.restart_apiserver(downtime_s=2.0)
    space.until("dag", "Completed", seconds=150.0)
    assert all(task.get("attempt", 0) == 0 for task in space.status("dag")["tasks"])
    assert space.operator.processes[-1].alive()


def test_crds_that_are_installed_after_the_operator_are_noticed(request: pytest.FixtureRequest) -> None:
    """On a cluster of its own. The full lists are far apart, so the second job must come by a watch."""
    with ControlPlane(f"e2e-late-{os.getpid()}", ROOT / "build" / "e2e", keep_logs=True) as plane:
        operator = Operator(plane)
        operator.start(RESYNC_SECONDS="600")
        assert wait_until(lambda: "CRDs are not installed" in operator.log(), 30.0, 0.2), operator.log()
        plane.apply(ROOT / "crds")
        plane.kubectl("create", "--filename=-", stdin=json.dumps(a_node(NODES[0])))
        with a_namespace(plane, request.node.name) as name:
            space = Space(plane, name, operator)
            for job in ("first", "second"):
                space.apply(a_job(job).template(template(0.5)).task("work").runtime({"cpu": 1}))
                space.until(job, "Completed", seconds=20.0)
        operator.processes[-1].stop()
