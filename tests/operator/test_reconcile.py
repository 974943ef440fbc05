"""From any state of a job and its children the right thing is done next, and the reason for waiting is always said."""

from __future__ import annotations

import msgspec
import pytest

from heterosched.api.status import HeteroJobStatus, wire_status
from heterosched.model.topology import Topology, Zone
from heterosched_operator.actions import CreateJob, MeasureEnergy, PatchStatus
from heterosched_operator.children import child_name
from heterosched_operator.world import Rules, TelemetryState
from manifests import a_fan, a_job
from simulated import START, SimulatedCluster, nodes
from simulated_jobs import a_chain, running, with_job


def test_an_attempt_is_persisted_before_its_job_is_created() -> None:
    cluster = a_chain()
    cluster.operate()
    actions = cluster.decide().actions
    assert isinstance(actions[0], PatchStatus)
    persisted = next(task for task in actions[0].status.tasks if task.name == "one")
    created = next(action for action in actions if isinstance(action, CreateJob))
    assert persisted.job_name == created.body["metadata"]["name"] == child_name(cluster.job, "one", 0)
    assert (persisted.state, persisted.planned.device, persisted.template_hash != "") == ("Created", "cpu", True)


def test_a_chain_runs_in_order_and_is_reported() -> None:
    cluster = a_chain()
    cluster.to_the_end()
    assert [task for task, _, _ in cluster.attempted] == ["one", "two"]
    assert cluster.reason("Completed") == ("True", "AllTasksSucceeded")
    status = cluster.status
    assert (status.progress, status.outcome.energy_source, status.outcome.against) == ("2/2", "estimated", "Fifo")
    assert (status.plan.makespan_seconds, status.plan.makespan) == ("20", "20.0s")
    assert {event.reason for event in cluster.events} >= {
        "Accepted",
        "Planned",
        "TaskReleased",
        "TaskSucceeded",
        "Completed",
    }


def test_once_it_has_settled_nothing_is_done() -> None:
    cluster = running(a_chain())
    cluster.operate()
    assert cluster.decide().actions == ()
    cluster.to_the_end()
    assert cluster.decide().actions == ()


def test_small_drift_of_the_plan_does_not_touch_the_status() -> None:
    cluster = running(a_chain())
    cluster.operate()
    cluster.now += 0.4
    assert cluster.decide().actions == ()


def test_measured_energy_is_waited_for_and_named() -> None:
    cluster = a_chain(telemetry=TelemetryState(True, True))
    cluster.to_the_end()
    assert cluster.reason("TelemetryAvailable") == ("True", "Fresh")
    assert (cluster.status.outcome.energy_joules, cluster.status.outcome.energy_source) == ("2000", "measured")


def test_waiting_always_has_a_reason() -> None:
    cluster = running(a_chain())
    assert (cluster.task("two").state, cluster.task("two").reason) == ("Waiting", "WaitingForDependency")
    assert "one" in cluster.task("two").message


def test_a_task_that_finds_the_nodes_taken_is_planned_later() -> None:
    job = a_job("wide")
    for number in range(3):
        job.task(f"t{number}").variant("cpu", resources={"requests": {"cpu": "16"}}).runtime({"cpu": 50})
    cluster = running(with_job(job, nodes=nodes(t4=0, v100=0, cpu=2)))
    states = sorted(task.reason for task in cluster.status.tasks)
    assert states == ["PodsRunning", "PodsRunning", "WaitingForDevice"]
    late = next(task for task in cluster.status.tasks if task.reason == "WaitingForDevice")
    assert late.planned.start > cluster.status.plan.start


def test_a_failed_attempt_is_tried_again_after_its_delay_under_a_new_number() -> None:
    cluster = running(a_chain())
    cluster.run(exit_code=3)
    cluster.operate(3)
    assert (cluster.task("one").failures, cluster.task("one").reason) == (1, "BackOff")
    assert len(cluster.attempted) == 1
    wake = cluster.decide().wake_at
    assert wake is not None
    assert 0 < wake - cluster.now <= 10
    cluster.now += 10
    cluster.operate()
    assert cluster.attempted[-1][:2] == ("one", 1)


