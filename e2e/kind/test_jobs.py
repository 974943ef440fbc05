"""Examples and jobs complete on real kubelets, placed and measured by what the cluster's own Prometheus says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count

import pytest

from examples import EXAMPLES, documents
from kind_cluster import KindCluster
from kind_release import Release
from kind_report import Report
from manifests import a_job
from on_kubelets import fitted, pods_that_ran, sleeping
from processes import wait_until
from spaces import SpaceOn, a_namespace

Space = SpaceOn[KindCluster]
SERVICE, PLAIN = "deployment.yaml", "plain-job.yaml"
JOBS = ("graph.yaml", "one-task.yaml", "gang.yaml", "deadline.yaml", "energy-budget.yaml")
COMPLETE, AVAILABLE = (
    ("--for=condition=Complete", "--timeout=55s"),
    ("--for=condition=Available", "--timeout=55s"),
)
BUSY_WATTS = 60.0
"""What the exporter says of a GPU that somebody holds."""


@pytest.fixture(scope="module")
def applied(release: Release) -> Iterator[Space]:
    """All examples that end, at once: they share eight GPUs."""
    with a_namespace(release.cluster, "examples") as name:
        space = SpaceOn(release.cluster, name)
        space.apply(*(fitted(one) for file in (*JOBS, PLAIN) for one in documents(EXAMPLES / file)))
        yield space


@pytest.mark.parametrize("file", JOBS)
def test_an_example_completes(applied: Space, report: Report, file: str) -> None:
    for manifest in documents(EXAMPLES / file):
        name = manifest["metadata"]["name"]
        status = applied.until_completed(name, seconds=180.0)
        assert {task["state"] for task in status["tasks"]} == {"Succeeded"}
        ran = pods_that_ran(applied, f"heterosched.io/job={name}")
        assert len(ran) == sum(len(task["workers"]) for task in status["tasks"])
        report.ran(*ran)


def test_a_plain_job_and_a_deployment_opt_in(applied: Space, report: Report) -> None:
    # A service holds its GPUs for good: a replica on each node would leave no room for the gang of four on either.
    applied.apply(*map(fitted, documents(EXAMPLES / SERVICE)))
    applied.plane.kubectl("wait", f"--namespace={applied.name}", *COMPLETE, "job/encode")
    applied.plane.kubectl("wait", f"--namespace={applied.name}", *AVAILABLE, "deployment/inference")
    encoding, serving = applied.get("pods", "job-name=encode"), applied.get("pods", "app=inference")
    assert (len(encoding), len(serving)) == (3, 2)
    assert {pod["spec"]["schedulerName"] for pod in (*encoding, *serving)} == {"heterosched"}
    report.ran(*pods_that_ran(applied, "job-name=encode"))


def test_the_words_of_a_pod_name_its_device(space: Space) -> None:
    space.apply(a_job("told").template(sleeping(0)).task("only").gpus(1, "nvidia-v100"))
    space.until_completed("told")
    (pod,) = space.pods("told")
    said = space.plane.kubectl("logs", pod["metadata"]["name"], f"--namespace={space.name}")
    assert said.strip() == "on nvidia-v100"
    assert pod["spec"]["nodeName"] == space.plane.workers[1]


def test_the_energy_of_a_job_is_what_the_exporter_said(space: Space) -> None:
    space.apply(a_job("measured").template(sleeping(15)).task("only").gpus(2, "nvidia-t4"))
    status = space.until_completed("measured")
    assert space.condition("measured", "TelemetryAvailable")["status"] == "True"
    assert wait_until(lambda: "energyJoules" in space.status("measured")["outcome"], 40.0, 0.5), status
    outcome = space.status("measured")["outcome"]
    assert outcome["energySource"] == "simulated", outcome  # as the operator was told; measured by the exporter
    assert 2 * BUSY_WATTS * 10 < float(outcome["energyJoules"]) < 2 * BUSY_WATTS * 40


def test_a_hot_gpu_is_avoided_while_prometheus_says_so(release: Release, space: Space) -> None:
    slow, fast = space.plane.workers
    space.plane.kubectl("annotate", "node", fast, "sim.heterosched.io/gpu-temp=95")
    try:
        assert wait_until(lambda: "95" in devices(release), 60.0, 1.0), devices(release)
        # Operator and extenders ask Prometheus each at its own time; a job or two may still be placed by what was.
        names = (f"cool-{number}" for number in count())
        assert wait_until(lambda: node_of_the_faster(space, next(names)) == slow, 60.0, 1.0)
    finally:
        space.plane.kubectl("annotate", "node", fast, "sim.heterosched.io/gpu-temp-")


def node_of_the_faster(space: Space, name: str) -> str:
    """Where a job has run that a V100 finishes in half the time."""
    job = a_job(name).policy("Performance").template(sleeping(1))
    seconds = {"nvidia-t4": 20, "nvidia-v100": 10}
    space.apply(job.task("only").gpus(1, "nvidia-t4", "nvidia-v100").runtime(seconds))
    space.until_completed(name)
    (pod,) = space.pods(name)
    return str(pod["spec"]["nodeName"])


def devices(release: Release) -> str:
    """What Prometheus says of the GPUs' temperatures."""
    query = "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query=DCGM_FI_DEV_GPU_TEMP"
    found = json.loads(release.cluster.kubectl("get", "--raw", query))
    return " ".join(one["value"][1] for one in found["data"]["result"])


def test_pods_that_a_namespace_refuses_are_told_of(space: Space) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    space.plane.kubectl("label", "namespace", space.name, label)
    space.apply(a_job("refused").template(sleeping(0)).task("only").gpus(1, "nvidia-t4"))
    assert wait_until(lambda: "violates PodSecurity" in json.dumps(space.status("refused")), 60.0, 0.5), space.status(
        "refused"
    )


def test_pods_that_obey_run_in_a_restricted_namespace(space: Space, report: Report) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    space.plane.kubectl("label", "namespace", space.name, label)
    obedient = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    template = sleeping(0, securityContext=obedient)
    (container,) = template["template"]["spec"]["containers"]
    container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    gang = a_job("obedient").template(template).task("only").gpus(1, "nvidia-t4", "nvidia-v100")
    space.apply(gang.workers(2, 2, gang=True, rendezvous=True))
    space.until_completed("obedient")
    report.ran(*pods_that_ran(space))
    assert len(pods_that_ran(space)) == 2
