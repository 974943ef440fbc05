"""A deadline that will be missed is foretold with what would be possible, and one that is missed is told once."""

from __future__ import annotations

from typing import Any

from heterosched.api.status import Condition, DeadlineStatus, HeteroJobStatus
from heterosched.planning.types import JobPlan, Point
from heterosched.telemetry.settings import TelemetrySettings
from heterosched_operator.actions import EmitEvent
from heterosched_operator.events import events_of
from heterosched_operator.executor import Executor
from heterosched_operator.measuring import Meter
from heterosched_operator.metrics import Metrics
from heterosched_operator.posting import Poster
from heterosched_operator.status import deadline_status
from heterosched_operator.store import Store
from heterosched_operator.world import Rules
from manifests import JobBuilder, a_job
from simulated import SimulatedCluster, nodes
from simulated_jobs import running, with_job


def a_late_one(**fields: Any) -> JobBuilder:
    job = a_job("late").deadline(within="50s").spec(**fields)
    return job.task("t").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 200, "nvidia-v100": 80})


def started(job: JobBuilder, **fields: Any) -> SimulatedCluster:
    return running(with_job(job, **fields))


def missed(cluster: SimulatedCluster) -> list[EmitEvent]:
    return [event for event in cluster.events if event.reason == "DeadlineMissed"]


def test_a_deadline_that_passes_is_told_once_by_condition_and_event() -> None:
    cluster = started(a_late_one())
    assert cluster.reason("DeadlineAtRisk") == ("True", "PredictedLate")
    cluster.now += 49.0
    cluster.operate(2)
    assert missed(cluster) == []
    wake = cluster.decide().wake_at
    assert wake is not None
    assert wake <= cluster.now + 1.0
    for _ in range(4):
        cluster.now += 5.0
        cluster.operate()
    assert cluster.reason("DeadlineAtRisk") == ("True", "DeadlineMissed")
    (event,) = missed(cluster)
    assert event.type == "Warning"
    assert event.message.endswith("has passed, 1 of 1 tasks unfinished")
    cluster.run()
    cluster.to_the_end()
    assert len(missed(cluster)) == 1
    assert cluster.reason("DeadlineAtRisk") == ("True", "DeadlineMissed")


def test_a_job_that_ended_in_time_misses_nothing_however_late_that_is_seen() -> None:
    cluster = started(a_job("j").deadline(within="50s").task("t").runtime({"cpu": 10}))
    cluster.now += 10.0
    for pod in cluster.pods.values():
        cluster.end(pod)
    cluster.control()
    cluster.now += 100.0
    cluster.operate(3)
    assert cluster.reason("Completed")[0] == "True"
    assert cluster.reason("DeadlineAtRisk") == ("False", "OnTime")
    assert missed(cluster) == []


def test_a_job_that_ended_too_late_while_nobody_looked_has_missed_it() -> None:
    cluster = started(a_job("j").deadline(within="50s").task("t").runtime({"cpu": 10}))
    cluster.now += 60.0
    for pod in cluster.pods.values():
        cluster.end(pod)
    cluster.control()
    cluster.operate(3)
    (event,) = missed(cluster)
    assert event.message.endswith("has passed, the last task ended later")


def test_a_job_that_is_not_accepted_misses_its_deadline_too() -> None:
    job = a_job("j").deadline(within="50s").policy("Unheard").task("t").runtime({"cpu": 10})
    cluster = SimulatedCluster(job.manifest())
    cluster.operate(2)
    assert cluster.reason("DeadlineAtRisk") == ("", "")
    cluster.now += 60.0
    cluster.operate(2)
    assert cluster.reason("Accepted") == ("False", "UnknownPolicy")
    assert len(missed(cluster)) == 1


def test_a_deadline_that_had_passed_when_it_was_given_is_refused_and_not_missed() -> None:
    job = a_job("j").deadline(at="2020-01-01T00:00:00Z").task("t").runtime({"cpu": 10})
    cluster = SimulatedCluster(job.manifest())
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("False", "DeadlinePassed")
    assert missed(cluster) == []