def test_a_kubelets_refusal_is_free_but_bounded() -> None:
    cluster = a_chain(rules=Rules(launch_seconds=0.0, free_retries=2))
    for _ in range(12):
        cluster.operate(2)
        cluster.control()
        for pod in cluster.pods.values():
            if pod["status"]["phase"] == "Pending":
                cluster.reject(pod)
        cluster.control()
        cluster.now += 400
    one = cluster.task("one")
    assert (one.state, one.reason, one.failures, one.free_retries) == ("Failed", "DisruptedTooOften", 0, 3)
    assert cluster.task("two").state == "Skipped"
    assert cluster.reason("Failed") == ("True", "TaskFailed")


def test_a_failure_skips_what_depends_on_it_while_the_others_go_on() -> None:
    job = (
        a_job("half").retries(0).task("bad").runtime({"cpu": 1}).task("after").after("bad").task("last").after("after")
    )
    cluster = with_job(job.task("other").runtime({"cpu": 1}).task("more").after("other").runtime({"cpu": 1}))
    running(cluster).run(tasks=["bad"], exit_code=1)
    cluster.operate()
    assert cluster.reason("Failed") == ("False", "TaskFailed")
    cluster.to_the_end()
    states = {task.name: task.state for task in cluster.status.tasks}
    assert states == {"bad": "Failed", "after": "Skipped", "last": "Skipped", "other": "Succeeded", "more": "Succeeded"}
    assert cluster.reason("Failed") == ("True", "TaskFailed")
    assert cluster.status.outcome.verdict == ""


def test_suspending_stops_frees_and_resuming_starts_a_new_attempt() -> None:
    cluster = running(a_chain())
    cluster.edit(suspend=True)
    cluster.operate()
    assert cluster.task("one").reason == "Suspended"
    assert all("deletionTimestamp" in job["metadata"] for job in cluster.jobs.values())
    assert cluster.reason("Suspended") == ("False", "Suspending")
    cluster.edit(suspend=False)
    cluster.operate()
    assert len(cluster.attempted) == 1, "the old Job has not gone yet"
    cluster.control()
    cluster.operate(3)
    assert cluster.attempted[-1][:2] == ("one", 1)
    assert (cluster.task("one").failures, cluster.task("one").free_retries) == (0, 0)


def test_a_deadline_that_the_plan_misses_is_at_risk_from_the_start() -> None:
    cluster = running(with_job(a_job("j").deadline(within="5s").task("a").runtime({"cpu": 10})))
    assert cluster.reason("DeadlineAtRisk") == ("True", "PredictedLate")
    assert cluster.status.deadline.verdict == "LateBy"


def test_a_job_that_fits_no_node_waits_for_one() -> None:
    cluster = with_job(a_job("j").task("a").gpus(1, "nvidia-v100"), nodes=nodes(v100=0))
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("True", "Valid")
    assert cluster.reason("Planned") == ("False", "Unplaceable")
    assert cluster.task("a").reason == "Unplaceable"
    cluster.nodes = nodes()
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_without_estimates_no_figure_is_invented() -> None:
    cluster = running(with_job(a_job("j").task("a")))
    assert cluster.reason("Planned") == ("True", "EstimatesMissing")
    assert (cluster.status.plan.makespan_seconds, cluster.task("a").planned.seconds) == ("", "")
    cluster.to_the_end()
    assert (cluster.reason("Planned")[1], cluster.status.outcome.verdict) == ("EstimatesMissing", "")


def test_a_profile_that_does_not_exist_is_named_where_run_times_are_missing() -> None:
    cluster = running(with_job(a_job("j").task("a", work={"profile": "nosuch"})))
    told = "there is no ThroughputProfile nosuch in the job's namespace (spec.tasks[a].work.profile): correct the name"
    assert cluster.reason("Planned") == ("True", "EstimatesMissing")
    assert told in cluster.status.condition("Planned").message  # type: ignore[union-attr]
    assert told in cluster.status.condition("Accepted").message  # type: ignore[union-attr]


def test_an_attempt_whose_planned_node_left_is_planned_again() -> None:
    cluster = with_job(
        a_job("j").task("a").gpus(1, "nvidia-v100", "nvidia-t4").runtime({"nvidia-v100": 1, "nvidia-t4": 50})
    )
    cluster.operate(2)
    cluster.control()
    assert cluster.task("a").planned.node.startswith("v100")
    cluster.nodes = nodes(v100=0)
    cluster.now += 6
    cluster.operate()
    assert cluster.task("a").reason == "PlannedNodesGone"
    cluster.control()
    cluster.operate(2)
    cluster.now += 20
    cluster.operate()
    assert (cluster.task("a").attempt, cluster.task("a").planned.device) == (1, "nvidia-t4")


