"""The operator on a real control plane: jobs complete in the order of their graphs, and what cannot run says why."""

from __future__ import annotations

import json
import time
from functools import partial

import msgspec
import pytest

from heterosched.api import HeteroJob
from heterosched_operator.children import child_name
from manifests import a_job
from operated import OperatedSpace, Operator, a_diamond, shortly
from processes import wait_until


@pytest.fixture
def space(operator: Operator, namespace: str) -> OperatedSpace:
    """A namespace of this test's own, and an operator that lives, whatever the test before it has done to it."""
    return operator.space(namespace)


def test_a_graph_completes_in_its_order_with_a_report(space: OperatedSpace) -> None:
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
    assert wait_until(partial(_posted, space, "Completed"), 20.0, 0.3)


def test_without_any_estimate_the_plan_says_so_and_invents_no_makespan(space: OperatedSpace) -> None:
    space.apply(a_job("blind").template(shortly()).task("only"))
    space.until("blind", "Completed")
    planned = space.condition("blind", "Planned")
    assert (planned["status"], planned["reason"]) == ("True", "EstimatesMissing")
    status = space.status("blind")
    assert "makespanSeconds" not in status["plan"]
    assert "seconds" not in status["tasks"][0].get("planned", {})
    assert "verdict" not in status["outcome"]


