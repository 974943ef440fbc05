"""Whatever is killed or hung while HeteroJobs run: they complete, on allowed devices alone, each task exactly once."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from itertools import count
from signal import SIGCONT, SIGSTOP
from typing import Any

from manifests import JobBuilder, a_job, a_policy
from processes import wait_until
from spaces import Space, a_pod, lasting
from stack import Stack

NODES = ("t4-0", "t4-1", "v100-0", "v100-1", "cpu-0", "cpu-1")
ALLOWED = {"v100-0", "v100-1"}
WITHOUT_ADVICE = 'heterosched_extender_pods_bound_total{how="without_advice"}'
MEMORY_S = 4
"""Age in seconds at which a sample is too old for the policy `forgetful`."""


def parts(name: str, number: int, seconds: float = 1.0) -> JobBuilder:
    """A job of equal tasks that do not wait for each other and may run on a V100 only."""
    job = a_job(name).template(lasting(seconds))
    for index in range(number):
        job.task(f"part-{index:02d}").gpus(1, "nvidia-v100").runtime({"nvidia-v100": seconds})
    return job


def assert_each_task_ran_once(space: Space, job: str, tasks: int) -> None:
    """One Job, one attempt and one pod for each task, counting the pods that are gone by now."""
    children = space.get("jobs", f"heterosched.io/job={job}")
    assert len({child["metadata"]["labels"]["heterosched.io/task"] for child in children}) == len(children) == tasks
    assert {(child["status"].get("succeeded"), child["status"].get("failed", 0)) for child in children} == {(1, 0)}
    pods = space.pods(job)
    assert len({pod["metadata"]["labels"]["heterosched.io/task"] for pod in pods}) == len(pods) == tasks
    assert {pod["status"]["phase"] for pod in pods} == {"Succeeded"}
    assert {task.get("attempt", 0) for task in space.tasks(job).values()} == {0}
    created = {event["message"] for event in space.get("events") if event["reason"] == "SuccessfulCreate"}
    assert created <= {f"Created pod: {pod['metadata']['name']}" for pod in pods}


def assert_advised(stack: Stack, space: Space, job: str) -> None:
    """Every pod is where the extender wanted it, on an allowed node."""
    for pod in space.pods(job):
        decision = stack.decision(space.name, pod["metadata"]["name"])
        assert decision is not None
        assert decision["best"]["node"] == decision["bound"] == pod["spec"]["nodeName"]
        assert decision["bound"] in ALLOWED


def with_all_pending(stack: Stack, space: Space, job: JobBuilder) -> None:
    """Apply a job and stop the scheduler before it can place one of its pods; they all wait then."""
    stack.scheduler.send_signal(SIGSTOP)
    manifest = job.manifest()
    space.apply(manifest)
    expected = len(manifest["spec"]["tasks"])
    assert wait_until(lambda: len(space.pods(manifest["metadata"]["name"])) == expected, 60.0, 0.3)
    assert not space.places()


def terms_of_a_fresh_pod(stack: Stack, space: Space, name: str) -> dict[str, dict[str, Any]]:
    """The terms of the best node's score for a GPU pod that the scheduler places now."""
    space.apply(a_pod(name, gpus=1, device="t4", policy="forgetful"))
    space.until_bound(name)
    decision = stack.decision(space.name, name)
    assert decision is not None
    return {term["term"]: term for term in decision["best"]["terms"]}


