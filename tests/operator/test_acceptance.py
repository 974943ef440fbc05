"""What cannot run is refused with the culprit, an edit may not change what has begun, and both can be mended."""

from __future__ import annotations

import copy

import pytest

from heterosched_operator.actions import CreateJob
from heterosched_operator.advice import planned
from heterosched_operator.progress import progress_of
from manifests import JobBuilder, a_job, a_template
from simulated_jobs import a_chain, running, with_job


def test_nothing_is_created_before_the_templates_have_been_tried() -> None:
    cluster = a_chain()
    assert not [action for action in cluster.decide().actions if isinstance(action, CreateJob)]
    cluster.operate()
    assert cluster.reason("Accepted") == ("Unknown", "CheckingTemplates")
    cluster.operate()
    assert cluster.reason("Accepted") == ("True", "Valid")


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
    cluster = with_job(job)
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("False", reason)
    assert culprit in cluster.status.condition("Accepted").message  # type: ignore[union-attr]
    assert cluster.jobs == {}
    assert reason in {event.reason for event in cluster.events}


def test_a_deadline_that_passes_later_is_missed_not_refused() -> None:
    cluster = running(with_job(a_job("j").deadline(within="30s").task("a").runtime({"cpu": 10})))
    assert cluster.reason("DeadlineAtRisk") == ("False", "OnTime")
    assert cluster.status.deadline.verdict == "Feasible"
    cluster.now += 60
    cluster.operate()
    assert cluster.reason("Accepted") == ("True", "Valid")
    assert cluster.reason("DeadlineAtRisk") == ("True", "DeadlineMissed")


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


def test_a_priority_class_that_does_not_exist_is_named() -> None:
    cluster = with_job(a_job("j").spec(priorityClassName="urgent").task("a"), priorities={"calm": 1})
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("False", "InvalidSpec")
    message = cluster.status.condition("Accepted").message  # type: ignore[union-attr]
    assert "spec.priorityClassName: there is no PriorityClass 'urgent'; create it or name one of: calm" in message
    assert cluster.jobs == {}
    cluster.priorities["urgent"] = 9
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_a_running_job_that_was_edited_into_nonsense_keeps_its_gpus() -> None:
    cluster = running(with_job(a_job("j").task("a").gpus(4, "nvidia-v100").runtime({"nvidia-v100": 9})))
    cluster.edit(policy="Greenest")
    world = cluster.world()
    observations, _, _ = planned(world)
    progress = progress_of(observations["uid-job"].sights["a"], world.rules)
    assert [(node, demand.gpus) for node, demand in progress.taken] == [(cluster.task("a").workers[0].node, 4)]