def test_workers_that_meet_know_rank_size_and_address(space: OperatedSpace) -> None:
    training = {"globalBatch": 10, "iterations": 20, "gradientBytes": 0}
    job = (
        a_job("meet").template(shortly()).task("train").gpus(1, "nvidia-v100").workers(3, 3, gang=True, rendezvous=True)
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


def test_suspend_frees_the_nodes_and_resume_starts_a_new_attempt(space: OperatedSpace) -> None:
    space.apply(a_job("pause").template(shortly(4)).task("work").runtime({"cpu": 4}))
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


def test_deleting_a_job_deletes_its_children(space: OperatedSpace) -> None:
    space.apply(a_job("gone").template(shortly(300)).task("work").runtime({"cpu": 300}))
    space.until_task("gone", "work", "Running")
    space.plane.kubectl("delete", "heterojob", "gone", f"--namespace={space.name}", "--wait=false")
    assert wait_until(
        lambda: not space.get("jobs") and not space.get("pods") and not space.get("heterojobs"), 60.0, 0.5
    )


def test_exit_codes_decide_what_is_tried_again(space: OperatedSpace) -> None:
    policy = {
        "backoffLimit": 1,
        "onExitCodes": [
            {"action": "FailTask", "operator": "In", "values": [42]},
            {"action": "Ignore", "operator": "In", "values": [7]},
        ],
    }
    job = a_job("codes").spec(failurePolicy=policy)
    for code in (3, 7, 42):
        job.template(shortly(0.2, f"exit-{code}", code)).task(f"exit-{code}").of(f"exit-{code}").runtime({"cpu": 1})
    space.apply(job)
    counted, final = space.until_task("codes", "exit-3", "Failed"), space.until_task("codes", "exit-42", "Failed")
    assert (counted["reason"], counted["failures"], counted["attempt"]) == ("BackoffLimitExceeded", 2, 1)
    assert "exited with 3" in counted["message"]
    assert (final["reason"], final.get("failures", 0)) == ("FailedByExitCode", 0)
    assert wait_until(lambda: space.task("codes", "exit-7").get("freeRetries", 0) >= 3, 60.0, 0.3)
    assert "failures" not in space.task("codes", "exit-7")


def test_what_has_failed_may_be_mended_before_its_next_attempt(space: OperatedSpace) -> None:
    space.apply(a_job("mend").retries(9).template(shortly(0.2, exit_code=1)).task("work").runtime({"cpu": 1}))
    assert wait_until(lambda: space.task("mend", "work").get("failures", 0) >= 1, 60.0, 0.2), space.operator.log()
    path = "/spec/templates/0/template/metadata/annotations/sim.heterosched.io~1exit-code"
    while space.condition("mend", "Completed").get("status") != "True":
        if space.task("mend", "work")["state"] == "Ready":
            space.spec("mend", [{"op": "replace", "path": path, "value": "0"}], "json")
            break
        time.sleep(0.1)
    space.until("mend", "Completed")


def test_a_failed_task_skips_what_depends_on_it_and_nothing_else(space: OperatedSpace) -> None:
    job = a_job("half").retries(0).template(shortly(1)).template(shortly(0.2, "bad", 1))
    job.task("bad").of("bad").runtime({"cpu": 1}).task("after").after("bad").task("last").after("after")
    job.task("other").runtime({"cpu": 1}).task("more").after("other").runtime({"cpu": 1})
    space.apply(job)
    message = space.until("half", "Failed", reason="TaskFailed")["message"]
    states = {task["name"]: task["state"] for task in space.status("half")["tasks"]}
    assert states == {"bad": "Failed", "after": "Skipped", "last": "Skipped", "other": "Succeeded", "more": "Succeeded"}
    assert "bad" in message
    assert "bad did not succeed" in space.task("half", "after")["message"]
    assert {job["metadata"]["labels"]["heterosched.io/task"] for job in space.get("jobs")} == {"bad", "other", "more"}


def test_bad_jobs_are_refused_with_the_culprit(space: OperatedSpace) -> None:
    cycle = a_job("cycle").template(shortly()).task("a").after("c").task("b").after("a").task("c").after("b")
    unknown = a_job("unknown").template(shortly()).task("a").after("nobody")
    late = a_job("late").template(shortly()).deadline(at="2020-01-01T00:00:00Z").task("a")
    policy = a_job("policy").template(shortly()).policy("Greenest").task("a")
    strategy = a_job("strategy").template(shortly()).strategy("magic").task("a")
    bad_template = shortly()
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
        assert culprit in space.until(name, "Accepted", "False", reason=reason)["message"]
        assert wait_until(partial(_posted, space, reason), 20.0, 0.3), reason
    assert space.get("jobs") == []
    space.spec("unknown", [{"op": "remove", "path": "/spec/tasks/0/dependsOn"}], "json")
    space.until("unknown", "Completed")


def _posted(space: OperatedSpace, reason: str) -> bool:
    return bool(space.events(reason))


def test_an_edit_of_what_runs_holds_back_the_rest_until_it_is_undone(space: OperatedSpace) -> None:
    space.apply(a_job("edit").template(shortly(6)).task("first").runtime({"cpu": 4}).task("second").after("first"))
    space.until_task("edit", "first", "Running")
    path = "/spec/templates/0/template/spec/containers/0/image"
    space.spec("edit", [{"op": "replace", "path": path, "value": "busybox:other"}], "json")
    assert "tasks[first]" in space.until("edit", "Accepted", "False", reason="StartedTaskChanged")["message"]
    space.until_task("edit", "first", "Succeeded")
    time.sleep(1.0)
    assert [job["metadata"]["labels"]["heterosched.io/task"] for job in space.get("jobs")] == ["first"]
    space.spec("edit", [{"op": "replace", "path": path, "value": "busybox:1.37"}], "json")
    space.until("edit", "Completed")


def test_what_has_not_started_may_be_edited(space: OperatedSpace) -> None:
    space.apply(a_job("grow").template(shortly(2)).task("first").runtime({"cpu": 2}).task("second").after("first"))
    space.until_task("grow", "first", "Running")
    more = {"name": "third", "templateRef": "main", "dependsOn": ["second"]}
    space.spec("grow", [{"op": "add", "path": "/spec/tasks/-", "value": more}], "json")
    space.until("grow", "Completed")
    assert space.status("grow")["progress"] == "3/3"


def test_the_active_deadline_ends_everything(space: OperatedSpace) -> None:
    job = a_job("slow").spec(activeDeadlineSeconds=3).template(shortly(300)).task("work").runtime({"cpu": 300})
    space.apply(job.task("never").after("work"))
    space.until("slow", "Failed", reason="ActiveDeadlineExceeded")
    assert space.get("pods") == []
    assert space.task("slow", "never")["state"] == "Skipped"


def test_a_finished_job_is_deleted_after_its_time(space: OperatedSpace) -> None:
    space.apply(a_job("brief").spec(ttlAfterFinished="1s").template(shortly(0.2)).task("work"))
    assert wait_until(lambda: bool(space.get("jobs")), 30.0, 0.1)
    assert wait_until(lambda: not space.get("heterojobs") and not space.get("jobs"), 60.0, 0.5), space.operator.log()


def test_a_name_that_is_taken_is_said_and_waited_for(space: OperatedSpace) -> None:
    space.apply(a_job("taken").spec(suspend=True).template(shortly(0.2)).task("work"))
    job = next(found for found in space.get("heterojobs") if found["metadata"]["name"] == "taken")
    name = child_name(msgspec.convert(job, HeteroJob), "work", 0)
    foreign = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"suspend": True, "template": shortly()["template"]},
    }
    space.plane.kubectl("create", f"--namespace={space.name}", "--filename=-", stdin=json.dumps(foreign))
    space.spec("taken", {"spec": {"suspend": False}})
    assert "belongs to somebody else" in space.until("taken", "Blocked")["message"]
    space.plane.kubectl("delete", "job", name, f"--namespace={space.name}")
    space.until("taken", "Completed")


