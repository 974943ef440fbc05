"""A plan on the live cluster refuses what the operator would refuse there, as far as the user may look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from manifests import JobBuilder, a_job
from recorded_cluster import recorded

CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
NODE = {
    "metadata": {"name": "cpu-0", "labels": {"kubernetes.io/hostname": "cpu-0"}},
    "status": {
        "allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


def a_list(*items: Any) -> Any:
    return {"metadata": {}, "items": list(items)}


def a_run(**spec: Any) -> JobBuilder:
    return a_job("j", "team").spec(**spec).task("t").runtime({"cpu": 10})


def planned(cli: Any, folder: Path, job: JobBuilder, classes: Any) -> Any:
    answers = {"/api/v1/nodes": a_list(NODE), "/api/v1/pods": a_list(), CLASSES: classes}
    with recorded(answers, folder) as cluster:
        arguments = ("--kubeconfig", cluster.kubeconfig, "--extender", "http://127.0.0.1:9")
        return cli("plan", "-f", "-", *arguments, "-o", "json", input=json.dumps(job.manifest()))


@pytest.mark.parametrize(("name", "code"), [("urgent", 1), ("calm", 0)])
def test_a_priority_class_that_is_not_there_is_named_as_the_operator_names_it(
    cli: Any, tmp_path: Path, name: str, code: int
) -> None:
    result = planned(cli, tmp_path, a_run(priorityClassName=name), a_list({"metadata": {"name": "calm"}, "value": 1}))
    told = f"spec.priorityClassName: there is no PriorityClass {name!r}; create it or name one of: calm"
    assert (result.exit_code, told in result.stderr) == (code, code == 1)
    assert json.loads(result.stdout)["jobs"][0]["tasks"][0]["nodes"] == ["cpu-0"]


def test_who_may_not_list_them_is_told_that_they_were_not_checked(cli: Any, tmp_path: Path) -> None:
    result = planned(cli, tmp_path, a_run(priorityClassName="urgent"), 403)
    assert (result.exit_code, "whether priority classes exist is not checked: GET " in result.stderr) == (0, True)
