"""Whatever goes away under the operator, or the operator itself, nothing is lost and nothing runs twice."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from cluster import ControlPlane
from manifests import a_job
from operated import NODES, OperatedSpace, Operator, a_diamond, shortly
from processes import Process, wait_until
from spaces import a_fake_node, a_namespace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def space(operator: Operator, namespace: str) -> OperatedSpace:
    """A namespace of this test's own, and an operator that lives, whatever the test before it has done to it."""
    return operator.space(namespace)


def seen(watch: Process) -> dict[str, tuple[str, int]]:
    """(task, attempt) of each UID in a watch's log."""
    rows = [line.split() for line in watch.output().splitlines()]
    return {row[0]: (row[1], int(row[2])) for row in rows if len(row) == 3 and row[2].isdecimal()}


def test_a_gang_that_does_not_bind_is_taken_back_and_planned_again(space: OperatedSpace) -> None:
    """The API server takes the pods, but no node has the label that they select: the second member never binds."""
    pods = shortly(
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


def test_a_child_that_somebody_deletes_is_made_anew_for_free(space: OperatedSpace) -> None:
    space.apply(a_job("lost").template(shortly(3)).task("work").runtime({"cpu": 3}))
    space.until_task("lost", "work", "Running")
    space.plane.kubectl("delete", "job", space.get("jobs")[0]["metadata"]["name"], f"--namespace={space.name}")
    space.until("lost", "Completed")
    assert space.task("lost", "work")["freeRetries"] == 1


def evict(space: OperatedSpace, pod: str) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": space.name}}
    path = f"/api/v1/namespaces/{space.name}/pods/{pod}/eviction"
    space.plane.kubectl("create", f"--raw={path}", "--filename=-", stdin=json.dumps(eviction))


def test_a_drained_worker_is_replaced_within_its_attempt(space: OperatedSpace) -> None:
    space.apply(a_job("drain").template(shortly(4)).task("work").runtime({"cpu": 4}))
    space.until_task("drain", "work", "Running")
    evict(space, space.get("pods")[0]["metadata"]["name"])
    space.until("drain", "Completed")
    done = space.task("drain", "work")
    assert "failures" not in done
    assert done.get("attempt", 0) <= 1


def test_a_gang_survives_the_drain_of_a_member_long_after_its_release(space: OperatedSpace) -> None:
    space.apply(a_job("crew").template(shortly(7)).task("work").workers(2, 2, gang=True).runtime({"cpu": 7}))
    space.until_task("crew", "work", "Running")
    time.sleep(3.0)  # longer than the time within which a released gang must be bound
    evict(space, space.get("pods")[0]["metadata"]["name"])
    space.until("crew", "Completed")
    stopped = space.events("TaskStopped") + space.events("TaskRetried")
    assert space.task("crew", "work").get("attempt", 0) == 0, stopped
    assert len(space.get("jobs")) == 1


def test_a_node_that_vanishes_between_plan_and_bind_is_planned_around(space: OperatedSpace) -> None:
    """The pods are held by a gate of somebody else's; meanwhile the planned node leaves the cluster."""
    space.plane.kubectl("create", "--filename=-", stdin=json.dumps(a_fake_node("p100-901")))
    space.plane.kubectl("wait", "--for=condition=Ready", "node/p100-901", "--timeout=60s")
    gated = shortly(0.5, schedulingGates=[{"name": "example.com/hold"}])
    job = a_job("vanish").template(gated).task("work").gpus(1, "nvidia-p100", "nvidia-t4")
    space.apply(job.runtime({"nvidia-p100": 1, "nvidia-t4": 60}))
    first = space.until_task("vanish", "work", "Created")
    assert first["planned"]["node"] == "p100-901"
    space.plane.kubectl("delete", "node", "p100-901")

    def again() -> bool:
        own = space.task("vanish", "work")
        return own.get("attempt", 0) == 1 and str(own["planned"]["node"]).startswith("t4-")

    assert wait_until(again, 60.0, 0.3), (space.status("vanish"), space.operator.log())


def test_a_killed_operator_loses_nothing_and_runs_nothing_twice(space: OperatedSpace) -> None:
    """SIGKILL in the middle of releasing 50 tasks, and again while tasks finish."""
    operator = space.operator
    operator.stop()
    operator.start(CONCURRENCY="1")
    jobs, pods = space.watch("jobs"), space.watch("pods")
    wide = a_job("wide").template(shortly(2)).task("start").runtime({"cpu": 1})
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


def _succeeded(space: OperatedSpace, job: str, prefix: str) -> int:
    tasks = space.status(job).get("tasks", [])
    return sum(1 for task in tasks if task["name"].startswith(prefix) and task["state"] == "Succeeded")


def test_two_hundred_jobs_at_once_all_complete(space: OperatedSpace) -> None:
    items = []
    for number in range(200):
        job = a_job(f"many-{number:03d}").template(shortly(0.5)).task("work").runtime({"cpu": 1})
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


def test_a_deleted_namespace_takes_its_jobs_along_and_disturbs_no_other(space: OperatedSpace) -> None:
    doomed = f"{space.name}-doomed"[:60]
    space.plane.kubectl("create", "namespace", doomed)
    inside = space.operator.space(doomed)
    inside.apply(a_diamond("dag", 5))
    inside.until_task("dag", "prepare", "Running")
    space.plane.kubectl("delete", "namespace", doomed, "--wait=false")
    space.apply(a_diamond("other"))
    space.until("other", "Completed")
    gone = ("get", "namespace", doomed, "--ignore-not-found", "--output=name")
    assert wait_until(lambda: not space.plane.kubectl(*gone), 90.0, 1.0)
    assert space.operator.alive()


def test_a_restarted_api_server_costs_nothing_but_time(space: OperatedSpace) -> None:
    space.apply(a_diamond("dag", 4))
    space.until_task("dag", "prepare", "Running")
    space.plane.restart_apiserver(downtime_s=2.0)
    space.until("dag", "Completed", seconds=150.0)
    assert all(task.get("attempt", 0) == 0 for task in space.status("dag")["tasks"])
    assert space.operator.alive()


def test_crds_that_are_installed_after_the_operator_are_noticed(request: pytest.FixtureRequest) -> None:
    """On a cluster of its own. The full lists are far apart, so the second job must come by a watch."""
    with ControlPlane(f"e2e-late-{os.getpid()}", ROOT / "build" / "e2e", keep_logs=True) as plane:
        operator = Operator(plane)
        operator.start(RESYNC_SECONDS="600")
        assert wait_until(lambda: "CRDs are not installed" in operator.log(), 30.0, 0.2), operator.log()
        plane.apply(ROOT / "crds")
        plane.kubectl("create", "--filename=-", stdin=json.dumps(a_fake_node(NODES[0])))
        with a_namespace(plane, request.node.name) as name:
            space = OperatedSpace(plane, name, operator)
            for job in ("first", "second"):
                space.apply(a_job(job).template(shortly(0.5)).task("work").runtime({"cpu": 1}))
                space.until(job, "Completed", seconds=20.0)
        operator.stop()