def test_a_job_that_somebody_deleted_is_made_anew_for_free() -> None:
    cluster = running(a_chain())
    cluster.jobs.clear()
    cluster.pods.clear()
    cluster.operate(2)
    assert (cluster.task("one").free_retries, cluster.task("one").reason) == (1, "BackOff")


def test_a_lost_status_is_rebuilt_from_the_children() -> None:
    cluster = running(a_chain())
    cluster.manifest["status"] = {}
    cluster.operate(2)
    assert (cluster.task("one").state, cluster.task("one").attempt) == ("Running", 0)
    cluster.to_the_end()
    assert [task for task, _, _ in cluster.attempted] == ["one", "two"]


def test_the_active_deadline_stops_everything() -> None:
    cluster = with_job(a_job("j").spec(activeDeadlineSeconds=5).task("a").runtime({"cpu": 9}).task("b").after("a"))
    running(cluster).now += 6
    cluster.operate()
    cluster.control()
    cluster.operate(3)
    assert {task.name: task.state for task in cluster.status.tasks} == {"a": "Failed", "b": "Skipped"}
    assert cluster.reason("Failed") == ("True", "ActiveDeadlineExceeded")


def test_a_finished_job_is_deleted_after_its_time_to_live() -> None:
    cluster = with_job(a_job("j").spec(ttlAfterFinished="1h").task("a").runtime({"cpu": 1}))
    cluster.to_the_end()
    wake = cluster.decide().wake_at
    assert wake is not None
    cluster.operate()
    assert not cluster.deleted
    cluster.now = wake
    cluster.operate()
    assert cluster.deleted


def test_measured_energy_survives_a_restart_between_the_end_and_the_measurement() -> None:
    cluster = running(with_job(a_job("j").task("a").runtime({"cpu": 1}), telemetry=TelemetryState(True, True)))
    cluster.run()
    decision = cluster.decide()
    cluster.obey(action for action in decision.actions if not isinstance(action, MeasureEnergy))
    assert (cluster.task("a").state, cluster.task("a").energy_source) == ("Succeeded", "")
    cluster.restart()
    cluster.operate(2)
    assert (cluster.task("a").energy_joules, cluster.task("a").energy_source) == ("1000", "measured")


def test_required_numa_alignment_waits_visibly_until_a_node_tells_its_topology() -> None:
    job = a_job("j").task("a", devices={"numa": "Required"}).gpus(1, "nvidia-t4").runtime({"nvidia-t4": 1})
    cluster = with_job(job)
    cluster.operate(4)
    assert cluster.reason("Planned") == ("False", "Unplaceable")
    told = "spec.tasks[a].devices.numa is Required, and nodes cannot hold to it: NUMA alignment is required and the "
    assert f"{told}node's topology is not known (t4-0, t4-1)" in cluster.task("a").message
    assert cluster.jobs == {}
    zone = Zone("node-0", {"nvidia.com/gpu": 4.0}, {})
    cluster.topologies = {"t4-1": Topology("t4-1", (zone,), "single-numa-node")}
    cluster.operate(4)
    assert cluster.reason("Planned") == ("True", "PlanFound")
    assert [worker.planned_node for worker in cluster.task("a").workers] == ["t4-1"]
    assert len(cluster.jobs) == 1


@pytest.mark.slow
def test_a_wide_job_stays_below_200_kilobytes() -> None:
    manifest = a_fan()
    cluster = SimulatedCluster(manifest)
    sizes = []
    for _ in range(8):
        cluster.operate()
        cluster.control()
        cluster.run()
        sizes.append(len(msgspec.json.encode(cluster.manifest)))
    assert max(sizes) < 200_000, sizes
    assert len(cluster.status.tasks) == 150


def test_the_status_keeps_to_its_types() -> None:
    cluster = a_chain()
    cluster.to_the_end()
    assert cluster.now > START
    encoded = wire_status(cluster.status)
    assert msgspec.convert(encoded, HeteroJobStatus) == cluster.status
    assert not [value for task in encoded["tasks"] for value in task.values() if isinstance(value, float)]
