"""A task becomes one Job of the chosen variant, steered by plan and devices, with everything of the user's kept."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.api import HeteroJob, PlanNote, decode_note
from heterosched.api.heterojob import HeteroJobSpec, Metadata
from heterosched.api.status import Planned, TaskStatus, Worker
from heterosched.errors import InvalidInput
from heterosched.model import Cluster, Demand, Node
from heterosched.policy.table import Exclusion, PolicyRow
from heterosched_operator.children import (
    NAME_LIMIT,
    build_job,
    build_service,
    child_name,
    equal_shares,
    service_name,
    template_hash,
)
from heterosched_operator.steering import device_requirements
from heterosched_operator.world import World
from manifests import JobBuilder, a_job, a_template
from simulated import nodes

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
DEVICE_NODES = World(now=0.0, cluster=Cluster(nodes())).device_nodes


def named(name: str, uid: str = "uid-1") -> HeteroJob:
    """A job of this name."""
    return HeteroJob(metadata=Metadata(name=name, namespace="ns", uid=uid), spec=HeteroJobSpec(tasks=[]))


def read(job: JobBuilder) -> HeteroJob:
    manifest = job.manifest()
    manifest["metadata"].update(uid="uid-1", namespace="ns")
    return msgspec.convert(manifest, HeteroJob)


def built(
    job: JobBuilder,
    device: str = "cpu",
    planned_nodes: tuple[str, ...] = ("cpu-0",),
    row: PolicyRow | None = None,
    **record: Any,
) -> dict[str, Any]:
    """The Job of the job's first task."""
    typed = read(job)
    task = typed.spec.tasks[0]
    workers = [Worker(index=index, planned_node=node) for index, node in enumerate(planned_nodes)]
    given = {"attempt": 2, "job_name": "j-t-2", "planned": Planned(device=device), "workers": workers, **record}
    note = PlanNote(job=typed.key, task=task.name, device=device, nodes=planned_nodes)
    return build_job(typed, task, TaskStatus(name=task.name, **given), note, DEVICE_NODES, row)


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def test_the_job_is_indexed_owned_by_uid_and_leaves_retries_to_the_operator() -> None:
    job = built(a_job("j").task("t"), planned_nodes=("cpu-0", "cpu-1"))
    spec, owner = job["spec"], job["metadata"]["ownerReferences"][0]
    assert (spec["completionMode"], spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (
        "Indexed",
        2,
        2,
        0,
    )
    assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == ("uid-1", True, True)
    assert pod_of(job)["restartPolicy"] == "Never"
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "Ignore"
    labels = spec["template"]["metadata"]["labels"]
    assert {key: labels[f"heterosched.io/{key}"] for key in ("job", "task", "attempt")} == {
        "job": "j",
        "task": "t",
        "attempt": "2",
    }


def test_disruptions_that_count_are_left_to_the_operator() -> None:
    job = built(a_job("j").spec(failurePolicy={"disruptionsCount": True}).task("t"))
    assert "podFailurePolicy" not in job["spec"]


def test_the_variant_changes_the_first_container_only() -> None:
    template = a_template(initContainers=[{"name": "init", "image": "init"}])
    template["template"]["spec"]["containers"].append({"name": "side", "image": "side"})
    job = a_job("j").template(template).task("t").variant("cpu")
    job.variant(
        "nvidia-t4",
        image="gpu:1",
        resources={"limits": {"nvidia.com/gpu": 1}},
        env=[{"name": "MODE", "value": "gpu"}],
    )
    first, side = pod_of(built(job, "nvidia-t4"))["containers"]
    assert (first["image"], first["resources"]) == ("gpu:1", {"limits": {"nvidia.com/gpu": 1}})
    assert {"name": "MODE", "value": "gpu"} in first["env"]
    assert (side["image"], "resources" in side) == ("side", False)
    assert {variable["name"] for variable in side["env"]} >= {"HETEROSCHED_TASK", "HETEROSCHED_DEVICE"}
    assert pod_of(built(job, "cpu"))["containers"][0]["image"] == "busybox:1.37"


def test_the_users_template_is_not_changed() -> None:
    builder = a_job("j").task("t").gpus(1)
    typed = read(builder)
    before = msgspec.json.encode(typed)
    task = typed.spec.tasks[0]
    build_job(typed, task, TaskStatus(name="t", planned=Planned(device="nvidia-v100")), PlanNote(), DEVICE_NODES)
    assert msgspec.json.encode(typed) == before


def test_devices_are_required_in_every_term_of_the_users_own_affinity() -> None:
    mine = {"key": "zone", "operator": "In", "values": ["a"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [mine]}, {"matchFields": []}]}
    own = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}, "podAffinity": {}}
    job = a_job("j").template(a_template(affinity=own)).task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    affinity = pod_of(built(job, "nvidia-t4", ("t4-1",)))["affinity"]
    terms = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    products = {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["Tesla-T4", "Tesla-V100-SXM2-16GB"]}
    assert [term["matchExpressions"] for term in terms] == [[mine, products], [products]]
    preferred = affinity["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred[0]["preference"] == {
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["t4-1"]}]
    }
    assert "podAffinity" in affinity


