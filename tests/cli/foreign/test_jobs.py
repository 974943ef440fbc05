"""A Job, JobSet or Pod becomes a HeteroJob that does the same; what cannot is named, and then nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

IMPORTS = Path(__file__).resolve().parents[2] / "data" / "imports"
POD: dict[str, Any] = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1.37"}]}


def a_manifest(kind: str, spec: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": "one"}, "spec": spec})


def a_foreign_job(pod: dict[str, Any] | None = None, **spec: Any) -> str:
    return a_manifest("Job", {"template": {"spec": {**POD, **(pod or {})}}, **spec})


def test_a_job_keeps_its_pods_its_retries_and_its_end(cli: Any) -> None:
    result = cli("import", "job", IMPORTS / "job.yaml")
    assert result.exit_code == 0, result.stderr
    job, pod = yaml.safe_load_all(result.stdout)
    spec = job["spec"]
    assert spec["policy"] == "Energy"
    rules = [{"action": "FailTask", "operator": "In", "values": [42], "containerName": "main"}]
    assert spec["failurePolicy"] == {"backoffLimit": 4, "onExitCodes": rules}
    assert (spec["activeDeadlineSeconds"], spec["ttlAfterFinished"]) == (1800, "100s")
    assert spec["tasks"] == [
        {
            "name": "encode",
            "templateRef": "encode",
            "workers": {"min": 2},
            "devices": {"allow": ["nvidia-t4", "nvidia-v100"]},
        }
    ]
    template = spec["templates"][0]["template"]
    assert template["metadata"]["labels"] == {"app": "video"}
    assert template["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert "schedulerName" not in template["spec"]
    assert pod["spec"]["tasks"] == [{"name": "once", "templateRef": "once", "devices": {"numa": "Preferred"}}]
    assert pod["spec"]["failurePolicy"] == {"backoffLimit": 0}
    bare = pod["spec"]["templates"][0]["template"]["spec"]
    assert "volumes" not in bare
    assert "volumeMounts" not in bare["containers"][0]
    assert "spec.nodeName: cpu-0 is left out" in result.stderr
    assert "no run times are known yet" in result.stderr


def test_a_jobset_becomes_tasks_that_wait_for_one_another(cli: Any) -> None:
    result = cli("import", "job", IMPORTS / "jobset.yaml", "--name", "mine", "-n", "team", "--policy", "Energy")
    assert result.exit_code == 0, result.stderr
    job = yaml.safe_load(result.stdout)
    assert (job["metadata"]["name"], job["metadata"]["namespace"], job["spec"]["policy"]) == ("mine", "team", "Energy")
    tasks = {task["name"]: task for task in job["spec"]["tasks"]}
    assert list(tasks) == ["prepare-0", "prepare-1", "train"]
    assert tasks["prepare-0"]["templateRef"] == tasks["prepare-1"]["templateRef"]
    assert (tasks["train"]["dependsOn"], tasks["train"]["workers"]) == (["prepare-0", "prepare-1"], {"min": 4})
    assert job["spec"]["failurePolicy"] == {"backoffLimit": 2}
    assert "do not find one another by JobSet's host names" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (a_manifest("Deployment", {}), "kind: Deployment: its pods never end, and a HeteroJob is work that ends; set"),
        (a_manifest("DaemonSet", {}), "so there is nothing to place"),
        (a_manifest("CronJob", {}), "kubectl create job NAME --from=cronjob/NAME"),
        (a_manifest("Pod", {"containers": [{"name": "a"}]}), "spec.restartPolicy: is absent, which means Always"),
        (a_foreign_job(parallelism=2, completions=9), "spec.parallelism: 2 of 9 pods at a time"),
        (a_foreign_job(parallelism=0), "spec.parallelism: 0 is no whole number from 1 on"),
        (a_foreign_job(parallelism=3), "spec.completions: without completions the pods share a work queue"),
        (a_foreign_job(backoffLimitPerIndex=1), "spec.backoffLimitPerIndex: has no counterpart in a HeteroJob; use"),
        (a_foreign_job(backoffLimit=1000), "spec.backoffLimit: 1000 retries, a task has at most 100"),
        (a_foreign_job(pod={"schedulingGates": [{"name": "x"}]}), "spec.template.spec.schedulingGates"),
        (a_foreign_job(parallelism=2000, completions=2000), "spec: 2000 pods, a task has 1 to 1024"),
        (a_manifest("Job", {"template": 7}), "spec.template: is no mapping"),
        (a_manifest("Job", {}), "spec.template.spec.containers: there is none"),
        (a_manifest("Service", {}), "there is none of Job, JobSet, Pod in it"),
    ],
)
def test_what_has_no_counterpart_is_named_and_nothing_is_written(cli: Any, text: str, said: str) -> None:
    result = cli("import", "job", "-", input=text)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("command", "kind", "other"),
    [("argo", "Job", "job"), ("argo", "JobSet", "job"), ("job", "Workflow", "argo"), ("job", "CronWorkflow", "argo")],
)
def test_who_took_the_wrong_import_is_told_the_right_one(cli: Any, command: str, kind: str, other: str) -> None:
    result = cli("import", command, "-", input=a_manifest(kind, {}))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"left out, {'Job, ' if command == 'job' else 'Workflow, '}" in result.stderr
    assert f"; heterosched import {other} - reads its {kind}\n" in result.stderr
    assert "apply it as it is" not in result.stderr


def test_labels_and_annotations_that_are_not_taken_over_are_named(cli: Any) -> None:
    job = json.loads(a_foreign_job())
    job["metadata"] |= {"labels": {"kueue.x-k8s.io/queue-name": "team", "batch.kubernetes.io/x": "own"}}
    job["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    result = cli("import", "job", "-", input=json.dumps(job))
    assert result.exit_code == 0, result.stderr
    assert "metadata.labels: kueue.x-k8s.io/queue-name left out" in result.stderr
    assert "metadata.annotations" not in result.stderr
    inner = {"metadata": {"annotations": {"topology": "rack"}}, "spec": {"template": {"spec": POD}}}
    entry = {"name": "a", "template": inner}
    result = cli("import", "job", "-", input=a_manifest("JobSet", {"replicatedJobs": [entry]}))
    assert "spec.replicatedJobs[a].template.metadata.annotations: topology left out" in result.stderr


def test_all_that_is_wrong_in_all_objects_is_told_at_once(cli: Any) -> None:
    text = "\n---\n".join((a_foreign_job(), a_foreign_job(parallelism=2, completions=9, managedBy="other/x")))
    result = cli("import", "job", "-", input=text)
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, len(lines)) == (1, "", 3)
    assert lines[-1] == "error: nothing is written"


def test_a_disruption_rule_is_what_holds_anyhow_and_another_is_refused(cli: Any) -> None:
    rule = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}
    result = cli("import", "job", "-", input=a_foreign_job(podFailurePolicy={"rules": [rule]}))
    assert "spec.podFailurePolicy.rules[0].onPodConditions" in result.stderr


def test_stages_of_a_jobset_that_only_have_to_be_ready_are_refused(cli: Any) -> None:
    entry = {"name": "a", "template": {"spec": {"template": {"spec": POD}}}}
    late = {**entry, "name": "b", "dependsOn": [{"name": "a", "status": "Ready"}]}
    result = cli("import", "job", "-", input=a_manifest("JobSet", {"replicatedJobs": [entry, late]}))
    assert "spec.replicatedJobs[b].dependsOn[0]: a has to be Ready" in result.stderr


def test_names_of_the_command_line_are_checked(cli: Any) -> None:
    assert cli("import", "job", IMPORTS / "jobset.yaml", "--name", "No_Name").exit_code == 2
    assert cli("import", "job", IMPORTS / "job.yaml", "--name", "both").exit_code == 2
    assert cli("import", "job", IMPORTS / "job.yaml", "-o", "name").stdout.split() == [
        "heterojob/encode",
        "heterojob/once",
    ]