def test_a_job_without_pods_says_why_and_goes_on_once_it_may(space: OperatedSpace) -> None:
    """The operator knows nothing of quotas on limits, so it creates the Job."""
    space.plane.kubectl("create", "quota", "nothing", "--hard=limits.cpu=0", f"--namespace={space.name}")
    space.apply(a_job("poor").template(shortly(0.5)).task("work").runtime({"cpu": 1}))
    assert "failed quota: nothing" in space.until("poor", "Blocked", reason="PodsNotCreated")["message"]
    assert space.task("poor", "work")["reason"] == "PodsNotCreated"
    space.plane.kubectl("delete", "quota", "nothing", f"--namespace={space.name}")
    space.until("poor", "Completed", seconds=120.0)
    assert space.condition("poor", "Blocked")["status"] == "False"


def test_what_could_never_become_a_pod_is_named(space: OperatedSpace) -> None:
    mapping = shortly()
    mapping["template"]["spec"]["containers"][0]["env"] = {"KEY": "value"}
    space.apply(a_job("env").template(mapping).task("work"))
    space.apply(a_job("class").spec(priorityClassName="nowhere").template(shortly()).task("work"))
    numa = a_job("numa").template(shortly()).task("work").gpus(1, "nvidia-t4").allow("nvidia-t4", numa="Required")
    space.apply(numa.runtime({"nvidia-t4": 1}))
    assert "containers[0].env" in space.until("env", "Accepted", "False", reason="InvalidSpec")["message"]
    assert "PriorityClass 'nowhere'" in space.until("class", "Accepted", "False", reason="InvalidSpec")["message"]
    assert (
        "the node's topology is not known" in space.until("numa", "Planned", "False", reason="Unplaceable")["message"]
    )
    assert space.get("jobs") == []
    known = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "nowhere"}, "value": 7}
    space.plane.kubectl("create", "--filename=-", stdin=json.dumps(known))
    space.until("class", "Completed")
    space.plane.kubectl("delete", "priorityclass", "nowhere")


def test_energy_is_measured_and_without_prometheus_estimated_and_said(space: OperatedSpace) -> None:
    prometheus = space.plane.prometheus(name="prometheus-operator")
    space.operator.stop()
    space.operator.start(
        PROMETHEUS_URL=prometheus.url, TELEMETRY_SECONDS="1", ENERGY_DELAY_SECONDS="3", ENERGY_GAP_SECONDS="5"
    )
    assert wait_until(lambda: bool(prometheus.query('DCGM_FI_DEV_POWER_USAGE{instance="v100-901"}')), 60.0, 0.5)
    hungry = shortly(8)
    hungry["template"]["metadata"]["annotations"]["sim.heterosched.io/watts"] = '{"*": 200}'
    runtime = {"nvidia-v100": 8}
    space.apply(a_job("measured").template(hungry).task("work").gpus(1, "nvidia-v100").runtime(runtime))
    space.until("measured", "TelemetryAvailable")
    space.until("measured", "Completed")
    outcome = space.status("measured")["outcome"]
    assert outcome["energySource"] == "measured", (outcome, space.operator.log())
    assert 1200 <= float(outcome["energyJoules"]) <= 2000
    prometheus.process.kill()
    space.apply(a_job("estimated").template(hungry).task("work").gpus(1, "nvidia-v100").runtime(runtime))
    space.until("estimated", "TelemetryAvailable", "False", reason="PrometheusUnavailable")
    space.until("estimated", "Completed")
    assert space.status("estimated")["outcome"]["energySource"] == "estimated"
    space.operator.stop()
