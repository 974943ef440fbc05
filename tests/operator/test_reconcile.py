"""From any state of a job and its children the right thing is done next, and the reason for waiting is always said."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest

from heterosched.api.status import HeteroJobStatus, wire_status
from heterosched.model.topology import Topology, Zone
from heterosched_operator.actions import AskWhyNoPods, CreateJob, MeasureEnergy, PatchStatus, ReleaseGang
from heterosched_operator.advice import planned
from heterosched_operator.children import child_name
from heterosched_operator.progress import progress_of
from heterosched_operator.world import Rules, TelemetryState
from manifests import JobBuilder, a_fan, a_job, a_template
from simulated import START, SimulatedCluster, nodes


def a_cluster(job: JobBuilder, **fields: Any) -> SimulatedCluster:
    return SimulatedCluster(job.manifest(), **fields)


def a_chain(**fields: Any) -> SimulatedCluster:
    job = a_job("chain").task("one").runtime({"cpu": 10}).task("two").after("one").runtime({"cpu": 10})
    return a_cluster(job, **fields)


def running(cluster: SimulatedCluster) -> SimulatedCluster:
    """The cluster after its first tasks have been released and bound."""
    cluster.operate(2)
    cluster.control()
    for pod in cluster.pods.values():
        cluster.bind(pod)
    cluster.operate()
    return cluster


def test_an_attempt_is_persisted_before_its_job_is_created() -> None:
    cluster = a_chain()
    cluster.operate()
    actions = cluster.decide().actions
    assert isinstance(actions[0], PatchStatus)
    persisted = next(task for task in actions[0].status.tasks if task.name == "one")
    created = next(action for action in actions if isinstance(action, CreateJob))
    assert persisted.job_name == created.body["metadata"]["name"] == child_name(cluster.job, "one", 0)
    assert (persisted.state, persisted.planned.device, persisted.template_hash != "") == ("Created", "cpu", True)


def test_nothing_is_created_before_the_templates_have_been_tried() -> None:
    cluster = a_chain()
    assert not [action for action in cluster.decide().actions if isinstance(action, CreateJob)]
    cluster.operate()
    assert cluster.reason("Accepted") == ("Unknown", "CheckingTemplates")
    cluster.operate()
    assert cluster.reason("Accepted") == ("True", "Valid")


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
    cluster = running(a_cluster(job, nodes=nodes(t4=0, v100=0, cpu=2)))
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
    cluster = a_cluster(job.task("other").runtime({"cpu": 1}).task("more").after("other").runtime({"cpu": 1}))
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


def test_an_edit_of_a_started_task_holds_everything_back_until_it_is_undone() -> None:
    cluster = running(a_chain())
    before = copy.deepcopy(cluster.manifest["spec"]["templates"])
    after = copy.deepcopy(before)
    after[0]["template"]["spec"]["containers"][0]["image"] = "other"
    cluster.edit(templates=after)
    cluster.operate()
    assert cluster.reason("Accepted") == ("False", "StartedTaskChanged")
    cluster.run()
    cluster.operate(3)
    assert [task for task, _, _ in cluster.attempted] == ["one"]
    cluster.edit(templates=before)
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_removing_a_started_task_is_refused_and_one_that_waits_may_go() -> None:
    cluster = running(a_chain())
    tasks = cluster.manifest["spec"]["tasks"]
    cluster.edit(tasks=[{**tasks[1], "dependsOn": []}])
    cluster.operate()
    assert cluster.reason("Accepted") == ("False", "StartedTaskChanged")
    assert "removed" in cluster.status.condition("Accepted").message  # type: ignore[union-attr]
    cluster.edit(tasks=[tasks[0]])
    cluster.to_the_end()
    assert cluster.status.progress == "1/1"


@pytest.mark.parametrize(
    ("job", "reason", "culprit"),
    [
        (a_job("j").task("a").after("b").task("b").after("a"), "DependencyCycle", "a -> b"),
        (a_job("j").task("a").after("nobody"), "UnknownDependency", "nobody"),
        (a_job("j").policy("Greenest").task("a"), "UnknownPolicy", "Greenest"),
        (a_job("j").strategy("magic").task("a"), "UnknownStrategy", "magic"),
        (a_job("j").deadline(at="2001-01-01T00:00:00Z").task("a"), "DeadlinePassed", "spec.deadline"),
        (a_job("j").template(a_template("x")).task("a").of("y"), "InvalidSpec", "'y'"),
        (a_job("j").spec(powerCapWatts="5").task("a").runtime({"cpu": 60}), "PowerCapTooLow", "raise the cap"),
    ],
)
def test_what_no_schema_can_tell_is_refused_with_the_culprit(job: JobBuilder, reason: str, culprit: str) -> None:
    cluster = a_cluster(job)
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("False", reason)
    assert culprit in cluster.status.condition("Accepted").message  # type: ignore[union-attr]
    assert cluster.jobs == {}
    assert reason in {event.reason for event in cluster.events}


def test_a_deadline_that_passes_later_is_missed_not_refused() -> None:
    cluster = running(a_cluster(a_job("j").deadline(within="30s").task("a").runtime({"cpu": 10})))
    assert cluster.reason("DeadlineAtRisk") == ("False", "OnTime")
    assert cluster.status.deadline.verdict == "Feasible"
    cluster.now += 60
    cluster.operate()
    assert cluster.reason("Accepted") == ("True", "Valid")
    assert cluster.reason("DeadlineAtRisk") == ("True", "DeadlineMissed")


def test_a_deadline_that_the_plan_misses_is_at_risk_from_the_start() -> None:
    cluster = running(a_cluster(a_job("j").deadline(within="5s").task("a").runtime({"cpu": 10})))
    assert cluster.reason("DeadlineAtRisk") == ("True", "PredictedLate")
    assert cluster.status.deadline.verdict == "LateBy"


def test_a_template_that_the_api_server_refuses_is_named_and_can_be_mended() -> None:
    cluster = a_chain(refuse={"busybox:1.37": "spec.containers[0]: what nonsense"})
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("False", "TemplateRefused")
    assert "what nonsense" in cluster.status.condition("Accepted").message  # type: ignore[union-attr]
    assert cluster.jobs == {}
    cluster.restart()
    cluster.operate()
    assert cluster.reason("Accepted") == ("False", "TemplateRefused")
    templates = cluster.manifest["spec"]["templates"]
    templates[0]["template"]["spec"]["containers"][0]["image"] = "better"
    cluster.edit(templates=templates)
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_a_job_that_fits_no_node_waits_for_one() -> None:
    cluster = a_cluster(a_job("j").task("a").gpus(1, "nvidia-v100"), nodes=nodes(v100=0))
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("True", "Valid")
    assert cluster.reason("Planned") == ("False", "Unplaceable")
    assert cluster.task("a").reason == "Unplaceable"
    cluster.nodes = nodes()
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_without_estimates_no_figure_is_invented() -> None:
    cluster = running(a_cluster(a_job("j").task("a")))
    assert cluster.reason("Planned") == ("True", "EstimatesMissing")
    assert (cluster.status.plan.makespan_seconds, cluster.task("a").planned.seconds) == ("", "")
    cluster.to_the_end()
    assert (cluster.reason("Planned")[1], cluster.status.outcome.verdict) == ("EstimatesMissing", "")


def test_a_gang_is_released_together_and_only_when_complete() -> None:
    cluster = a_cluster(a_job("j").task("g").cpus(1).workers(2, 2, gang=True).runtime({"cpu": 5}))
    cluster.operate(2)
    cluster.control()
    pods = list(cluster.pods.values())
    held = cluster.pods.pop(pods[1]["metadata"]["name"])
    assert not [action for action in cluster.decide().actions if isinstance(action, ReleaseGang)]
    cluster.pods[held["metadata"]["name"]] = held
    release = next(action for action in cluster.decide().actions if isinstance(action, ReleaseGang))
    assert len(release.pods) == 2
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_a_gang_that_does_not_bind_in_time_is_taken_back() -> None:
    cluster = a_cluster(a_job("j").task("g").cpus(1).workers(2, 2, gang=True).runtime({"cpu": 5}))
    cluster.operate(2)
    cluster.control()
    cluster.operate()
    cluster.bind(next(iter(cluster.pods.values())))
    cluster.operate()
    cluster.now += 61
    cluster.operate()
    assert cluster.task("g").reason == "GangTimedOut"
    assert all("deletionTimestamp" in job["metadata"] for job in cluster.jobs.values())
    cluster.control()
    cluster.operate(2)
    cluster.now += 20
    cluster.operate()
    assert cluster.attempted[-1][:2] == ("g", 1)


def a_gang(workers: int = 2) -> SimulatedCluster:
    """A gang that has been released and runs."""
    cluster = a_cluster(a_job("j").task("g").cpus(1).workers(workers, workers, gang=True).runtime({"cpu": 5}))
    cluster.operate(2)
    cluster.control()
    running(cluster)
    assert cluster.task("g").state == "Running"
    return cluster


def by_index(cluster: SimulatedCluster) -> list[dict[str, Any]]:
    return sorted(cluster.pods.values(), key=lambda pod: str(pod["metadata"]["name"]))


def gates(cluster: SimulatedCluster) -> list[bool]:
    return [
        bool(pod["spec"].get("schedulingGates")) for pod in cluster.pods.values() if pod["status"]["phase"] == "Pending"
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_an_evicted_worker_is_released_again_when_the_other_has_finished(restart: bool) -> None:
    cluster = a_gang()
    finished, evicted = by_index(cluster)
    cluster.now += 300
    cluster.end(finished)
    cluster.end(evicted, disrupted=True)
    cluster.control()
    if restart:
        cluster.restart()
    assert gates(cluster) == [True]
    cluster.operate(2)
    assert gates(cluster) == [False]
    cluster.now += 300
    cluster.operate(2)
    assert cluster.task("g").reason == "PodsRunning"
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"
    assert len(cluster.attempted) == 1, "the finished worker has run again"


@pytest.mark.parametrize("restart", [False, True])
def test_a_drain_gives_a_gang_its_whole_time_to_bind_again(restart: bool) -> None:
    cluster = a_gang()
    cluster.operate()
    cluster.now += 300
    cluster.end(by_index(cluster)[0], disrupted=True)
    cluster.operate()
    cluster.control()
    if restart:
        cluster.restart()
    cluster.operate(2)
    assert (gates(cluster), cluster.task("g").reason) == ([False], "PodsRunning")
    cluster.now += 59
    cluster.operate()
    assert cluster.task("g").reason == "PodsRunning"
    cluster.now += 2
    cluster.operate()
    assert cluster.task("g").reason == "GangTimedOut"


@pytest.mark.parametrize("gone", [False, True])
def test_a_member_that_ends_or_is_not_back_yet_stops_the_clock_of_its_gang(gone: bool) -> None:
    cluster = a_gang()
    pod = by_index(cluster)[0]
    pod["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:20Z"
    cluster.operate()
    if gone:
        del cluster.pods[pod["metadata"]["name"]]
        cluster.operate()
    cluster.now += 300
    cluster.operate()
    assert cluster.task("g").reason == "PodsRunning"


def test_a_replacement_behind_a_finished_worker_holds_up_no_other_gang() -> None:
    job = a_job("j")
    for name in ("g1", "g2"):
        job.task(name).cpus(1).workers(2, 2, gang=True).runtime({"cpu": 5})
    cluster = a_cluster(job)
    cluster.operate(2)
    cluster.control()
    cluster.operate()
    ours = [pod for pod in by_index(cluster) if not pod["spec"]["schedulingGates"]]
    for pod in ours:
        cluster.bind(pod)
    cluster.end(ours[0])
    cluster.end(ours[1], disrupted=True)
    cluster.control()
    cluster.operate(2)
    assert gates(cluster) == [False, False, False]


def test_one_gang_per_device_type_at_a_time() -> None:
    job = a_job("j")
    for name in ("g1", "g2"):
        job.task(name).cpus(1).workers(2, 2, gang=True).runtime({"cpu": 5})
    cluster = a_cluster(job)
    cluster.operate(2)
    cluster.control()
    assert len([action for action in cluster.decide().actions if isinstance(action, ReleaseGang)]) == 1


def test_an_attempt_whose_planned_node_left_is_planned_again() -> None:
    cluster = a_cluster(
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
    cluster = a_cluster(a_job("j").spec(activeDeadlineSeconds=5).task("a").runtime({"cpu": 9}).task("b").after("a"))
    running(cluster).now += 6
    cluster.operate()
    cluster.control()
    cluster.operate(3)
    assert {task.name: task.state for task in cluster.status.tasks} == {"a": "Failed", "b": "Skipped"}
    assert cluster.reason("Failed") == ("True", "ActiveDeadlineExceeded")


def test_a_finished_job_is_deleted_after_its_time_to_live() -> None:
    cluster = a_cluster(a_job("j").spec(ttlAfterFinished="1h").task("a").runtime({"cpu": 1}))
    cluster.to_the_end()
    wake = cluster.decide().wake_at
    assert wake is not None
    cluster.operate()
    assert not cluster.deleted
    cluster.now = wake
    cluster.operate()
    assert cluster.deleted


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
    cluster = a_cluster(a_job("j").task("a").runtime({"cpu": 1}))
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
    cluster = a_cluster(a_job("j").task("a").runtime({"cpu": 1}))
    cluster.operate(3)
    cluster.now += 15
    cluster.operate(2)
    wake = cluster.decide().wake_at
    assert wake == cluster.now + 60
    cluster.now = wake
    assert [action for action in cluster.decide().actions if isinstance(action, AskWhyNoPods)]


def test_measured_energy_survives_a_restart_between_the_end_and_the_measurement() -> None:
    cluster = running(a_cluster(a_job("j").task("a").runtime({"cpu": 1}), telemetry=TelemetryState(True, True)))
    cluster.run()
    decision = cluster.decide()
    cluster.obey(action for action in decision.actions if not isinstance(action, MeasureEnergy))
    assert (cluster.task("a").state, cluster.task("a").energy_source) == ("Succeeded", "")
    cluster.restart()
    cluster.operate(2)
    assert (cluster.task("a").energy_joules, cluster.task("a").energy_source) == ("1000", "measured")


def test_a_priority_class_that_does_not_exist_is_named() -> None:
    cluster = a_cluster(a_job("j").spec(priorityClassName="urgent").task("a"), priorities={"calm": 1})
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("False", "InvalidSpec")
    message = cluster.status.condition("Accepted").message  # type: ignore[union-attr]
    assert "spec.priorityClassName: there is no PriorityClass 'urgent'; create it or name one of: calm" in message
    assert cluster.jobs == {}
    cluster.priorities["urgent"] = 9
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_required_numa_alignment_waits_visibly_until_a_node_tells_its_topology() -> None:
    job = a_job("j").task("a", devices={"numa": "Required"}).gpus(1, "nvidia-t4").runtime({"nvidia-t4": 1})
    cluster = a_cluster(job)
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


def test_a_running_job_that_was_edited_into_nonsense_keeps_its_gpus() -> None:
    cluster = running(a_cluster(a_job("j").task("a").gpus(4, "nvidia-v100").runtime({"nvidia-v100": 9})))
    cluster.edit(policy="Greenest")
    world = cluster.world()
    observations, _, _ = planned(world)
    progress = progress_of(observations["uid-job"].sights["a"], world.rules)
    assert [(node, demand.gpus) for node, demand in progress.taken] == [(cluster.task("a").workers[0].node, 4)]


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
