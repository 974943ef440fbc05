"""A manifest that the API server would refuse is refused here with object, field and remedy; slips are pointed out."""

from __future__ import annotations

import math
from typing import Any

import pytest

from heterosched.api import HeteroJob
from heterosched.errors import InvalidInput
from heterosched_cli.decode import decode
from heterosched_cli.files import Document
from manifests import a_job


def warnings_of(manifest: dict[str, Any]) -> list[str]:
    found: list[str] = []
    decode(Document("job.yaml (document 1)", manifest), HeteroJob, found.append)
    return found


def test_a_good_manifest_is_read_without_a_word() -> None:
    job = a_job("train", "team").task("fit").gpus(1).runtime({"nvidia-v100": "12.5"}).manifest()
    assert warnings_of(job) == []


def test_a_wrong_type_is_named_by_task_and_field() -> None:
    manifest = a_job("train", "team").task("fit", workers={"min": "two"}).manifest()
    with pytest.raises(InvalidInput) as caught:
        warnings_of(manifest)
    assert caught.value.object == "HeteroJob team/train in job.yaml (document 1)"
    assert caught.value.field == "spec.tasks[fit].workers.min"
    assert caught.value.remedy == "see kubectl explain heterojob.spec.tasks.workers.min"


def test_a_missing_field_is_named() -> None:
    manifest = a_job("train").task("fit").manifest()
    del manifest["spec"]["tasks"][0]["name"]
    with pytest.raises(InvalidInput, match=r"spec\.tasks\[0\]\.name: is not there; add it"):
        warnings_of(manifest)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"apiVersion": "heterosched.io/v2"}, "apiVersion"),
        ({"metadata": {}}, "metadata.name"),
        ({"metadata": 3}, "metadata.name"),
    ],
)
def test_an_object_of_another_version_or_without_a_name_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        warnings_of({**a_job("train").manifest(), **change})
    assert caught.value.field == field


def test_an_unknown_field_is_pointed_out_with_what_was_meant() -> None:
    manifest = a_job("train").task("fit", dependOn=["load"], work={"runtimesOn": []}).manifest()
    dependency, runtime = warnings_of(manifest)
    assert "spec.tasks[fit].dependOn" in dependency
    assert "did you mean dependsOn?" in dependency
    assert "spec.tasks[fit].work.runtimesOn" in runtime


def test_the_pod_template_is_left_to_the_api_server() -> None:
    manifest = a_job("train").task("fit").manifest()
    manifest["spec"]["templates"][0]["template"]["spec"]["somethingNew"] = 0.5
    assert warnings_of(manifest) == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_not_said_to_be_one_as_a_text(value: float) -> None:
    manifest = a_job("train").task("fit", work={"runtimeOn": [{"device": "cpu", "seconds": value}]}).manifest()
    assert warnings_of(manifest) == []


def test_a_bare_fraction_is_pointed_out_because_the_api_server_refuses_it() -> None:
    manifest = a_job("train").task("fit", work={"runtimeOn": [{"device": "cpu", "seconds": 12.5}]}).manifest()
    (warning,) = warnings_of(manifest)
    assert 'spec.tasks[fit].work.runtimeOn[cpu].seconds: the API server refuses a bare 12.5; write "12.5"' in warning