def test_a_device_that_is_not_allowed_is_not_required_either() -> None:
    job = a_job("j").task("t").gpus(1, "nvidia-t4", "nvidia-v100").allow("nvidia-v100")
    required = pod_of(built(job, "nvidia-v100"))["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert required["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == ["Tesla-V100-SXM2-16GB"]


def test_each_planned_node_is_a_wish_of_its_own_since_a_field_takes_one_value() -> None:
    job = built(a_job("j").task("t"), planned_nodes=("cpu-1", "cpu-0", "cpu-1", ""))
    wishes = pod_of(job)["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [wish["preference"]["matchFields"][0]["values"] for wish in wishes] == [["cpu-1"], ["cpu-0"]]


def test_every_node_offers_its_cpus_and_unlabelled_devices_are_named_by_host() -> None:
    assert device_requirements(("cpu", "nvidia-t4"), DEVICE_NODES) == []
    bare = {"unknown-gpu": [Node("x-0", "unknown-gpu", Demand(1, 1, 1))]}
    by_host = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["x-0"]}
    assert device_requirements(("unknown-gpu",), bare) == [by_host]
    assert [nowhere["values"] for nowhere in device_requirements(("nvidia-h100",), {})] == [["nvidia-h100"]]


def test_where_only_some_nodes_have_the_product_label_either_will_do() -> None:
    labelled = Node("x-0", "nvidia-t4", Demand(1, 1, 1), labels={"nvidia.com/gpu.product": "Tesla-T4"})
    bare = Node("x-1", "nvidia-t4", Demand(1, 1, 1), labels={"kubernetes.io/hostname": "host-1"})
    mixed = {"nvidia-t4": [labelled, bare]}
    product = {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["Tesla-T4"]}
    host = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["host-1"]}
    assert device_requirements(("nvidia-t4",), mixed) == [product, host]
    mine = {"key": "zone", "operator": "In", "values": ["a"]}
    own = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [mine]}]}}}
    typed = read(a_job("j").template(a_template(affinity=own)).task("t").gpus(1, "nvidia-t4"))
    record = TaskStatus(name="t", planned=Planned(device="nvidia-t4"))
    job = build_job(typed, typed.spec.tasks[0], record, PlanNote(), mixed)
    terms = pod_of(job)["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]
    assert [term["matchExpressions"] for term in terms] == [[mine, product], [mine, host]]


@pytest.mark.parametrize("env", ["A=1", {"A": "1"}, [None, "A=1", {"value": "1"}]])
def test_an_environment_that_is_none_is_left_for_the_api_server_to_refuse(env: Any) -> None:
    template = a_template()
    template["template"]["spec"]["containers"][0]["env"] = env
    handed_on = pod_of(built(a_job("j").template(template).task("t")))["containers"][0]["env"]
    assert handed_on[: len(env) if isinstance(env, list) else 1] == (env if isinstance(env, list) else [env])


@pytest.mark.parametrize("affinity", ["none", {"nodeAffinity": "none"}])
def test_an_affinity_that_is_none_is_left_for_the_api_server_to_refuse(affinity: Any) -> None:
    job = a_job("j").template(a_template(affinity=affinity)).task("t").gpus(1, "nvidia-t4")
    assert pod_of(built(job, "nvidia-t4"))["affinity"] == affinity


def test_strict_numa_is_an_extended_resource_with_its_limit() -> None:
    job = built(a_job("j").task("t").gpus(1).allow("nvidia-v100", numa="Required"), "nvidia-v100")
    resources = pod_of(job)["containers"][0]["resources"]
    assert resources["requests"]["heterosched.io/strict"] == resources["limits"]["heterosched.io/strict"] == "1"
    assert job["spec"]["template"]["metadata"]["annotations"]["heterosched.io/numa"] == "Required"


@pytest.mark.parametrize(("exclusion", "strict"), [("Required", "1"), ("Preferred", None)])
def test_pods_with_gpus_are_strict_where_the_policy_rules_hot_nodes_out(
    exclusion: Exclusion, strict: str | None
) -> None:
    row = PolicyRow("cautious", {"speed": 1}, exclusion=exclusion)
    with_gpu = pod_of(built(a_job("j").task("t").gpus(1, "nvidia-v100"), "nvidia-v100", row=row))
    limits = with_gpu["containers"][0]["resources"]["limits"]
    assert limits.get("heterosched.io/strict") == strict
    without = pod_of(built(a_job("j").task("t").cpus(1), "cpu", row=row))
    assert "heterosched.io/strict" not in without["containers"][0].get("resources", {}).get("limits", {})


def test_workers_that_meet_get_rank_size_address_and_shares() -> None:
    workers = [Worker(index=index, share=share) for index, share in enumerate((4, 3, 3))]
    builder = a_job("j").task("t").workers(3, 3, gang=True, rendezvous=True)
    pod = pod_of(built(builder, workers=workers))
    env = {variable["name"]: variable for variable in pod["containers"][0]["env"]}
    assert "completion-index" in env["RANK"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert env["WORLD_SIZE"]["value"] == "3"
    typed = read(builder)
    service_of_t = service_name(typed, "t")
    assert service_of_t.startswith("j-t-")
    assert env["MASTER_ADDR"]["value"] == f"j-t-2-0.{service_of_t}.ns.svc"
    assert env["MASTER_PORT"]["value"] == "29500"
    assert json.loads(env["HETEROSCHED_BATCH_SHARES"]["value"]) == [4, 3, 3]
    assert pod["subdomain"] == service_of_t
    assert pod["schedulingGates"] == [{"name": "heterosched.io/gang"}]
    service = build_service(typed, typed.spec.tasks[0])
    assert (service["metadata"]["name"], service["spec"]["clusterIP"]) == (service_of_t, "None")
    assert service["spec"]["publishNotReadyAddresses"] is True


def test_a_scheduler_of_the_users_choice_stays_and_priority_is_the_jobs() -> None:
    job = a_job("j").spec(priorityClassName="urgent").template(a_template(schedulerName="mine")).task("t")
    pod = pod_of(built(job))
    assert (pod["schedulerName"], pod["priorityClassName"]) == ("mine", "urgent")
    assert pod_of(built(a_job("j").task("t")))["schedulerName"] == "heterosched"


def test_our_environment_takes_the_place_of_the_users() -> None:
    template = a_template()
    template["template"]["spec"]["containers"][0]["env"] = [
        {"name": "HETEROSCHED_TASK", "value": "x"},
        {"name": "HOME", "value": "/"},
    ]
    env = pod_of(built(a_job("j").template(template).task("t")))["containers"][0]["env"]
    assert [variable["value"] for variable in env if variable["name"] == "HETEROSCHED_TASK"] == ["t"]
    assert {"name": "HOME", "value": "/"} in env


def test_the_plan_travels_with_the_pods() -> None:
    job = built(a_job("j").task("t").gpus(1), "nvidia-v100", ("v100-1",))
    note = decode_note(job["spec"]["template"]["metadata"]["annotations"])
    assert note is not None
    assert (note.job, note.task, note.device, note.nodes) == ("ns/j", "t", "nvidia-v100", ("v100-1",))


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(InvalidInput, match="no template 'nowhere'"):
        built(a_job("j").task("t").of("nowhere"))


@given(st.from_regex(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", fullmatch=True), st.from_regex(r"[a-z0-9]{1,52}", fullmatch=True))
def test_names_fit_into_host_names_and_tell_attempts_apart(job: str, task: str) -> None:
    first, second = child_name(named(job), task, 0), child_name(named(job), task, 2**31 - 1)
    assert first != second
    assert max(len(first), len(second)) <= NAME_LIMIT
    assert len(f"{second}-1023") <= 63
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", service_name(named(job), task))


def test_jobs_and_tasks_whose_names_run_together_have_children_of_their_own() -> None:
    pairs = ((named("a-b"), "c"), (named("a"), "b-c"), (named("a-b", "uid-of-a-namesake"), "c"))
    assert len({child_name(job, task, 0) for job, task in pairs}) == 3
    assert len({service_name(job, task) for job, task in pairs}) == 3
    assert re.fullmatch("a-b-c-[0-9a-f]{6}-7", child_name(*pairs[0], 7))


@given(st.integers(1, 10**9), st.integers(1, 1024))
def test_shares_are_equal_and_sum_to_the_batch(batch: int, workers: int) -> None:
    shares = equal_shares(batch, workers)
    assert (len(shares), sum(shares)) == (workers, batch)
    assert max(shares) - min(shares) <= 1


def test_the_hash_follows_what_shapes_the_pods_and_nothing_else() -> None:
    def hashed(job: JobBuilder) -> str:
        typed = read(job)
        return template_hash(typed, typed.spec.tasks[0])

    plain = hashed(a_job("j").task("t"))
    assert hashed(a_job("j").task("t").runtime({"cpu": 5}).after("u")) == plain
    assert hashed(a_job("j").template(a_template(hostNetwork=True)).task("t")) != plain
    assert hashed(a_job("j").task("t").gpus(1)) != plain
    assert hashed(a_job("j").task("t").workers(2, 2)) != plain
