"""Runs an image as a cluster would - read-only root, no capability, no network - and asks it for its health.

What a program needs to read comes through its standard input, so that an engine on another machine is as good as this
one's own.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from docker_cli import Docker
from recipes import USER, Image, ImageError

GRACE_S = 30.0
"""Kubernetes' own default between SIGTERM and SIGKILL."""
_STARTS_WITHIN_S = 180.0
_LOCKED = ("--read-only", "--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges")
_NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "a100-0", "labels": {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}},
    "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110", "nvidia.com/gpu": "1"}},
}
_CLUSTER = json.dumps({"apiVersion": "v1", "kind": "List", "items": [_NODE]})
# An API server that nobody answers for: the operator has to live through that, too.
_KUBECONFIG = """apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: none}}]
"""
# Process 1 has said what SIGTERM does: bit 14 of the signals that it catches.
_TAKES_SIGNALS = (
    "import re, pathlib; caught = re.search(r'SigCgt:\\s*(\\w+)', pathlib.Path('/proc/1/status').read_text())[1];"
    "raise SystemExit(not int(caught, 16) >> 14 & 1)"
)
_ASK = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=2).status)"


@dataclass(frozen=True)
class Trial:
    """How a program is started for its trial, what it reads, and where it tells its health (empty: it serves none)."""

    arguments: tuple[str, ...]
    reads: str
    health: tuple[str, ...] = ()
    entrypoint: str = ""
    """What is started instead of the image's own program, to start that."""
    writes: bool = False
    """Whether it needs a /tmp to write to."""

    @property
    def options(self) -> tuple[str, ...]:
        """How docker runs anything of the image."""
        return (*_LOCKED, "--tmpfs=/tmp") if self.writes else _LOCKED


_LATER = "cat > /tmp/kubeconfig && exec heterosched-operator --kubeconfig /tmp/kubeconfig"
TRIALS = {
    "operator": Trial(
        arguments=("-c", _LATER),
        reads=_KUBECONFIG,
        health=("http://127.0.0.1:9111/healthz", "http://127.0.0.1:9112/metrics"),
        entrypoint="sh",
        writes=True,
    ),
    "extender": Trial(
        arguments=("--snapshot", "/dev/stdin"),
        reads=_CLUSTER,
        health=tuple(f"http://127.0.0.1:9101/{path}" for path in ("healthz", "readyz", "metrics")),
    ),
    "cli": Trial(arguments=("plan", "-f", "-"), reads=""),
    "lab": Trial(arguments=("plan", "-f", "-"), reads="", writes=True),
}
_WORKLOAD = (
    "python3",
    "-m",
    "heterosched_lab.workloads",
    "montecarlo",
    "--samples",
    "100000",
    "--workers",
    "2",
    "--json",
)
SHOWN: dict[str, list[tuple[str, ...]]] = {
    "operator": [("heterosched-operator", "--help")],
    "extender": [("heterosched-extender", "--help")],
    "cli": [("heterosched", "--help"), ("kubectl-heterosched", "--help")],
    "lab": [("heterosched", "--help"), ("heterosched", "bench", "list"), _WORKLOAD],
}
"""Commands that have to succeed and to print something; the first is the image's own help."""


def check_help(docker: Docker, image: Image) -> float:
    """Run what the image has to show; return the seconds that its own help took. Raises ImageError."""
    taken = 0.0
    for number, (program, *arguments) in enumerate(SHOWN[image.name]):
        began = time.monotonic()
        options = (*TRIALS[image.name].options, f"--entrypoint={program}")
        said = docker.run("run", "--rm", *options, image.tag, *arguments, timeout=_STARTS_WITHIN_S)
        if not said or "cannot be loaded" in said:
            raise ImageError(f"{image.tag}: `{program} {' '.join(arguments)}` said: {said}")
        taken = taken if number else time.monotonic() - began
    return taken


def check_user(docker: Docker, image: Image) -> None:
    """Hold that processes are who they should be, and that the image says so in numbers, as Kubernetes asks."""
    user = docker.inspect(image.tag)["Config"]["User"]
    ran_as = docker.run("run", "--rm", *_LOCKED, "--entrypoint=id", image.tag, "-u")
    if user != f"{USER}:{USER}" or ran_as != str(USER):
        raise ImageError(f"{image.tag}: the user is {user!r} and ran as {ran_as}, not {USER}")


@dataclass(frozen=True)
class _Started:
    """A container under trial, and the file that what it writes goes to."""

    name: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]

    def said(self) -> str:
        """What it wrote last."""
        self.output.seek(0)
        return self.output.read().decode(errors="replace")[-2000:]


@contextmanager
def _running(docker: Docker, image: Image, trial: Trial) -> Iterator[_Started]:
    name = f"heterosched-check-{uuid.uuid4().hex[:12]}"
    command = ["docker", "run", "--rm", "--interactive", f"--name={name}", *trial.options]
    command += [f"--entrypoint={trial.entrypoint}"] if trial.entrypoint else []
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*command, image.tag, *trial.arguments],
            env=dict(docker.environ),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C here must not be the container's SIGTERM
        )
        assert process.stdin is not None
        with process.stdin:
            try:
                process.stdin.write(trial.reads.encode())
                process.stdin.flush()
                if trial.reads:
                    process.stdin.close()
                yield _Started(name, process, output)
            finally:
                if process.poll() is None:
                    docker.attempt("rm", "--force", name)
                    process.wait()


def _wait(docker: Docker, started: _Started, command: list[str]) -> None:
    """Ask within the container until it answers with 0."""
    began = time.monotonic()
    why = ""
    while time.monotonic() - began < _STARTS_WITHIN_S:
        if started.process.poll() is not None:
            raise ImageError(f"it ended with {started.process.returncode}:\n{started.said()}")
        asked = docker.attempt("exec", started.name, *command, timeout=_STARTS_WITHIN_S)
        if asked.returncode == 0:
            return
        why = asked.stderr.strip()[-300:]
        time.sleep(0.2)
    raise ImageError(f"no answer to {command[-1]} within {_STARTS_WITHIN_S:.0f} s: {why}\n{started.said()}")


def _stop(docker: Docker, started: _Started) -> float:
    """Stop it by SIGTERM; return the seconds that took."""
    began = time.monotonic()
    docker.run("kill", "--signal=TERM", started.name)
    try:
        started.process.wait(GRACE_S)
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"still runs {GRACE_S:.0f} s after SIGTERM:\n{started.said()}") from error
    if started.process.returncode not in (0, 143):
        raise ImageError(f"ended with {started.process.returncode} after SIGTERM:\n{started.said()}")
    return time.monotonic() - began


def check_life(docker: Docker, image: Image) -> dict[str, float]:
    """Start the image's program, ask for its health, stop it by SIGTERM; return the seconds of both."""
    trial = TRIALS[image.name]
    questions = [["python3", "-c", _ASK, address] for address in trial.health]
    began = time.monotonic()
    try:
        with _running(docker, image, trial) as started:
            for question in questions or [["python3", "-c", _TAKES_SIGNALS]]:
                _wait(docker, started, question)
            healthy = round(time.monotonic() - began, 2)
            stopped = round(_stop(docker, started), 2)
    except ImageError as error:
        raise ImageError(f"{image.tag}: {error}") from error
    return {"healthy_seconds": healthy, "stopped_seconds": stopped} if questions else {"stopped_seconds": stopped}
