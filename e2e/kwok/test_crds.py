"""The API server itself takes what is right and refuses what is wrong, naming the field and what to do about it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from binaries import ControlPlaneError
from cluster import ControlPlane
from crd_cases import REFUSED, TAKEN
from crds import CRD_FOLDER, crd_files
from manifests import Manifest, a_fan, a_job
from refused_jobs import Refused
from statuses import a_full_status

MANIFESTS = CRD_FOLDER.parent / "examples"
OTHERS_KINDS = {"jobset", "kueue"}
"""Examples with kinds of controllers that are not here: test_kueue.py installs those and applies these."""
EXAMPLES = sorted(
    path
    for folder in (".", "policies", "workloads")
    for path in (MANIFESTS / folder).glob("*.yaml")
    if path.stem not in OTHERS_KINDS
)
SIZE_LIMIT = 200_000  # bytes of a HeteroJob of 150 tasks, as submitted and as stored
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> ControlPlane:
    """The cluster with the CRDs, applied as a user would: by a client-side apply of the folder."""
    control_plane.kubectl("apply", "-f", str(CRD_FOLDER))
    names = [yaml.safe_load(path.read_text())["metadata"]["name"] for path in crd_files()]
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *(f"crd/{name}" for name in names))
    return control_plane


def apply(api: ControlPlane, manifest: Manifest, namespace: str, *options: str) -> str:
    return api.kubectl("apply", "--namespace", namespace, *options, "-f", "-", stdin=json.dumps(manifest))


def stored(api: ControlPlane, name: str, namespace: str) -> tuple[dict[str, Any], int]:
    """A HeteroJob as the API server keeps it, and its size in bytes."""
    raw = api.kubectl("get", "--raw", f"/apis/heterosched.io/v1alpha1/namespaces/{namespace}/heterojobs/{name}")
    return json.loads(raw), len(raw.encode())


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused_with_field_and_remedy(api: ControlPlane, namespace: str, case: Refused) -> None:
    with pytest.raises(ControlPlaneError) as refusal:
        apply(api, case.manifest, namespace)
    lines = str(refusal.value).splitlines()
    assert [line for line in lines if case.field in line and case.remedy in line], lines


@pytest.mark.parametrize("name", TAKEN)
def test_taken(api: ControlPlane, namespace: str, name: str) -> None:
    assert "created" in apply(api, TAKEN[name], namespace, "--dry-run=server")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_taken_without_a_warning(api: ControlPlane, namespace: str, path: Path) -> None:
    said = api.kubectl("apply", "--namespace", namespace, "--validate=strict", "--dry-run=server", "-f", str(path))
    assert "created" in said


def test_a_misspelt_field_is_named(api: ControlPlane, namespace: str) -> None:
    with pytest.raises(ControlPlaneError, match=r'unknown field "spec\.tasks\[0\]\.dependOn"'):
        apply(api, a_job().task("a", dependOn=[]).manifest(), namespace)


def test_150_tasks_with_a_join_of_100_survive_client_side_applies(api: ControlPlane, namespace: str) -> None:
    manifest = a_fan(width=100, tasks=150)
    assert len(json.dumps(manifest)) < SIZE_LIMIT
    assert "created" in apply(api, manifest, namespace)
    assert "unchanged" in apply(api, manifest, namespace)
    job, size = stored(api, "fan", namespace)
    assert len(job["spec"]["tasks"]) == 150
    assert LAST_APPLIED in job["metadata"]["annotations"]
    assert size < SIZE_LIMIT


def test_the_status_of_150_tasks_is_kept_whole_and_apart(api: ControlPlane, namespace: str) -> None:
    """Every field of the contract survives; the spec of a status update and the status of a spec update are ignored."""
    manifest = a_fan(width=100, tasks=150)
    status = a_full_status(task["name"] for task in manifest["spec"]["tasks"])
    apply(api, {**manifest, "status": {"progress": "150/150"}}, namespace)
    assert "status" not in stored(api, "fan", namespace)[0]

    patch = json.dumps({"status": status, "spec": {"policy": "Energy"}})
    patch_command = ("patch", "hj", "fan", "--namespace", namespace, "--subresource=status", "--type=merge")
    api.kubectl(*patch_command, "--patch-file=/dev/stdin", stdin=patch)
    job, size = stored(api, "fan", namespace)
    assert job["status"] == status
    assert (job["spec"]["policy"], job["metadata"]["generation"]) == ("Balanced", 1)
    assert size < 5 * SIZE_LIMIT  # far from etcd's 1.5 MB even with the longest messages


def test_a_status_with_a_wrong_figure_is_refused(api: ControlPlane, namespace: str) -> None:
    apply(api, a_job("figures").manifest(), namespace)
    patch = json.dumps({"status": {"plan": {"makespanSeconds": "1e3"}, "tasks": [{"name": "main", "state": "Lost"}]}})
    with pytest.raises(ControlPlaneError) as refusal:
        api.kubectl(
            *("patch", "hj", "figures", "--namespace", namespace, "--subresource=status", "--type=merge"), "-p", patch
        )
    assert "status.plan.makespanSeconds" in str(refusal.value)
    assert "status.tasks[0].state" in str(refusal.value)


def test_defaults_are_filled_in(api: ControlPlane, namespace: str) -> None:
    apply(api, a_job("plain").task("main", workers={}).manifest(), namespace)
    spec = stored(api, "plain", namespace)[0]["spec"]
    assert (spec["policy"], spec["strategy"], spec["suspend"]) == ("Balanced", "Auto", False)
    assert spec["failurePolicy"] == {"backoffLimit": 3, "disruptionsCount": False}
    assert spec["tasks"][0]["workers"] == {"min": 1, "gang": False, "rendezvous": False}


def test_columns(api: ControlPlane, namespace: str) -> None:
    apply(api, a_job("columns").policy("Energy").manifest(), namespace)
    status = a_full_status(["main"])
    api.kubectl(
        *("patch", "hj", "columns", "--namespace", namespace, "--subresource=status", "--type=merge"),
        "--patch-file=/dev/stdin",
        stdin=json.dumps({"status": status}),
    )
    header, row = api.kubectl("get", "heterosched", "--namespace", namespace, "-o", "wide").splitlines()[:2]
    assert header.split() == [
        "NAME",
        "POLICY",
        "STATE",
        "TASKS",
        "PLANNED",
        "FINISH",
        "AGE",
        "STRATEGY",
        "ENERGY-J",
        "DEADLINE",
    ]
    plan = status["plan"]
    shown = [
        "Energy",
        status["state"],
        status["progress"],
        plan["makespan"],
        plan["finish"],
        "heft",
        plan["energyJoules"],
    ]
    assert row.split()[1:6] + row.split()[7:9] == shown
    assert row.split()[9] == status["deadline"]["at"]
    assert "STRATEGY" not in api.kubectl("get", "hj", "--namespace", namespace)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("hj.spec.tasks.work.runtimeOn.seconds", "Run time on it in seconds"),
        ("hj.status.tasks.workers.plannedNode", "as it stood when the task was released"),
        ("hsp.spec.jps.fairnessFloor", "Jain index"),
        ("htp.status.devices.confidencePercent", "How far the row may be trusted"),
    ],
)
def test_explain(api: ControlPlane, path: str, text: str) -> None:
    deadline = time.monotonic() + 30  # the API server publishes the schema of a new CRD a little later
    while True:
        try:
            said = " ".join(api.kubectl("explain", path).split())
        except ControlPlaneError:
            said = ""
        if text in said or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert text in said