def why(stack: Stack, space: Space, pod: str) -> str:
    """What a user is told of a placement."""
    command = [sys.executable, "-m", "heterosched_cli", "why", f"{space.name}/{pod}", "--extender", stack.decisions_url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_without_prometheus_terms_are_absent_and_pods_bind_until_it_is_back(stack: Stack, space: Space) -> None:
    names = count()

    def seen() -> dict[str, dict[str, Any]]:
        return terms_of_a_fresh_pod(stack, space, f"probe-{next(names)}")

    ours = [(process.name, process.pid) for process in (stack.operator, stack.extender, stack.scheduler)]
    space.apply(
        a_policy("forgetful", weights={"load": 40, "thermal": 40, "fit": 20}, telemetry={"maxAgeSeconds": MEMORY_S})
    )
    space.apply(a_job("long").template(lasting(600)).task("main").cpus(1).runtime({"cpu": 600}))
    space.until("long", "TelemetryAvailable")
    assert wait_until(lambda: seen()["thermal"]["value"] == 1.0, 60.0, 0.5)

    stack.prometheus.process.kill()
    assert space.until("long", "TelemetryAvailable", "False")["reason"] == "PrometheusUnavailable"
    assert wait_until(lambda: seen()["thermal"]["value"] is None, 60.0, 0.5)
    for term in ("thermal", "load"):
        told = seen()[term]
        assert f"no sample younger than {MEMORY_S} s" in told["absent"]
        assert (told["value"], told["weight"]) == (None, 0.0)
    told_by_cli = " ".join(why(stack, space, f"probe-{next(names) - 1}").split())
    for term in ("thermal", "load"):
        assert re.search(rf"\b{term} absent: stale: [^;]+ s old; no sample younger than {MEMORY_S} s", told_by_cli)
    space.apply(parts("blind", 2).policy("forgetful"))
    space.until_completed("blind")
    assert space.condition("blind", "TelemetryAvailable")["status"] == "False"

    stack.prometheus.process.start()
    stack.prometheus.wait_ready()
    assert space.until("long", "TelemetryAvailable")["reason"] == "Fresh"
    assert wait_until(lambda: seen()["thermal"]["value"] == 1.0, 60.0, 0.5)
    assert [(process.name, process.pid) for process in (stack.operator, stack.extender, stack.scheduler)] == ours
    stack.check()


def test_pods_that_wait_while_the_extender_dies_bind_where_they_may_and_are_counted(stack: Stack, space: Space) -> None:
    with_all_pending(stack, space, parts("orphans", 6))
    stack.extender.kill()
    time.sleep(3)  # its last sign of life and the bindings to come are dated in whole seconds
    stack.scheduler.send_signal(SIGCONT)
    pods = [pod["metadata"]["name"] for pod in space.pods("orphans")]
    assert set(space.until_bound(*pods).values()) <= ALLOWED
    stack.recover()
    assert stack.metric(WITHOUT_ADVICE) == 6.0
    space.until_completed("orphans")
    assert_each_task_ran_once(space, "orphans", 6)
    assert stack.metric(WITHOUT_ADVICE) == 6.0


def test_an_extender_that_is_back_within_seconds_advises_the_pods_that_still_wait(stack: Stack, space: Space) -> None:
    with_all_pending(stack, space, parts("patient", 3))
    stack.extender.kill()
    stack.recover()
    space.until_completed("patient")
    assert_advised(stack, space, "patient")
    assert stack.metric(WITHOUT_ADVICE) == 0.0
    assert_each_task_ran_once(space, "patient", 3)


def test_while_the_extender_hangs_jobs_complete_where_they_may(stack: Stack, space: Space) -> None:
    stack.extender.send_signal(SIGSTOP)
    space.apply(parts("deaf", 3))
    space.until_completed("deaf", seconds=120.0)
    stack.extender.send_signal(SIGCONT)
    assert_each_task_ran_once(space, "deaf", 3)
    assert set(space.places().values()) <= ALLOWED
    space.apply(parts("heard", 2))
    space.until_completed("heard")
    assert_advised(stack, space, "heard")


def test_jobs_outlive_a_restart_of_the_api_server(stack: Stack, space: Space) -> None:
    job = parts("through", 18, 2.0)
    job.task("join").after(*(f"part-{index:02d}" for index in range(18))).cpus(1).runtime({"cpu": 1})
    space.apply(job.task("last").after("join").cpus(1).runtime({"cpu": 1}))
    assert wait_until(lambda: space.phases("through", "Running") >= 4, 60.0, 0.1)
    stack.plane.restart_apiserver(downtime_s=3.0)
    space.until_completed("through", seconds=180.0)
    assert_each_task_ran_once(space, "through", 20)
    stack.check()


def test_what_ends_while_the_operator_is_dead_is_not_run_again(stack: Stack, space: Space) -> None:
    job = a_job("unseen").template(lasting(2, "quick")).template(lasting(9, "slow"))
    for index, kind in enumerate(["quick", "slow"] * 4):
        job.task(f"part-{index}").of(kind).gpus(1, "nvidia-v100").runtime({"nvidia-v100": 4})
        job.task(f"next-{index}").of("quick").after(f"part-{index}").cpus(1).runtime({"cpu": 2})
    space.apply(job)
    assert wait_until(lambda: space.counted("unseen", "Succeeded") >= 1, 60.0, 0.1)
    stack.operator.kill()
    known = space.counted("unseen", "Succeeded")
    assert wait_until(lambda: space.phases("unseen", "Running") == 0, 60.0, 0.2)
    assert space.phases("unseen", "Succeeded") > known, "it was killed too late to show anything"
    stack.recover()
    space.until_completed("unseen")
    assert_each_task_ran_once(space, "unseen", 16)


def test_other_pods_do_not_notice_that_our_stack_is_down_and_ours_wait_for_it(stack: Stack, space: Space) -> None:
    for process in stack.processes:
        process.stop()
    space.apply(a_pod("ours"), parts("later", 2))
    names = [f"ordinary-{number}" for number in range(4)]
    space.apply(*(a_pod(name, scheduler="default-scheduler") for name in names))
    space.until_bound(*names)
    assert space.places().keys() == set(names)
    stack.recover()
    space.until_bound("ours")
    space.until_completed("later")
    assert_each_task_ran_once(space, "later", 2)
