"""A release is upgraded, rolled back and removed while jobs run: none is lost, nothing stays, nobody else notices."""

from __future__ import annotations

import json

from kind_cluster import KindCluster
from kind_release import BEFORE, NAMESPACE, VERSION, Release
from kind_report import Report
from manifests import a_job
from neighbour import Neighbour
from on_kubelets import pods_that_ran, sleeping
from processes import wait_until
from spaces import SpaceOn, a_namespace

Space = SpaceOn[KindCluster]
KINDS = (
    "deployments,daemonsets,statefulsets,jobs,services,configmaps,secrets,serviceaccounts,roles,rolebindings,leases,"
    "poddisruptionbudgets,networkpolicies,clusterroles,clusterrolebindings,priorityclasses,"
    "validatingwebhookconfigurations,mutatingwebhookconfigurations"
)
CRDS = ("heterojobs.heterosched.io", "schedulingpolicies.heterosched.io", "throughputprofiles.heterosched.io")
OF_KUBERNETES = ("kube-root-ca.crt", "default")
"""What every namespace gets from Kubernetes itself."""


def test_jobs_run_on_through_downgrade_upgrade_and_rollback(release: Release, space: Space, report: Report) -> None:
    former = release.package(BEFORE)
    job = a_job("lasting").template(sleeping(10))
    for index in range(5):
        job.task(f"part-{index}").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 11, "nvidia-v100": 10})
        if index:
            job.after(f"part-{index - 1}")
    space.apply(job)
    assert wait_until(lambda: space.phases("lasting", "Running") == 1, 60.0, 0.3), space.status("lasting")
    release.upgrade(former)
    assert running(release) == {BEFORE}
    report.survived(f"downgrade to {BEFORE}")
    release.upgrade()
    assert running(release) == {VERSION}
    report.survived(f"upgrade from {BEFORE}")
    release.rollback(release.history()[-2]["revision"])
    assert running(release) == {BEFORE}
    report.survived(f"rollback to {BEFORE}")
    status = space.until_completed("lasting", seconds=120.0)
    assert {task["state"] for task in status["tasks"]} == {"Succeeded"}
    assert {task.get("attempt", 0) for task in status["tasks"]} == {0}
    assert len(space.pods("lasting")) == 5
    report.ran(*pods_that_ran(space))


def running(release: Release) -> set[str]:
    """The versions of the operator and the extender by the images that run."""
    pods = [*release.pods("operator"), *release.pods("scheduler")]
    found = [
        one["image"] for pod in pods for one in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])
    ]
    return {image.rpartition(":")[2] for image in found if "kube-scheduler" not in image}


def test_uninstall_leaves_what_runs_and_nothing_of_its_own(
    release: Release, neighbour: Neighbour, report: Report
) -> None:
    cluster = release.cluster
    with a_namespace(cluster, "uninstalled") as name:
        space = SpaceOn(cluster, name)
        space.apply(
            a_job("running").template(sleeping(40)).task("only").gpus(1, "nvidia-t4", "nvidia-v100"),
            a_job("waiting").template(sleeping(1)).task("only").gpus(5, "nvidia-t4"),
        )
        assert wait_until(lambda: space.phases("running", "Running") == 1, 60.0, 0.3), space.status("running")
        (pod,) = space.pods("running")
        said = release.uninstall()
        for job in ("running", "waiting"):
            assert f"HeteroJob {name}/{job}: suspended" in said
        jobs = {one["metadata"]["name"]: one for one in space.get("heterojobs")}
        assert {one["spec"].get("suspend") for one in jobs.values()} == {True}
        assert space.pods("waiting") == []
        (left,) = space.pods("running")
        assert left["metadata"]["uid"] == pod["metadata"]["uid"]
        assert left["status"]["phase"] in ("Running", "Succeeded")
        assert wait_until(lambda: space.phases("running", "Succeeded") == 1, 90.0, 0.5)
        report.ran(*pods_that_ran(space))
        report.survived("uninstallation with jobs running")
        assert of_ours(cluster) == []
        cluster.kubectl("delete", "crd", *CRDS)  # the documented command that removes the definitions and all jobs
        assert wait_until(lambda: space.get("pods") == [], 60.0, 0.5)  # the garbage collector follows the definitions
    neighbour.stop()
    assert neighbour.unplaced == []
    assert neighbour.restarts() == 0
    report.facts["pods_of_the_default_scheduler_placed_meanwhile"] = neighbour.placed


def of_ours(cluster: KindCluster) -> list[str]:
    """Every object in the cluster that bears our name or lies in our namespace, but what Kubernetes puts there."""
    said = cluster.kubectl("get", KINDS, "--all-namespaces", "--output=json")
    found = []
    for one in json.loads(said)["items"]:
        name, namespace = one["metadata"]["name"], one["metadata"].get("namespace", "")
        ours = namespace == NAMESPACE or ("heterosched" in name and not name.startswith(cluster.name))
        if ours and name not in OF_KUBERNETES:
            found.append(f"{one['kind']}/{namespace}/{name}")
    return found
