"""Minutes after `helm install` a HeteroJob has run on real kubelets, under the restricted pod security standard."""

from __future__ import annotations

import json

import pytest

from containers import kill, pod_of, restarted, statuses
from kind_cluster import KindCluster
from kind_release import NAMESPACE, Release
from kind_report import Report
from manifests import a_job
from neighbour import Neighbour
from on_kubelets import pods_that_ran, sleeping
from spaces import SpaceOn

Space = SpaceOn[KindCluster]


def test_the_first_heterojob_is_done_soon_after_helm_install(release: Release, space: Space, report: Report) -> None:
    job = a_job("first").template(sleeping(2)).task("only").gpus(1, "nvidia-t4", "nvidia-v100")
    space.apply(job)
    status = space.until_completed("first", seconds=120.0)
    report.first_job_done()
    assert [task["state"] for task in status["tasks"]] == ["Succeeded"]
    (pod,) = space.pods("first")
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    assert status["tasks"][0]["workers"][0]["node"] == pod["spec"]["nodeName"]
    assert release.history()[-1]["status"] == "deployed"
    report.ran(*pods_that_ran(space))


def test_helm_test_finds_nothing_wrong(release: Release) -> None:
    said = release.helm("test", "heterosched", "--timeout=100s")
    assert "Succeeded" in said, said
    assert "FAIL" not in said, said


@pytest.mark.parametrize("component", ["operator", "scheduler"])
def test_each_container_is_watched_limited_and_allowed_next_to_nothing(release: Release, component: str) -> None:
    said = release.cluster.kubectl("get", "namespace", NAMESPACE, "--output=json")
    assert json.loads(said)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in release.pods(component):
        assert pod["spec"]["restartPolicy"] == "Always"
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            assert container["livenessProbe"]
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert all(status["ready"] for status in statuses(pod).values())


def test_the_operator_runs_as_nobody_and_cannot_write_its_image(release: Release) -> None:
    (pod,) = release.pods("operator")
    code = "import os, pathlib; print(os.getuid()); pathlib.Path('/usr/mine').write_text('')"
    command = ("exec", pod["metadata"]["name"], f"--namespace={NAMESPACE}", "--", "python3", "-c", code)
    done = release.cluster.attempt(str(release.cluster.bin / "kubectl"), *command)
    assert done.stdout.strip() == "65532", done.stderr
    assert "Read-only file system" in done.stderr


@pytest.mark.parametrize(("component", "container"), [("operator", "operator"), ("scheduler", "extender")])
def test_a_process_that_dies_is_started_again(release: Release, report: Report, component: str, container: str) -> None:
    pod = pod_of(release.cluster, release.pods(component)[0]["metadata"]["name"])
    kill(release.cluster, pod, container)
    assert restarted(release.cluster, pod, container)
    report.survived(f"the {container}'s process killed")


def test_the_default_scheduler_goes_on(neighbour: Neighbour) -> None:
    assert neighbour.unplaced == []
    assert neighbour.restarts() == 0
