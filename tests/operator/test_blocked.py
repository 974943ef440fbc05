"""What keeps a job from its children or its pods is a condition that says so, asks again, and goes when it is over."""

from __future__ import annotations

from heterosched_operator.actions import AskWhyNoPods, CreateJob
from manifests import a_job
from simulated_jobs import a_chain, with_job


def test_a_name_that_is_taken_blocks_the_job_visibly() -> None:
    cluster = a_chain()
    cluster.operate()
    decision = cluster.decide()
    cluster.obey(action for action in decision.actions if not isinstance(action, CreateJob))
    cluster.troubles["uid-job", "one", 0] = "Job chain-one-0 exists and belongs to somebody else"
    cluster.operate()
    assert cluster.reason("Blocked") == ("True", "JobsNotCreated")
    cluster.troubles.clear()
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_a_job_that_makes_no_pods_blocks_visibly_until_it_does() -> None:
    cluster = with_job(a_job("j").task("a").runtime({"cpu": 1}))
    cluster.operate(3)
    assert cluster.task("a").reason == "JobPersisted"
    wake = cluster.decide().wake_at
    assert wake is not None
    assert wake - cluster.now <= 15
    cluster.now += 15
    cluster.operate(2)
    stuck = cluster.task("a")
    assert (stuck.reason, stuck.message) == ("PodsNotCreated", f"Job {stuck.job_name} lacks pods: exceeded quota")
    assert cluster.reason("Blocked") == ("True", "PodsNotCreated")
    assert cluster.decide().actions == (), "it is asked once a minute"
    assert [event.reason for event in cluster.events].count("Blocked") == 1
    assert "TaskStopped" not in {event.reason for event in cluster.events}
    cluster.control()
    cluster.operate()
    assert cluster.reason("Blocked") == ("False", "NotBlocked")
    assert cluster.task("a").reason == "JobPersisted"
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_the_reason_for_missing_pods_is_looked_up_again() -> None:
    cluster = with_job(a_job("j").task("a").runtime({"cpu": 1}))
    cluster.operate(3)
    cluster.now += 15
    cluster.operate(2)
    wake = cluster.decide().wake_at
    assert wake == cluster.now + 60
    cluster.now = wake
    assert [action for action in cluster.decide().actions if isinstance(action, AskWhyNoPods)]
