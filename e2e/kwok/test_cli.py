"""The command line against the real thing: what it writes the API server takes, what it asks real parts answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import ControlPlane
from crds import CRD_FOLDER, crd_files
from manifests import a_job
from processes import free_port, wait_until

ROOT = CRD_FOLDER.parent
DATA = Path(os.environ.get("HETEROSCHED_DATA") or ROOT.parent / "shared" / "data")
INSTANCES = sorted((DATA / "wfinstances").glob("*.json.gz"))
CHOICES = {
    "plain": (),
    "gpu": ("--gpu-speedup", "nvidia-t4=2.0,nvidia-v100=4"),
    "scaled": ("--time-scale", "0.01", "--uri-prefix", ""),
}


def heterosched(*arguments: str | Path, kubeconfig: Path | None = None, **environment: str) -> Any:
    """The program as a user runs it."""
    known = {**os.environ, **environment, **({} if kubeconfig is None else {"KUBECONFIG": str(kubeconfig)})}
    command = [sys.executable, "-m", "heterosched_cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=known)


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> ControlPlane:
    control_plane.kubectl("apply", "-f", str(CRD_FOLDER))
    names = [yaml.safe_load(path.read_text())["metadata"]["name"] for path in crd_files()]
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *(f"crd/{name}" for name in names))
    return control_plane


def taken(api: ControlPlane, namespace: str, manifests: list[str]) -> int:
    """How many of these the API server would create; it refuses by raising."""
    text = "---\n".join(manifests)
    said = api.kubectl("create", f"--namespace={namespace}", "--dry-run=server", "-f", "-", stdin=text, timeout_s=300)
    return said.count("created")


@pytest.mark.parametrize("choice", CHOICES)
def test_an_imported_workflow_is_taken(api: ControlPlane, namespace: str, choice: str) -> None:
    done = heterosched("import", "wfcommons", ROOT / "tests/data/wf-diamond.json", *CHOICES[choice])
    assert taken(api, namespace, [done.stdout]) == 1


def test_imported_workflows_and_jobs_are_taken(api: ControlPlane, namespace: str) -> None:
    foreign = ROOT / "tests" / "data" / "imports"
    files = {"argo": ["argo-report.yaml"], "job": ["job.yaml", "jobset.yaml"]}
    runs = [heterosched("import", kind, foreign / name) for kind, names in files.items() for name in names]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert taken(api, namespace, [run.stdout for run in runs]) == 4


@pytest.mark.skipif(not INSTANCES, reason=f"no workflow instances in {DATA} (set HETEROSCHED_DATA)")
def test_every_published_workflow_that_can_be_imported_is_taken(api: ControlPlane, namespace: str) -> None:
    runs = [heterosched("import", "wfcommons", path) for path in INSTANCES]
    manifests = [run.stdout for run in runs if run.returncode == 0]
    assert len(manifests) > len(INSTANCES) // 2
    assert taken(api, namespace, manifests) == len(manifests)


def test_jobs_are_listed_as_they_stand(api: ControlPlane, namespace: str) -> None:
    empty = heterosched("jobs", "-n", namespace, kubeconfig=api.kubeconfig)
    assert (empty.returncode, empty.stdout) == (0, "")
    assert f"no HeteroJobs in namespace {namespace}" in empty.stderr
    api.kubectl(
        "create", f"--namespace={namespace}", "-f", "-", stdin=json.dumps(a_job("train").task("fit").manifest())
    )
    listed = heterosched("jobs", "-n", namespace, kubeconfig=api.kubeconfig)
    assert listed.stdout.splitlines()[1].split()[:4] == ["train", "Balanced", "Pending", "0/1"]
    alone = heterosched("jobs", "train", "-n", namespace, kubeconfig=api.kubeconfig)
    assert alone.stdout.splitlines()[3] == f"tasks of {namespace}/train"
    missing = heterosched("jobs", "gone", "-n", namespace, kubeconfig=api.kubeconfig)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert f"no HeteroJob gone in namespace {namespace}" in missing.stderr
    everywhere = heterosched("jobs", "-A", "-o", "json", kubeconfig=api.kubeconfig)
    assert (namespace, "train") in {(job["namespace"], job["name"]) for job in json.loads(everywhere.stdout)}


def test_versions_of_server_and_api(api: ControlPlane) -> None:
    server = json.loads(heterosched("version", "-o", "json", kubeconfig=api.kubeconfig).stdout)["server"]
    assert server["kubernetes"].startswith("v1.")
    assert server["api"] == ["heterosched.io/v1alpha1"]
    assert "heterojobs.heterosched.io (HeteroJob)" in server["kinds"]


def test_a_plan_on_the_live_cluster_is_the_plan_on_its_nodes_in_a_file(
    api: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    capacity = {"cpu": "16", "memory": "64Gi", "pods": "110"}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "cpu-77", "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"capacity": capacity, "allocatable": capacity},
    }
    api.kubectl("create", "-f", "-", stdin=json.dumps(node))
    try:
        api.kubectl("wait", "--for=condition=Ready", "node/cpu-77", "--timeout=60s")
        file = tmp_path / "nodes.yaml"
        file.write_text(api.kubectl("get", "nodes,pods", "-A", "-o", "yaml"), encoding="utf-8")
        manifest = ROOT / "examples/graph.yaml"
        live = heterosched("plan", "-f", manifest, "-n", namespace, "-o", "json", kubeconfig=api.kubeconfig)
        offline = heterosched("plan", "-f", manifest, "-n", namespace, "-o", "json", "--cluster", file)
        assert (live.returncode, offline.returncode) == (0, 0), live.stderr + offline.stderr
        assert json.loads(live.stdout) == json.loads(offline.stdout)
        assert "planned beside what runs now" in live.stderr
    finally:
        api.kubectl("delete", "node", "cpu-77")


def test_why_asks_a_real_extender(api: ControlPlane, tmp_path: Path) -> None:
    port, allocatable = free_port(), {"cpu": "16", "memory": "64Gi"}
    nodes = [{"metadata": {"name": name}, "status": {"allocatable": allocatable}} for name in ("cpu-1", "cpu-2")]
    snapshot = tmp_path / "nodes.json"
    snapshot.write_text(json.dumps({"apiVersion": "v1", "kind": "NodeList", "items": nodes}), encoding="utf-8")
    program = Path(sys.executable).with_name("heterosched-extender")
    process = api.start_process("cli-extender", [str(program), "--snapshot", str(snapshot), "--port", str(port)], {})
    url = f"http://127.0.0.1:{port}"
    try:
        assert wait_until(lambda: _answers(f"{url}/readyz"), 20.0, 0.2), process.output()
        pod = {
            "metadata": {"name": "fit-0", "namespace": "team", "uid": "u-1"},
            "spec": {"schedulerName": "heterosched"},
        }
        body = json.dumps({"Pod": pod, "NodeNames": ["cpu-1", "cpu-2"]}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{url}/prioritize", body), timeout=10) as answer:
            assert answer.status == 200
        told = heterosched("why", "team/fit-0", "--node", "cpu-2", "-o", "json", HETEROSCHED_DECISIONS_URL=url)
        assert told.returncode == 0, told.stderr
        decision = json.loads(told.stdout)
        assert (decision["pod"], decision["candidates"]) == ("fit-0", 2)
        gone = heterosched("why", "team/other", HETEROSCHED_DECISIONS_URL=url)
        assert (gone.returncode, "no decision on record" in gone.stderr) == (1, True)
    finally:
        process.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
