"""A HeteroJob reads what a user writes, keeps what it does not know out, and survives the way to the wire and back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.api import HeteroJob
from heterosched.api.heterojob import Data, Deadline, HeteroJobSpec, RuntimeOn, TaskSpec, Variant, Work, Workers
from manifests import a_fan, a_job

NAMES = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)
QUANTITIES = st.one_of(st.integers(1, 10**6), st.from_regex(r"[1-9][0-9]{0,3}(m|k|Gi)?", fullmatch=True))
DATA = st.builds(Data, name=NAMES, size=st.none() | QUANTITIES, volume_claim=st.none() | NAMES, from_=st.none() | NAMES)
TASKS = st.builds(
    TaskSpec,
    name=NAMES,
    template_ref=NAMES,
    depends_on=st.lists(NAMES, max_size=3),
    inputs=st.lists(DATA, max_size=2),
    variants=st.lists(st.builds(Variant, devices=st.lists(NAMES, min_size=1, max_size=2)), max_size=2),
    workers=st.builds(Workers, min=st.integers(1, 9), max=st.none() | st.integers(1, 9)),
    work=st.builds(Work, runtime_on=st.lists(st.builds(RuntimeOn, device=NAMES, seconds=QUANTITIES), max_size=2)),
)
SPECS = st.builds(
    HeteroJobSpec, tasks=st.lists(TASKS, min_size=1, max_size=3), energy_budget_joules=st.none() | QUANTITIES
)


def read(manifest: dict[str, Any]) -> HeteroJob:
    return msgspec.convert(manifest, HeteroJob)


@pytest.mark.slow
@given(SPECS)
def test_a_spec_survives_the_wire(spec: HeteroJobSpec) -> None:
    assert msgspec.json.decode(msgspec.json.encode(spec), type=HeteroJobSpec) == spec


def test_the_wire_uses_the_names_of_the_api() -> None:
    manifest = (
        a_job("bert", "ns")
        .deadline(within="2h")
        .task("prepare")
        .output("shards", "8Gi", volumeClaim="pvc")
        .task("train")
        .after("prepare")
        .input("shards", **{"from": "prepare"})
        .gpus(1, "nvidia-t4")
        .workers(2, 8, gang=True)
        .training({"nvidia-t4": 200})
        .manifest()
    )
    job = read(manifest)
    train = job.spec.tasks[1]
    assert (job.key, job.label) == ("ns/bert", "HeteroJob ns/bert")
    assert job.spec.deadline == Deadline(within="2h")
    assert job.spec.tasks[0].outputs[0].volume_claim == "pvc"
    assert train.inputs[0].from_ == "prepare"
    assert train.variants[0].resources.limits == {"nvidia.com/gpu": 1}
    assert (train.workers.min, train.workers.most, train.workers.gang) == (2, 8, True)
    assert train.work.training is not None
    assert train.work.training.throughput_on[0].samples_per_second == "200"


def test_a_job_of_150_tasks_is_read_whole() -> None:
    job = read(a_fan(tasks=150, width=100))
    assert len(job.spec.tasks) == 150


def test_defaults_are_those_of_the_api() -> None:
    spec = read(a_job().task("t").manifest()).spec
    assert (spec.policy, spec.strategy, spec.suspend, spec.failure_policy.backoff_limit) == (
        "Balanced",
        "Auto",
        False,
        3,
    )
    assert spec.tasks[0].workers.most == 1


def test_without_a_maximum_the_minimum_is_the_number_of_workers() -> None:
    assert Workers(min=3).most == 3
    assert Workers(min=3, max=5).most == 5


@pytest.mark.parametrize(
    ("data", "moves"),
    [(Data(name="d"), False), (Data(name="d", volume_claim="c"), True), (Data(name="d", uri="s3://b/k"), True)],
)
def test_data_moves_only_by_a_named_mechanism(data: Data, moves: bool) -> None:
    assert data.moves is moves


def test_unknown_fields_are_ignored_and_wrong_types_are_named() -> None:
    manifest = a_job().task("t", futureField=1).manifest()
    assert read(manifest).spec.tasks[0].name == "t"
    manifest["spec"]["tasks"][0]["dependsOn"] = "prepare"
    with pytest.raises(msgspec.ValidationError, match=r"spec\.tasks\[0\]\.dependsOn"):
        read(manifest)


def test_a_pod_template_stays_as_it_was_written() -> None:
    manifest = a_job().task("t").manifest()
    assert read(manifest).spec.templates[0].template == manifest["spec"]["templates"][0]["template"]
