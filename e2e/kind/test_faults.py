"""Whatever is taken away while jobs run on real kubelets - nodes, operator, extender, leader - they complete."""

from __future__ import annotations

from contextlib import ExitStack

from containers import exit_codes, kill, pod_of, restarted, watched
from kind_cluster import KindCluster
from kind_release import NAMESPACE, Release
from kind_report import Report
from manifests import JobBuilder, a_job
from on_kubelets import pods_that_ran, sleeping
from processes import wait_until
from spaces import SpaceOn

Space = SpaceOn[KindCluster]
SIGKILLED = 137


def chain(name: str, seconds: float, tasks: int = 3) -> JobBuilder:
    """Tasks one after the other, each on either kind of GPU."""
    job = a_job(name).template(sleeping(seconds))
    for index in range(tasks):
        job.task(f"part-{index}").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 5, "nvidia-v100": 4})
        if index:
            job.after(f"part-{index - 1}")
    return job


def until_running(space: Space, job: str) -> str:
    """Wait until a pod of the job runs; returns its node."""
    nodes = set[str]()

    def seen() -> bool:
        nodes.update(pod["spec"]["nodeName"] for pod in space.pods(job) if pod["status"]["phase"] == "Running")
        return bool(nodes)

    assert wait_until(seen, 60.0, 0.3), space.status(job)
    (node,) = nodes  # of that look: a short task may have ended by the next one
    return node


def finished(space: Space, job: str, report: Report, fault: str) -> None:
    """The job completes, and the fault counts as survived."""
    status = space.until_completed(job, seconds=150.0)
    assert {task["state"] for task in status["tasks"]} == {"Succeeded"}
    report.ran(*pods_that_ran(space))
    report.survived(fault)


def test_a_node_is_drained_and_uncordoned(space: Space, report: Report) -> None:
    space.apply(a_job("drained").template(sleeping(12)).task("only").gpus(1, "nvidia-t4", "nvidia-v100"))
    node = until_running(space, "drained")
    drain = ("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=100s")
    space.plane.kubectl(*drain, timeout_s=110.0)
    try:
        finished(space, "drained", report, "a node drained and uncordoned")
        assert node not in {
            pod["spec"]["nodeName"] for pod in space.pods("drained") if pod["status"]["phase"] == "Succeeded"
        }
    finally:
        space.plane.kubectl("uncordon", node)


def test_a_worker_is_stopped_and_started(release: Release, space: Space, report: Report) -> None:
    space.apply(a_job("stopped").template(sleeping(12)).task("only").gpus(1, "nvidia-t4", "nvidia-v100"))
    node = until_running(space, "stopped")
    space.plane.stop_node(node)
    try:
        assert wait_until(lambda: not space.plane.ready(node), 60.0, 0.5)
    finally:
        space.plane.start_node(node)
    finished(space, "stopped", report, "a worker stopped and started")
    release.until_ready()


def test_the_operator_is_killed(release: Release, space: Space, report: Report) -> None:
    space.apply(chain("orphaned", 4))
    until_running(space, "orphaned")
    (pod,) = release.pods("operator")
    delete = ("delete", "pod", pod["metadata"]["name"], f"--namespace={NAMESPACE}", "--grace-period=0", "--force")
    space.plane.kubectl(*delete)
    finished(space, "orphaned", report, "the operator's pod killed")
    assert pod["metadata"]["uid"] not in {own["metadata"]["uid"] for own in release.pods("operator")}


def test_an_extender_is_killed(release: Release, space: Space, report: Report) -> None:
    space.apply(chain("unadvised", 2))
    until_running(space, "unadvised")
    leader = pod_of(release.cluster, holder(release))
    kill(release.cluster, leader, "extender")
    finished(space, "unadvised", report, "the leading scheduler's extender killed")
    assert restarted(release.cluster, leader, "extender")


def holder(release: Release) -> str:
    """The scheduler's pod that leads."""
    lease = ("get", "lease", "heterosched", f"--namespace={NAMESPACE}", "--output=jsonpath={.spec.holderIdentity}")
    return release.cluster.kubectl(*lease).partition("_")[0]


def test_the_leading_scheduler_is_deleted(release: Release, space: Space, report: Report) -> None:
    before = holder(release)
    space.apply(chain("headless", 2))
    until_running(space, "headless")
    space.plane.kubectl("delete", "pod", before, f"--namespace={NAMESPACE}", "--wait=false")
    finished(space, "headless", report, "the leading scheduler's pod deleted")
    assert holder(release) != before
    release.until_ready()


def test_every_container_stops_when_it_is_told_to(release: Release) -> None:
    cluster = release.cluster
    release.until_ready()
    pods = [*release.pods("operator"), *release.pods("scheduler")]
    with ExitStack() as stack:
        states = {pod["metadata"]["name"]: stack.enter_context(watched(cluster, pod)) for pod in pods}
        names = (pod["metadata"]["name"] for pod in pods)
        cluster.kubectl("delete", "pod", *names, f"--namespace={NAMESPACE}", "--timeout=50s")
    for pod in pods:
        codes = exit_codes(states[pod["metadata"]["name"]])
        assert codes, f"{pod['metadata']['name']} went without a word"
        assert SIGKILLED not in codes.values(), codes
    release.until_ready()
