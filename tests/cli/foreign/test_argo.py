"""An Argo Workflow becomes the graph that it would have run; what is decided at run time is named with a remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

IMPORTS = Path(__file__).resolve().parents[2] / "data" / "imports"
RUN = {"name": "run", "container": {"image": "busybox:1.37", "command": ["true"]}}


def a_workflow(*templates: dict[str, Any], kind: str = "Workflow", **spec: Any) -> str:
    whole = {"entrypoint": "main", "templates": [*templates, RUN], **spec}
    return json.dumps({"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": "flow"}, "spec": whole})


def a_dag(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"name": "main", "dag": {"tasks": [{"template": "run", **task} for task in tasks]}}


def a_step(**step: Any) -> dict[str, Any]:
    return {"name": "main", "steps": [[{"name": "one", "template": "run", **step}]]}


def imported(cli: Any, text: str, *options: str) -> dict[str, Any]:
    result = cli("import", "argo", "-", *options, input=text)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = yaml.safe_load(result.stdout)
    return found


def graph(job: dict[str, Any]) -> dict[str, list[str]]:
    return {task["name"]: task.get("dependsOn", []) for task in job["spec"]["tasks"]}


def commands(job: dict[str, Any]) -> dict[str, list[str]]:
    templates = {own["name"]: own["template"]["spec"] for own in job["spec"]["templates"]}
    return {task["name"]: templates[task["templateRef"]]["containers"][0]["command"] for task in job["spec"]["tasks"]}


def test_dags_steps_items_and_parameters_are_spelled_out(cli: Any) -> None:
    result = cli("import", "argo", IMPORTS / "argo-report.yaml")
    assert result.exit_code == 0, result.stderr
    job = yaml.safe_load(result.stdout)
    assert graph(job) == {
        "fetch": [],
        "region-0-clean": ["fetch"],
        "region-0-fit": ["region-0-clean"],
        "region-0-check": ["region-0-clean"],
        "region-1-clean": ["fetch"],
        "region-1-fit": ["region-1-clean"],
        "region-1-check": ["region-1-clean"],
        "join": ["region-0-check", "region-0-fit", "region-1-check", "region-1-fit"],
    }
    said = commands(job)
    assert said["fetch"] == ["python", "-c", "print('fetched')"]
    assert (said["region-1-clean"], said["join"]) == (["echo", "clean south"], ["echo", "joined 2024"])
    spec = job["spec"]
    assert (spec["activeDeadlineSeconds"], spec["ttlAfterFinished"]) == (3600, "600s")
    assert spec["failurePolicy"] == {"backoffLimit": 2}
    fit = next(task for task in spec["tasks"] if task["name"] == "region-0-fit")
    assert fit["devices"] == {"allow": ["nvidia-t4"]}
    assert job["metadata"]["name"] == "report"
    assert "spec.podGC: left out" in result.stderr


def test_depends_on_success_is_a_dependency(cli: Any) -> None:
    job = imported(cli, a_workflow(a_dag({"name": "a"}, {"name": "b"}, {"name": "c", "depends": "a && (b.Succeeded)"})))
    assert graph(job) == {"a": [], "b": [], "c": ["a", "b"]}


@pytest.mark.parametrize(
    ("step", "names"),
    [
        ({"withItems": ["x", 2]}, ["one-0", "one-1"]),
        ({"withParam": '[{"a": 1}]'}, ["one-0"]),
        ({"withSequence": {"count": "3"}}, ["one-0", "one-1", "one-2"]),
        ({"withSequence": {"start": "4", "end": "2", "format": "p%02d"}}, ["one-0", "one-1", "one-2"]),
    ],
)
def test_static_loops_are_spelled_out(cli: Any, step: dict[str, Any], names: list[str]) -> None:
    assert list(graph(imported(cli, a_workflow(a_step(**step))))) == names


def test_what_follows_a_loop_over_nothing_waits_for_what_was_before_it(cli: Any) -> None:
    loop = {"name": "b", "depends": "a", "withItems": []}
    job = imported(cli, a_workflow(a_dag({"name": "a"}, loop, {"name": "c", "depends": "b"})))
    assert graph(job) == {"a": [], "c": ["a"]}


def test_templates_of_the_same_file_are_found(cli: Any) -> None:
    shared = json.loads(a_workflow(kind="WorkflowTemplate", entrypoint="run"))
    shared["metadata"]["name"] = "shared"
    reference = {"name": "shared", "template": "run"}
    step = {"name": "main", "steps": [[{"name": "one", "templateRef": reference}]]}
    text = "\n---\n".join((json.dumps(shared), a_workflow(step)))
    assert list(graph(imported(cli, text))) == ["one"]
    whole = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "g-"}}
    text = "\n---\n".join(
        (json.dumps(shared), json.dumps({**whole, "spec": {"workflowTemplateRef": {"name": "shared"}}}))
    )
    job = imported(cli, text)
    assert (job["metadata"]["name"], list(graph(job))) == ("g", ["run"])
    alone = imported(cli, json.dumps(shared), "--name", "mine")
    assert (alone["metadata"]["name"], list(graph(alone))) == ("mine", ["run"])


def test_tasks_whose_names_would_meet_are_told_apart(cli: Any) -> None:
    inner = {"name": "inner", "steps": [[{"name": "b", "template": "run"}]]}
    job = imported(cli, a_workflow(a_dag({"name": "a", "template": "inner"}, {"name": "a-b"}), inner))
    assert sorted(graph(job)) == ["a-b", "a-b-2"]


ONE = {"name": "x", "value": "{{steps.one.outputs.result}}"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (a_workflow(a_step(when="{{x}} == 1")), "spec.templates[main].steps[0][one].when: has no counterpart"),
        (a_workflow(a_step(continueOn={"failed": True})), "steps[0][one].continueOn"),
        (a_workflow(a_step(arguments={"parameters": [ONE]})), "{{steps.one.outputs.result}} is not known before"),
        (a_workflow(a_step(arguments={"artifacts": [{"name": "x"}]})), "arguments.artifacts"),
        (a_workflow(a_step(withParam="{{tasks.a.outputs.result}}")), "withParam: {{tasks.a.outputs.result}}"),
        (a_workflow(a_step(template="gone")), "there is no template gone; there are main, run"),
        (a_workflow(a_step(templateRef={"name": "far", "template": "x"})), "kubectl get workflowtemplate far -o yaml"),
        (a_workflow(a_step(template="main")), "it contains itself"),
        (a_workflow(a_dag({"name": "a", "depends": "b"}, {"name": "b", "depends": "a"})), "a, b wait for one another"),
        (a_workflow(a_dag({"name": "a"}, {"name": "b", "depends": "a.Failed"})), "'a.Failed' has no counterpart"),
        (a_workflow(a_dag({"name": "a"}, {"name": "b", "dependencies": ["z"]})), "depends on z, which is not there"),
        (a_workflow({"name": "main", "suspend": {"duration": 1}}), "spec.templates[main].suspend: has no counterpart"),
        (a_workflow({"name": "main", "resource": {"action": "create"}}), "resource: has no counterpart"),
        (a_workflow({"name": "main", "script": {"image": "x", "command": ["lua"], "source": "1"}}), "lua is no interp"),
        (a_workflow({**RUN, "name": "main", "sidecars": [{"name": "s"}]}), "sidecars: has no counterpart"),
        (a_workflow({**a_step(), "retryStrategy": {"limit": 2}}), "spec.templates[main].retryStrategy: has no counter"),
        (a_workflow({**a_dag({"name": "a"}), "activeDeadlineSeconds": 9}), "[main].activeDeadlineSeconds: has no coun"),
        (a_workflow({**RUN, "name": "main", "retryStrategy": {"retryPolicy": "OnError"}}), "use one of OnFailure, Al"),
        (a_workflow({**RUN, "name": "main"}, onExit="run"), "spec.onExit: has no counterpart"),
        (a_workflow({**RUN, "name": "main"}, volumeClaimTemplates=[{}]), "spec.volumeClaimTemplates"),
        (a_workflow(a_step(withSequence={"count": "10000"})), "10000 items"),
        (a_workflow(kind="CronWorkflow"), "is a clock and no work"),
        (a_workflow(entrypoint=""), "spec.entrypoint: is not there"),
        (json.dumps({"kind": "Workflow", "spec": {"templates": 3, "entrypoint": "a"}}), "spec.templates: is no list"),
    ],
)
def test_what_is_decided_at_run_time_is_named_and_nothing_is_written(cli: Any, text: str, said: str) -> None:
    result = cli("import", "argo", "-", input=text)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert "error: " in result.stderr.splitlines()[0]


def test_what_is_denied_stays_denied(cli: Any) -> None:
    job = imported(cli, a_workflow({**RUN, "name": "main"}, automountServiceAccountToken=False))
    assert job["spec"]["templates"][0]["template"]["spec"]["automountServiceAccountToken"] is False


def test_what_a_group_says_of_pods_that_it_has_not_is_named(cli: Any) -> None:
    result = cli("import", "argo", "-", input=a_workflow({**a_step(), "nodeSelector": {"a": "b"}}))
    assert (result.exit_code, "spec.templates[main].nodeSelector: left out" in result.stderr) == (0, True)


def test_retries_that_differ_are_named_for_a_job_has_one_limit(cli: Any) -> None:
    again = {**RUN, "name": "again", "retryStrategy": {"limit": 3}}
    text = a_workflow(a_dag({"name": "a"}, {"name": "b", "template": "again"}), again)
    result = cli("import", "argo", "-", input=text)
    assert "templates are retried differently often (spec.templates[run]: 0, spec.templates[again]: 3)" in result.stderr


def test_more_templates_than_a_job_may_have_are_counted(cli: Any) -> None:
    say = {
        "name": "say",
        "inputs": {"parameters": [{"name": "t"}]},
        "container": {"image": "x", "command": ["{{inputs.parameters.t}}"]},
    }
    step = {"withSequence": {"count": 70}, "template": "say"}
    parameters = {"parameters": [{"name": "t", "value": "{{item}}"}]}
    result = cli("import", "argo", "-", input=a_workflow(a_step(**step, arguments=parameters), say))
    assert "70 different pod templates, a HeteroJob has at most 64" in result.stderr
