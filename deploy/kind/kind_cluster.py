"""A real kind cluster of three nodes for the end-to-end tests: made, given GPUs, filled with images, taken away.

    with KindCluster(engine, Path("build/e2e-kind")) as cluster:
        cluster.load(["heterosched/operator:0.1.0"])
        cluster.kubectl("get", "nodes")

The kubelets are real; the GPUs are entries of the nodes' status, which a real kubelet keeps and counts but never sees.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import yaml

import sysctls
from binaries import ControlPlaneError, ensure
from engine import Engine
from processes import wait_until

HERE = Path(__file__).resolve().parent
NAME = "heterosched-e2e"
GPUS = 4
_GIVEN = json.dumps({"status": {kind: {"nvidia.com/gpu": f"{GPUS}"} for kind in ("capacity", "allocatable")}})


class KindCluster:
    """The cluster `name` on `engine`; its kubeconfig and what it notes of the machine lie in `folder`.

    Only one of a name exists on an engine: one that a killed run left behind is deleted first. `keep` leaves the
    cluster running at the end.
    """

    def __init__(self, engine: Engine, folder: Path, name: str = NAME, keep: bool = False) -> None:
        if engine.kind is None:
            raise ControlPlaneError(f"{engine.origin}: no kind command; install kind, https://kind.sigs.k8s.io")
        self.engine, self.name, self.keep = engine, name, keep
        self.folder = folder.resolve()
        self.kubeconfig = self.folder / "kubeconfig"
        self.bin = ensure()
        self._kind = engine.kind
        self._note = self.folder / "sysctls-before.json"

    def __enter__(self) -> KindCluster:
        try:
            return self.up()
        except BaseException:
            try:
                self.collect(self.folder / "logs")
            finally:  # Ctrl-C once more, or logs that take too long
                self.down()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self.keep:
            self.down()

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables under which docker, kind, kubectl and helm reach engine and cluster."""
        path = f"{self.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**self.engine.environment(os.environ), "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    @property
    def workers(self) -> tuple[str, str]:
        """The nodes with GPUs: T4s, V100s."""
        return f"{self.name}-worker", f"{self.name}-worker2"

    def run(self, *command: str, stdin: str | None = None, timeout_s: float = 60.0) -> str:
        """Run a program that is to work and return what it says; ControlPlaneError with its words if it fails."""
        done = self.attempt(*command, stdin=stdin, timeout_s=timeout_s)
        if done.returncode != 0:
            raise ControlPlaneError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def attempt(
        self, *command: str, stdin: str | None = None, timeout_s: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a program that may fail."""
        return subprocess.run(
            command,
            env=dict(self.environment),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout_s: float = 60.0) -> str:
        """Run kubectl against this cluster and return its output."""
        return self.run(str(self.bin / "kubectl"), *arguments, stdin=stdin, timeout_s=timeout_s)

    def docker(self, *arguments: str, timeout_s: float = 120.0) -> str:
        """Run docker against the engine and return its output."""
        return self.run("docker", *arguments, timeout_s=timeout_s)

    def kind(self, *arguments: str, timeout_s: float = 300.0) -> str:
        """Run kind against the engine and return its output."""
        return self.run(self._kind, *arguments, timeout_s=timeout_s)

    def up(self) -> KindCluster:
        """Make the cluster, wait until its nodes are Ready, and give the workers their GPUs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sysctls.note(self._note)
        self.kind("delete", "cluster", "--name", self.name, timeout_s=600.0)
        file = self.folder / "kind.yaml"
        file.write_text(yaml.safe_dump(self.configuration()))
        chosen = () if self.engine.kind_node_image is None else ("--image", self.engine.kind_node_image)
        self.kind("create", "cluster", "--name", self.name, "--config", str(file), "--retain", *chosen, timeout_s=600.0)
        self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=120s", timeout_s=130.0)
        self.give_gpus()
        return self

    def configuration(self) -> dict[str, object]:
        """kind's configuration: the file beside this, and what this machine asks for."""
        found: dict[str, object] = yaml.safe_load((HERE / "cluster.yaml").read_text())
        patches = found["kubeadmConfigPatches"]
        if self.docker("info", "--format", "{{.CgroupVersion}}").strip() == "1" and isinstance(patches, list):
            # From 1.35 on a kubelet refuses cgroup v1 without this; it is not said elsewhere, since it will go away.
            patches.append("kind: KubeletConfiguration\nfailCgroupV1: false\n")
        return found

    def give_gpus(self) -> None:
        """Put the GPUs into the workers' status. A kubelet that registers anew may drop them: then call this again."""
        for node in self.workers:
            self.kubectl("patch", "node", node, "--subresource=status", "--type=merge", f"--patch={_GIVEN}")

    def load(self, images: Sequence[str]) -> None:
        """Put images of the engine on all nodes; layers that they share travel once."""
        self.kind("load", "docker-image", "--name", self.name, *images, timeout_s=600.0)

    def stop_node(self, node: str) -> None:
        """Stop the container that is a node, as a power cut would."""
        self.docker("stop", "--time=1", node)

    def start_node(self, node: str) -> None:
        """Start it again and wait until it is Ready with its GPUs."""
        self.docker("start", node)
        assert wait_until(lambda: self.ready(node), 120.0, 0.5), f"{node} is not back"
        self.give_gpus()

    def ready(self, node: str) -> bool:
        """Whether the API server calls a node Ready."""
        path = '{.status.conditions[?(@.type=="Ready")].status}'
        return (
            self.attempt(str(self.bin / "kubectl"), "get", "node", node, f"--output=jsonpath={path}").stdout == "True"
        )

    def collect(self, to: Path) -> None:
        """Write down what helps after a failure: kind's logs of all nodes, and all objects with their events."""
        to.mkdir(parents=True, exist_ok=True)
        self.attempt(self._kind, "export", "logs", "--name", self.name, str(to / "nodes"), timeout_s=300.0)
        everything = ("nodes,pods,jobs,deployments,heterojobs", "--all-namespaces")
        asked = {
            "objects.yaml": ("get", *everything, "--output=yaml"),
            "objects.txt": ("get", *everything, "--output=wide"),
            "events.txt": ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"),
        }
        for file, arguments in asked.items():
            done = self.attempt(str(self.bin / "kubectl"), *arguments)
            (to / file).write_text(done.stdout + done.stderr)

    def down(self) -> None:
        """Delete the cluster, and put the machine's settings back unless another kind cluster runs on it."""
        try:
            self.kind("delete", "cluster", "--name", self.name, timeout_s=600.0)
        finally:
            self._put_back()

    def _put_back(self) -> None:
        # Where kind cannot say what runs, none is: the engine is gone.
        if not self.attempt(self._kind, "get", "clusters", timeout_s=60.0).stdout.strip():
            for left in sysctls.put_back(self._note):
                print(f"sysctl {left.replace('/', '.')} is as the kubelet left it: root may put it back")
