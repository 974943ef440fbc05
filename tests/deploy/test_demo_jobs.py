"""The demo's HeteroJobs hold the published figures, only shortened, and the library reads them without complaint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import jobs
from demo import EXAMPLES, EXCERPT
from heterosched.api import HeteroJob
from heterosched.model import Cluster
from heterosched.planning.graph import build_graph

GAVEL = [{"device": "nvidia-k80", "steps_per_second": "0.5"}, {"device": "nvidia-v100", "steps_per_second": "4.0"}]
ZEUS = [
    {"device": "nvidia-p100", "seconds_per_epoch": "100", "watts": "75.04"},
    {"device": "nvidia-a40", "seconds_per_epoch": "50", "watts": "104.68"},
]


def read(manifest: dict[str, Any]) -> HeteroJob:
    job = msgspec.convert(manifest, HeteroJob)
    build_graph(job, Cluster(()), {})
    return job


def test_the_training_counts_samples_where_the_source_counts_steps() -> None:
    job = jobs.build_training(GAVEL)
    (task,) = job["spec"]["tasks"]
    rows = {row["device"]: row["samplesPerSecond"] for row in task["work"]["training"]["throughputOn"]}
    assert rows == {"nvidia-k80": "32.000", "nvidia-v100": "256.000"}
    assert task["devices"]["allow"] == list(rows)
    assert task["workers"]["gang"]


def test_the_three_jobs_differ_in_name_and_policy_only() -> None:
    made = jobs.build_policy_jobs(ZEUS)
    assert [job["spec"].pop("policy") for job in made] == ["Performance", "Balanced", "Energy"]
    assert len({job["metadata"].pop("name") for job in made}) == 3
    assert made[0] == made[1] == made[2]
    runtimes = made[0]["spec"]["tasks"][0]["work"]["runtimeOn"]
    assert runtimes[0] == {"device": "nvidia-p100", "seconds": "40.000", "watts": "75.0"}


@pytest.mark.parametrize(
    ("file", "build"),
    [
        ("gavel-resnet50.csv", lambda table: [jobs.build_training(table)]),
        ("zeus-shufflenetv2.csv", jobs.build_policy_jobs),
    ],
    ids=["training", "policies"],
)
def test_the_published_tables_make_jobs_that_can_be_planned(file: str, build: Any) -> None:
    made = build(jobs.read_table(EXAMPLES / file))
    assert made
    for manifest in made:
        assert read(manifest).spec.tasks


@pytest.mark.slow
def test_the_workflow_is_imported_into_the_namespace_of_the_demo(tmp_path: Path) -> None:
    manifest = jobs.import_workflow(EXCERPT)
    assert (manifest["metadata"]["name"], manifest["metadata"]["namespace"]) == ("epigenomics", jobs.NAMESPACE)
    assert 40 <= len(read(manifest).spec.tasks) <= 150
