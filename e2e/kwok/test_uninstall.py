"""Removed while jobs run, the chart leaves bound pods and CRDs; what it suspended goes on once it is installed again.

Helm and the control plane are real; kwok only plays the hook's pod, so the test runs what that pod would.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGSTOP
from typing import Any

import pytest
import yaml

from cluster import ControlPlane
from installed import CHART, HOME, RELEASE, Installed, run_hook
from manifests import JobBuilder, a_job
from processes import wait_until
from spaces import Space, a_fake_node, a_namespace, a_pod, lasting

NODES = ("v100-0", "v100-1", "cpu-0", "cpu-1")
WORKDIR = Path(__file__).resolve().parents[2] / "build" / "e2e"
ANNOTATION = "heterosched.io/suspended-by"
KINDS = (
    "clusterroles,clusterrolebindings,priorityclasses,roles,rolebindings,serviceaccounts,configmaps,services,"
    "deployments,pods,jobs,poddisruptionbudgets,leases,secrets"
)
Json = dict[str, Any]


class ByHelm(Installed):
    """What `helm install` installs; beside its fake pods run the programs that would be in them."""

    def grant(self) -> None:
        """Install the chart."""
        self.helm("install", RELEASE, str(CHART), "--create-namespace")

    def apply_crds(self) -> None:
        """They are the chart's."""
        self.plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")

    def helm(self, *arguments: str) -> str:
        """Run helm; its words as an error where it fails."""
        own = (f"--namespace={HOME}", f"--kubeconfig={self.plane.kubeconfig}", "--timeout=120s")
        command = [str(self.plane.bin("helm")), *arguments, *own]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    @contextmanager
    def hooked(self, account: str, *arguments: str) -> Iterator[None]:
        """Run helm, and inside of the block what its hook's pod would run, under the hook's account."""
        helm = threading.Thread(target=self.helm, args=arguments)
        helm.start()
        lookup = ("get", "rolebinding,clusterrolebinding", "--all-namespaces", "--output=name")
        assert wait_until(lambda: f"/{account}\n" in self.plane.kubectl(*lookup), 60.0, 0.3), f"no hook {account}"
        yield
        self._finish(account)
        helm.join()

    def _finish(self, job: str) -> None:
        """End the hook's pod as if it had done what the test has just done in its place."""
        own = (f"--namespace={HOME}", f"--selector=batch.kubernetes.io/job-name={job}")
        running = ("get", "pods", *own, "--field-selector=status.phase=Running", "--output=name")
        assert wait_until(lambda: bool(self.plane.kubectl(*running)), 60.0, 0.3), f"the pod of {job} does not start"
        patch = '{"status": {"phase": "Succeeded"}}'
        for pod in self.plane.kubectl(*running).split():
            target = ("patch", pod, f"--namespace={HOME}", "--subresource=status", "--type=merge", f"--patch={patch}")
            self.plane.kubectl(*target)

    def start_again(self) -> None:
        """The programs with new tokens: their accounts were deleted and made anew."""
        for process in (self.extender, self.scheduler, self.operator):
            process.kill()
        self._kubeconfigs.clear()
        self.start_extender()
        self.start_scheduler()
        self.start_operator()


@pytest.fixture(scope="module")
def stack() -> Iterator[ByHelm]:
    with ControlPlane(f"e2e-uninstall-{os.getpid()}", WORKDIR, keep_logs=True) as plane:
        plane.kubectl("create", "--filename=-", stdin=yaml.safe_dump_all([a_fake_node(name) for name in NODES]))
        plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
        yield ByHelm(plane).up()  # type: ignore[misc]


@pytest.fixture(scope="module")
def space(stack: ByHelm) -> Iterator[Space]:
    with a_namespace(stack.plane, "uninstall") as name:
        yield Space(stack.plane, name)


def one(name: str, seconds: float) -> JobBuilder:
    return a_job(name).template(lasting(seconds)).task("t").gpus(1, "nvidia-v100")


def jobs(space: Space) -> dict[str, Json]:
    return {job["metadata"]["name"]: job for job in space.get("heterojobs")}


