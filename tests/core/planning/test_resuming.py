"""A training that is stopped to be resized gets the nodes that it was stopped for, whoever else waits for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusters import a_cluster
from heterosched.model import Cluster, Demand, Reservation
from heterosched.planning.due import due
from heterosched.planning.types import JobPlan, JobState, Restart, TaskProgress
from manifests import a_job
from planned import NOW, a_state, a_training, nodes, planned, start

CLUSTER = a_cluster(t4=2, gpus=2)
RUNS = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0", "t4-0"), 2, NOW - 10)


def training(own: TaskProgress, **fields: object) -> JobState:
    job = a_training("a", 2, 4, "nvidia-t4", **{"iterations": 10_000, "allowRestarts": True, **fields})
    return a_state(job, {"t": own}, age=100.0)


def rival(workers: int = 3, age: float = 600.0, namespace: str = "b") -> JobState:
    """A gang of another namespace that would take what a stop frees."""
    job = a_job("rival").task("t").gpus(1, "nvidia-t4").workers(workers, workers, gang=True)
    return a_state(job.runtime({"nvidia-t4": 3000}), age=age, namespace=namespace)


def restart_of(found: dict[str, JobPlan]) -> Restart:
    return found["a"].restarts["t"]


def stopping(restart: Restart) -> TaskProgress:
    return replace(RUNS, done=0.02, seconds=restart.assignment.option.seconds, kept=restart.assignment.nodes)


def stopped(restart: Restart) -> TaskProgress:
    own = restart.assignment
    return TaskProgress(variant="nvidia-t4", done=0.02, seconds=own.option.seconds, kept=own.nodes)


def test_the_plan_after_the_stop_gives_it_what_the_plan_before_promised() -> None:
    first = planned(training(RUNS), rival(), cluster=CLUSTER, may_restart=True)
    restart = restart_of(first)
    assert len(restart.assignment.nodes) == 4
    during = planned(training(stopping(restart)), rival(), cluster=CLUSTER, may_restart=True, previous=first)
    assert during["a"].restarts == {}
    assert start(during["rival"]) >= during["a"].schedule.assignments["t"].finish - NOW
    after = planned(training(stopped(restart)), rival(), cluster=CLUSTER, may_restart=True, previous=during)
    assert (start(after["a"]), nodes(after["a"])) == (0.0, restart.assignment.nodes)
    assert due(after["a"], {"t": stopped(restart)}, NOW) == ("t",)
    assert after["a"].schedule.assignments["t"].option.seconds == restart.assignment.option.seconds
    assert start(after["rival"]) > 0.0


def test_in_the_plan_that_proposes_it_nobody_else_starts_there_either() -> None:
    younger = rival(2, age=10.0, namespace="ns")
    found = planned(training(RUNS), younger, cluster=CLUSTER, may_restart=True)
    assert restart_of(found).assignment.nodes.count("t4-1") == 2
    assert start(planned(training(RUNS), younger, cluster=CLUSTER)["rival"]) == 0.0
    assert start(found["rival"]) > 0.0


def test_while_the_old_attempt_ends_the_new_one_is_not_due() -> None:
    restart = restart_of(planned(training(RUNS), cluster=CLUSTER, may_restart=True))
    during = planned(training(stopping(restart)), cluster=CLUSTER, may_restart=True)["a"]
    assert start(during) > 0.0
    assert nodes(during) == restart.assignment.nodes


def test_what_it_is_to_get_from_another_one_that_is_stopped_is_waited_for() -> None:
    leaves = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-1", "t4-1"), 2, NOW - 10, kept=("t4-1",))
    other = a_state(a_training("b", 1, 4, "nvidia-t4", allowRestarts=True), {"t": leaves})
    own = TaskProgress(variant="nvidia-t4", kept=("t4-0", "t4-0", "t4-1"))
    found = planned(training(own), other, cluster=CLUSTER, may_restart=True)
    assert nodes(found["a"]) == ("t4-0", "t4-0", "t4-1")
    assert 0.0 < start(found["a"]) < 60.0
    assert nodes(found["b"]) == ("t4-1",)


def test_workers_of_several_types_go_on_with_their_shares_of_the_batch() -> None:
    own = TaskProgress(variant="nvidia-t4,nvidia-v100", kept=("t4-0", "v100-0"))
    job = a_training("a", 2, 4, globalBatch=60)
    found = planned(a_state(job, {"t": own}), cluster=a_cluster(t4=1, v100=1))["a"]
    assert nodes(found) == ("t4-0", "v100-0")
    assert found.shares["t"] == (20, 40)


TAKEN = a_cluster(Reservation("t4-1", Demand(gpus=1), NOW - 5, NOW + 900), t4=2)


@pytest.mark.parametrize(
    ("cluster", "most", "workers"),
    [(a_cluster(t4=1), 4, 2), (TAKEN, 4, 3), (CLUSTER, 3, 3), (CLUSTER, 4, 4)],
    ids=["gone", "taken", "edited", "still there"],
)
def test_nodes_that_do_not_do_any_more_are_not_kept(cluster: Cluster, most: int, workers: int) -> None:
    own = TaskProgress(variant="nvidia-t4", kept=("t4-0", "t4-0", "t4-1", "t4-1"))
    found = planned(a_state(a_training("a", 2, most, "nvidia-t4"), {"t": own}), cluster=cluster)["a"]
    assert (start(found), len(nodes(found))) == (0.0, workers)


def test_a_suspended_training_keeps_nothing_from_others() -> None:
    own = TaskProgress(variant="nvidia-t4", kept=("t4-0", "t4-0", "t4-1", "t4-1"))
    suspended = a_state(a_training("a", 2, 4, "nvidia-t4").suspended(), {"t": own})
    assert start(planned(suspended, rival(), cluster=CLUSTER)["rival"]) == 0.0
