"""An operator alone on a control plane, beside the default scheduler: it can be killed and started anew at any moment.

``operator.space(name)`` is a namespace to put jobs into; ``shortly()`` is what they run.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from cluster import ControlPlane
from manifests import JobBuilder, a_job
from processes import Process, free_port, wait_until
from spaces import Space, lasting

Json = dict[str, Any]
NODES = ("t4-901", "t4-902", "v100-901", "v100-902", "cpu-901", "cpu-902")
QUICK = {
    "RETRY_BASE_SECONDS": "0.5",
    "RETRY_CAP_SECONDS": "1",
    "LAUNCH_SECONDS": "1",
    "DEBOUNCE_SECONDS": "0.1",
    "BIND_GRACE_SECONDS": "1",
    "GANG_RELEASE_TIMEOUT_SECONDS": "2",
    "REPLAN_SECONDS": "5",
    "PODLESS_GRACE_SECONDS": "2",
}


@dataclass
class Operator:
    """The process under test; it can be killed and started anew, with other settings if need be."""

    plane: ControlPlane
    processes: list[Process] = field(default_factory=list)

    def start(self, **settings: str) -> None:
        """Start it, the one before being over."""
        ports = ["--health-port", str(free_port()), "--metrics-port", "0"]
        command = [sys.executable, "-m", "heterosched_operator", "--kubeconfig", str(self.plane.kubeconfig), *ports]
        given = {f"HETEROSCHED_OPERATOR_{key}": value for key, value in {**QUICK, **settings}.items()}
        self.processes.append(self.plane.start_process(f"operator-{len(self.processes)}", command, given))

    def kill(self) -> None:
        """SIGKILL."""
        self.processes[-1].kill()

    def stop(self) -> None:
        """SIGTERM."""
        self.processes[-1].stop()

    def alive(self) -> bool:
        """Whether it runs."""
        return self.processes[-1].alive()

    def log(self) -> str:
        """What it said last."""
        return self.processes[-1].output()[-3000:]

    def space(self, namespace: str) -> OperatedSpace:
        """A namespace to put jobs into; the operator is started where it is not alive."""
        if not self.alive():
            self.start()
        return OperatedSpace(self.plane, namespace, self)


@dataclass
class OperatedSpace(Space):
    """One test's namespace, and the operator that acts in it."""

    operator: Operator

    def task(self, job: str, task: str) -> Json:
        """A task as the status has it; empty where it has none."""
        return self.tasks(job).get(task, {})

    def until(self, job: str, type: str, status: str = "True", seconds: float = 90.0, reason: str = "") -> Json:
        """Wait for a condition, for any reason or for this one; returns it."""

        def holds() -> bool:
            own = self.condition(job, type)
            return own.get("status") == status and reason in ("", own["reason"])

        assert wait_until(holds, seconds, 0.3), (self.status(job), self.operator.log())
        return self.condition(job, type)

    def until_task(self, job: str, task: str, state: str, seconds: float = 60.0) -> Json:
        """Wait until a task is in this state; returns it."""
        found = wait_until(lambda: self.task(job, task).get("state") == state, seconds, 0.2)
        assert found, (self.status(job), self.operator.log())
        return self.task(job, task)

    def spec(self, job: str, patch: Json | list[Json], kind: str = "merge") -> None:
        """Edit a job."""
        own = ("patch", "heterojob", job, f"--namespace={self.name}", f"--type={kind}")
        self.plane.kubectl(*own, f"--patch={json.dumps(patch)}")

    def events(self, reason: str) -> list[str]:
        """Messages of all Events with this reason."""
        return [event["message"] for event in self.get("events") if event["reason"] == reason]

    def watch(self, kind: str) -> Process:
        """Log the UID, task and attempt of every object of a kind that is ever seen."""
        labels = ".metadata.labels.heterosched\\.io/"
        columns = f"U:.metadata.uid,T:{labels}task,A:{labels}attempt"
        own = ["get", kind, f"--namespace={self.name}", "--watch", "--no-headers", f"--output=custom-columns={columns}"]
        return self.plane.start_process(f"watch-{kind}-{self.name}", [str(self.plane.bin("kubectl")), *own])


def shortly(seconds: float = 1.0, name: str = "main", exit_code: int | None = None, **pod_spec: Any) -> Json:
    """A pod template that the default scheduler places, and whose simulated run takes so long and ends so."""
    entry = lasting(seconds, name)
    entry["template"]["spec"] |= {"schedulerName": "default-scheduler", **pod_spec}
    if exit_code is not None:
        entry["template"]["metadata"]["annotations"]["sim.heterosched.io/exit-code"] = str(exit_code)
    return entry


def a_diamond(name: str, seconds: float = 1.0) -> JobBuilder:
    """Four tasks: two between the first and the last, one of them on a GPU."""
    return (
        a_job(name)
        .template(shortly(seconds))
        .task("prepare")
        .runtime({"cpu": seconds})
        .task("left")
        .after("prepare")
        .gpus(1, "nvidia-t4", "nvidia-v100")
        .runtime({"nvidia-t4": seconds, "nvidia-v100": seconds})
        .task("right")
        .after("prepare")
        .cpus(2)
        .runtime({"cpu": seconds})
        .task("join")
        .after("left", "right")
        .runtime({"cpu": seconds})
    )