def suspended_by(job: Json) -> str:
    annotations: dict[str, str] = job["metadata"].get("annotations", {})
    return annotations.get(ANNOTATION, "")


def uids(space: Space) -> dict[str, str]:
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in space.get("pods")}


def left_of(plane: ControlPlane) -> list[str]:
    found = plane.kubectl(
        "get", KINDS, "--all-namespaces", f"--selector=app.kubernetes.io/instance={RELEASE}", "-oname"
    )
    return found.split()


def test_removed_while_jobs_run_and_installed_again(stack: ByHelm, space: Space) -> None:
    space.apply(one("done", 0.5), one("mine", 600.0).suspended())
    space.until_completed("done")
    space.apply(one("running", 45.0), a_pod("foreign", 600.0, scheduler="default-scheduler"))
    assert wait_until(lambda: space.phases("running", "Running") == 1, 60.0, 0.3), space.status("running")
    stack.scheduler.send_signal(SIGSTOP)
    space.apply(one("waiting", 1.0), a_pod("plain", 1.0))
    assert wait_until(lambda: len(space.pods("waiting")) == 1, 60.0, 0.3), space.status("waiting")
    before = uids(space)
    stack.operator.kill()  # the uninstallation has to do without

    _, text = _uninstalled(stack)
    for words in ("waiting: suspended", "running: suspended", f"Pod {space.name}/plain waits for a scheduler named"):
        assert words in text
    assert "2 HeteroJobs suspended" in text
    found = jobs(space)
    assert {name for name, job in found.items() if suspended_by(job)} == {"running", "waiting"}
    assert all(found[name]["spec"]["suspend"] for name in ("running", "waiting", "mine"))
    assert "Helm release heterosched" in suspended_by(found["running"])
    events = {event["reason"] for event in space.get("events")}
    assert "SuspendedByUninstall" in events
    assert wait_until(lambda: not space.pods("waiting"), 30.0, 0.3), "its Job must not make them anew"
    kept = uids(space)
    assert kept.items() <= before.items()
    assert set(before) - set(kept) == {name for name in before if name.startswith("waiting-")}
    assert wait_until(lambda: left_of(stack.plane) == [], 60.0, 1.0), left_of(stack.plane)
    assert "heterojobs.heterosched.io" in stack.plane.kubectl("get", "crd", "--output=name")
    assert wait_until(lambda: space.phases("running", "Succeeded") == 1, 90.0, 0.5), "bound pods run on"

    with stack.hooked("heterosched-resume", "install", RELEASE, str(CHART)):
        resumed = run_hook(stack.plane, "heterosched-resume", "resume-all", "--by=the test")
    assert "2 resumed" in resumed.stderr, resumed.stderr
    stack.start_again()
    for name in ("running", "waiting"):
        space.until_completed(name)
    assert {suspended_by(job) for job in jobs(space).values()} == {""}
    assert jobs(space)["mine"]["spec"]["suspend"] and space.phases("mine", "Running") == 0
    assert {task.get("attempt", 0) for task in space.tasks("running").values()} == {0}, "nothing ran twice"
    assert uids(space)["foreign"] == before["foreign"]
    hooks = ("get", "serviceaccounts,jobs", f"--namespace={HOME}", "--output=name")
    assert wait_until(lambda: "heterosched-resume" not in stack.plane.kubectl(*hooks), 30.0, 0.5)


def _uninstalled(stack: ByHelm) -> tuple[str, str]:
    """Uninstall; what a dry run said before, and what the real one said."""
    with stack.hooked("heterosched-suspend", "uninstall", RELEASE):
        dry = run_hook(stack.plane, "heterosched-suspend", "suspend-all", "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert "would be suspended" in dry.stderr
        real = run_hook(stack.plane, "heterosched-suspend", "suspend-all", f"--by=Helm release {RELEASE}")
        assert real.returncode == 0, real.stderr
        again = run_hook(stack.plane, "heterosched-suspend", "suspend-all")
        assert "0 HeteroJobs suspended" in again.stderr, again.stderr
    return dry.stderr, real.stderr