def test_a_deadline_that_becomes_infeasible_shows_in_the_verdict() -> None:
    job = a_job("j").deadline(within="100s").task("t").gpus(4, "nvidia-t4").runtime({"nvidia-t4": 30})
    cluster = SimulatedCluster(job.manifest(), nodes=nodes(t4=1, v100=0, cpu=0))
    cluster.operate(2)
    assert cluster.status.deadline.verdict == "Feasible"
    cluster.nodes = ()
    cluster.now += 90.0
    cluster.operate(4)
    assert cluster.status.deadline.verdict == "NeedsDevice"
    cluster.nodes = nodes(t4=1, v100=0, cpu=0)
    cluster.operate(4)
    assert cluster.status.deadline.verdict == "LateBy"


def test_verdict_and_choice_stand_in_the_planned_condition_and_outlive_the_start() -> None:
    cluster = SimulatedCluster(a_late_one(energyBudgetJoules="8k").manifest())
    cluster.operate(2)
    planned = cluster.status.condition("Planned")
    assert planned is not None
    told, _, cost = planned.message.partition("; the energy budget comes before time: ")
    assert told.endswith("OverBudget by 6000 J; possible: 80 s for 24000 J, 200 s for 14000 J")
    assert cost.startswith("this way takes 120 s longer than the fastest one; for that one raise")
    (event,) = (event for event in cluster.events if event.reason == "Planned")
    assert (event.type, event.message) == ("Warning", planned.message)
    assert cluster.status.deadline.message in planned.message
    cluster.control()
    for pod in cluster.pods.values():
        cluster.bind(pod)
    cluster.operate(2)
    assert cluster.status.deadline.message.endswith("; before the start possible: 80 s for 24000 J, 200 s for 14000 J")


def test_a_predicted_finish_that_has_passed_does_not_stay_once_nobody_can_tell() -> None:
    cluster = SimulatedCluster(a_job("j").task("t").runtime({"cpu": 10}).manifest(), nodes=nodes(cpu=1))
    cluster.operate(2)
    foretold = cluster.status.plan.finish
    cluster.nodes = ()
    cluster.operate(2)
    assert cluster.status.plan.finish == foretold
    cluster.now += 60.0
    cluster.operate(2)
    assert (cluster.status.plan.finish, cluster.status.plan.makespan_seconds) == ("", "10")


def test_what_was_possible_is_told_no_more_once_all_is_well() -> None:
    before = DeadlineStatus(verdict="LateBy", message="LateBy 5 s; possible: 1 s for 2 J")
    assert deadline_status(None, JobPlan("heft", verdict="Feasible"), before).message == "Feasible"
    late = JobPlan("heft", verdict="LateBy 7 s", frontier=(Point(3.0, 4.0),))
    assert deadline_status(None, late, before).message == "LateBy 7 s; possible: 3 s for 4 J"
    twice = DeadlineStatus(message="LateBy 5 s; before the start possible: 1 s for 2 J")
    kept = deadline_status(None, JobPlan("heft", verdict="LateBy 9 s"), twice).message
    assert kept == "LateBy 9 s; before the start possible: 1 s for 2 J"


def at_risk(reason: str) -> HeteroJobStatus:
    own = Condition(type="DeadlineAtRisk", status="True", reason=reason, message="m", last_transition_time="")
    return HeteroJobStatus(conditions=[own])


def test_a_predicted_delay_is_another_event_than_a_missed_deadline() -> None:
    foretold = events_of(HeteroJobStatus(), at_risk("PredictedLate"))
    assert [event.reason for event in foretold] == ["DeadlineAtRisk"]
    told = events_of(at_risk("PredictedLate"), at_risk("DeadlineMissed"))
    assert [event.reason for event in told] == ["DeadlineMissed"]
    assert events_of(at_risk("DeadlineMissed"), at_risk("DeadlineMissed")) == ()


async def test_missed_deadlines_are_counted() -> None:
    nowhere: Any = None
    metrics = Metrics()
    meter = Meter(TelemetrySettings(url=""), lambda *_: None, lambda _: None, delay=0, gap=1)
    store, poster = Store(nowhere, Rules(), lambda: None), Poster(nowhere, metrics, lambda: 0.0)
    executor = Executor(nowhere, store, poster, meter, metrics, 4)
    cluster = SimulatedCluster(a_late_one().manifest())
    for reason in ("DeadlineMissed", "Planned"):
        await executor.carry_out(cluster.job, [EmitEvent("Warning", reason, "m")])
    counted = metrics.registry.get_sample_value("heterosched_operator_deadlines_missed_total")
    assert counted == 1.0
