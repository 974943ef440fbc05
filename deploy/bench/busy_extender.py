"""Our extender as it runs in production, beside a feed of changes and telemetry, and what its process takes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import free_port, wait_until

HERE = Path(__file__).resolve().parent
_TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 120.0


class BenchError(Exception):
    """A benchmark cannot be run; says what is missing and how to get it."""


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int, field: str = "VmRSS") -> float:
    """Resident memory (or another field of /proc/PID/status in kB) in MB of 2**20 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def children(pid: int) -> list[int]:
    """The processes that `pid` started: of the extender, the telemetry collector."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass(frozen=True)
class Busy:
    """A running extender: where it answers, its process, and what coming up took (seconds)."""

    url: str
    ops: str
    pid: int
    ready_seconds: float
    ready_cpu_seconds: float

    def metric(self, name: str) -> dict[str, float]:
        """A metric of its own, by the text of its labels."""
        text = _get(f"{self.ops}/metrics")
        found = (line.rpartition(" ") for line in text.splitlines() if line.startswith(name))
        return {series.removeprefix(name): float(value) for series, _, value in found}


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


@contextlib.contextmanager
def feed(folder: Path, changes: float, pods: int) -> Iterator[str]:
    """The cluster's side; yields its address."""
    command = [sys.executable, str(HERE / "feed.py"), str(folder), "--changes", str(changes), "--pods", str(pods)]
    with (folder / "feed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        if not port:
            raise BenchError(f"the feed did not come up, see {folder / 'feed.log'}")
        yield f"http://127.0.0.1:{port}"
    finally:
        _end(process)


@contextlib.contextmanager
def extender(folder: Path, cluster: str) -> Iterator[Busy]:
    """Our extender on that cluster, ready. Raises BenchError when it does not come up."""
    kubeconfig = folder / "feed.kubeconfig"
    kubeconfig.write_text(json.dumps(_kubeconfig(cluster)))
    verbs, ops = free_port(), free_port()
    command = [sys.executable, "-m", "heterosched_extender", "--kubeconfig", str(kubeconfig)]
    command += ["--port", str(verbs), "--ops-port", str(ops), "--prometheus-url", cluster]
    environment = with_bytecode(folder)
    started = time.monotonic()
    with (folder / "extender.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        url = f"http://127.0.0.1:{ops}"
        if not wait_until(lambda: process.poll() is not None or _ready(url), START_SECONDS) or not _ready(url):
            raise BenchError(f"the extender did not come up, see {folder / 'extender.log'}")
        took = time.monotonic() - started
        yield Busy(f"http://127.0.0.1:{verbs}", url, process.pid, took, cpu_seconds(process.pid))
    finally:
        _end(process)


def with_bytecode(folder: Path) -> dict[str, str]:
    """An environment in which modules are compiled already, as those of an image are; compiles them into `folder`.

    Compiling takes as much time as starting does, and leaves memory in pieces.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    modules = "heterosched_extender.program, heterosched_extender.settings, heterosched.telemetry.child"
    subprocess.run([sys.executable, "-c", f"import {modules}"], check=True, env=environment)
    return environment


def _kubeconfig(server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "feed",
        "clusters": [{"name": "feed", "cluster": {"server": server}}],
        "users": [{"name": "feed", "user": {}}],
        "contexts": [{"name": "feed", "context": {"cluster": "feed", "user": "feed"}}],
    }


def _ready(ops: str) -> bool:
    try:
        return _get(f"{ops}/readyz") == "ok"
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
