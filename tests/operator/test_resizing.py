"""Training that allows it is stopped when another size gains more than it costs, and goes on where it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from heterosched.api.status import TaskStatus
from heterosched.kube.objects import PodObject
from heterosched.model import Assignment, Demand, Option
from heterosched.planning.types import JobPlan, Restart, TaskProgress
from heterosched.units import format_time
from heterosched_operator.actions import DeleteJob
from heterosched_operator.advice import RESIZING_SECONDS, observe_all, planned, resizing
from heterosched_operator.progress import progress_of
from heterosched_operator.reconcile import reconcile
from heterosched_operator.stopping import stopped
from heterosched_operator.world import Rules, World
from manifests import a_job
from simulated import SimulatedCluster, nodes

RULES = Rules(launch_seconds=0.0, restart_seconds=30.0)


def a_training(allow: bool = True) -> SimulatedCluster:
    job = a_job("train").policy("Performance").task("t").gpus(1, "nvidia-t4").workers(1, 8)
    job.training({"nvidia-t4": 100}, globalBatch=64, iterations=4000, gradientBytes="1Mi", allowRestarts=allow)
    return SimulatedCluster(job.manifest(), nodes=nodes(t4=2, v100=0, cpu=0), rules=RULES)


def foreign(node: str) -> PodObject:
    raw: dict[str, Any] = {
        "metadata": {"name": "other", "namespace": "else", "uid": "other"},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "4"}}}],
        },
        "status": {"phase": "Running"},
    }
    return msgspec.convert(raw, PodObject)


def step(cluster: SimulatedCluster, *held: str) -> World:
    """One decision beside foreign pods on these nodes."""
    world = replace(cluster.world(), foreign=tuple(foreign(node) for node in held))
    observations, advices, _ = planned(world)
    cluster.obey(reconcile(observations["uid-job"], world, advices["uid-job"]).actions)
    return world


def running(cluster: SimulatedCluster) -> SimulatedCluster:
    """The training runs on the four GPUs that somebody else has left it."""
    for _ in range(2):
        step(cluster, "t4-1")
    cluster.control()
    for pod in cluster.pods.values():
        cluster.bind(pod)
    step(cluster, "t4-1")
    assert (cluster.task("t").state, len(cluster.task("t").workers)) == ("Running", 4)
    return cluster


def test_a_running_training_grows_into_what_others_leave() -> None:
    cluster = running(a_training())
    cluster.now += 320.0  # of 640 seconds
    step(cluster, "t4-1")
    assert cluster.task("t").reason == "PodsRunning"
    step(cluster)
    stopping = cluster.task("t")
    assert (stopping.state, stopping.reason, stopping.job_name != "") == ("Running", "Resized", True)
    assert stopping.message.startswith("resized from 4 to 8 workers (nvidia-t4): ")
    assert "sooner in sum, its restarts cost 30.0s; it goes on" in stopping.message.replace("cost 30s", "cost 30.0s")
    assert sorted(stopping.kept_nodes) == ["t4-0"] * 4 + ["t4-1"] * 4
    step(cluster)
    assert all("deletionTimestamp" in job["metadata"] for job in cluster.jobs.values())
    cluster.control()
    for _ in range(3):
        step(cluster)
    fresh = cluster.task("t")
    assert (fresh.state, fresh.attempt, len(fresh.workers)) == ("Created", 1, 8)
    assert (fresh.failures, fresh.free_retries, fresh.done_share) == (0, 0, "0.5")
    assert (fresh.kept_nodes, [worker.planned_node for worker in fresh.workers]) == ([], stopping.kept_nodes)
    assert 155.0 < float(fresh.planned.seconds) < 170.0
    told = [(event.type, event.reason) for event in cluster.events]
    assert told.count(("Normal", "Resized")) == 1
    assert {"TaskRetried", "TaskStopped"}.isdisjoint(reason for _, reason in told)


def test_the_planner_learns_what_was_planned_for_an_attempt_and_what_is_kept_for_the_next_one() -> None:
    cluster = running(a_training())
    planned_seconds = float(cluster.task("t").planned.seconds)
    own = progress(cluster)
    assert (own.state, own.seconds, own.kept) == ("Running", planned_seconds, ())
    cluster.now += 320.0
    step(cluster)
    own = progress(cluster)
    assert (own.state, len(own.kept), own.done) == ("Running", 8, 0.5)
    assert own.seconds == pytest.approx(planned_seconds / 4, rel=0.05)
    step(cluster)
    cluster.control()
    step(cluster, "t4-1")
    own = progress(cluster)
    assert (own.state, len(own.kept), own.done) == ("Waiting", 8, 0.5)
    assert own.seconds == pytest.approx(planned_seconds / 4, rel=0.05)


def progress(cluster: SimulatedCluster) -> TaskProgress:
    return progress_of(observe_all(cluster.world())[0]["uid-job"].sights["t"], RULES)


def test_without_leave_nothing_is_stopped() -> None:
    cluster = running(a_training(allow=False))
    for _ in range(2):
        step(cluster)
    assert cluster.task("t").reason == "PodsRunning"
    assert not any("deletionTimestamp" in job["metadata"] for job in cluster.jobs.values())


def test_a_failure_that_follows_counts_and_keeps_what_was_done() -> None:
    cluster = running(a_training())
    cluster.now += 320.0
    for _ in range(2):
        step(cluster)
    cluster.control()
    for _ in range(3):
        step(cluster)
    cluster.control()
    for pod in cluster.pods.values():
        cluster.bind(pod)
    step(cluster)
    cluster.end(next(iter(cluster.pods.values())), 3)
    cluster.control()
    for _ in range(2):
        step(cluster)
    failed = cluster.task("t")
    assert (failed.reason, failed.failures, failed.done_share) == ("BackOff", 1, "0.5")


def a_restart() -> Restart:
    option = Option("nvidia-t4", 10.0, Demand(1.0, 0.0, 1.0), 70.0, 8)
    return Restart(Assignment("t", option, ("t4-0",) * 8, 0.0, 10.0), 100.0, 30.0)


def test_shares_of_attempts_add_up_and_never_reach_the_whole() -> None:
    cluster = running(a_training())
    observation = observe_all(cluster.world())[0]["uid-job"]
    plan = JobPlan("jps", restarts={"t": a_restart()})

    def done(record: TaskStatus, after: float) -> str:
        world = replace(cluster.world(), now=cluster.now + after)
        return stopped(observation, {"t": record}, plan, world)["t"].done_share

    record = observation.records["t"]
    assert float(done(record, 64.0)) == 0.1
    assert float(done(replaced(record, "0.5"), 64.0)) == 0.55
    assert float(done(record, 9999.0)) == 0.99


def replaced(record: TaskStatus, share: str) -> TaskStatus:
    return msgspec.structs.replace(record, done_share=share)


def test_what_is_sized_together_waits_for_the_end_of_what_is_resized_but_not_for_ever() -> None:
    cluster = running(a_training())
    cluster.now += 320.0
    assert not resizing(observe_all(cluster.world())[0].values(), cluster.now)
    step(cluster)
    assert resizing(observe_all(cluster.world())[0].values(), cluster.now)
    (job,) = cluster.jobs.values()
    job["metadata"]["deletionTimestamp"] = format_time(cluster.now - RESIZING_SECONDS)
    assert not resizing(observe_all(cluster.world())[0].values(), cluster.now)


def test_a_stop_that_was_decided_is_carried_out_after_a_restart_of_the_operator() -> None:
    cluster = running(a_training())
    cluster.now += 320.0
    step(cluster)
    for job in cluster.jobs.values():
        job["metadata"].pop("deletionTimestamp", None)
    cluster.restart()
    assert [action for action in cluster.decide().actions if isinstance(action, DeleteJob)]
