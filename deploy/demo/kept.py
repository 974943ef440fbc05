"""A demo that is left running: how to look around in it, and how to end it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.console import Console

import jobs
from cluster import ControlPlane
from guardian import marked_processes
from inventory import read_state
from stack import Stack, past_proxies

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "demo"
NAME = "demo"
VERBATIM: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
"""For lines that are copied: as they are, unbroken."""


def how_to_end(build: Path) -> str:
    """The command that ends what --keep has left running in `build`."""
    return f"make demo ARGS={'--down' if build == BUILD else repr(f'--down --build {build}')}"


def is_up(build: Path) -> bool:
    """Whether an earlier --keep, or a demo beside this one, runs in `build`."""
    state = read_state(build / NAME)
    return state is not None and bool(marked_processes(state["mark"]))


def say_how_to_look(plane: ControlPlane, stack: Stack, build: Path, console: Console) -> None:
    """Commands to look around with, shown and written down to be sourced."""
    export = [
        f"export KUBECONFIG={plane.kubeconfig} HETEROSCHED_DECISIONS_URL={stack.decisions_url}",
        f"export PATH={ROOT / '.venv' / 'bin'}:{plane.bin('kubectl').parent}:$PATH",
        "export " + " ".join(f"{name}={value}" for name, value in past_proxies(os.environ).items()),
    ]
    (build / "environment.sh").write_text("\n".join(export) + "\n")
    pod = "-l heterosched.io/job=shufflenet-energy -o jsonpath={..metadata.name}"
    fast = "-l heterosched.io/job=shufflenet-performance -o jsonpath={..metadata.name}"
    cool = f"$(kubectl get pods -n {jobs.NAMESPACE} {fast.replace('metadata.name', 'spec.nodeName')})"
    lines = [
        f"source {build / 'environment.sh'}",
        "heterosched jobs -A",
        "heterosched doctor   # by the address above it knows that the programs are no pods here",
        f"kubectl get heterojobs -n {jobs.NAMESPACE} -o wide",
        f"kubectl describe heterojob -n {jobs.NAMESPACE} shufflenet-energy",
        f"heterosched why -n {jobs.NAMESPACE} $(kubectl get pods -n {jobs.NAMESPACE} {pod})",
        f"heterosched what-if -n {jobs.NAMESPACE} $(kubectl get pods -n {jobs.NAMESPACE} {fast}) "
        f"--set gpu_temperature:{cool}=95   # as if its node had been hot: advised elsewhere; the plan stays as it was",
        f"kubectl apply -n {jobs.NAMESPACE} -f {ROOT / 'examples' / 'graph.yaml'}   # 20 simulated seconds per task",
        f"heterosched jobs -n {jobs.NAMESPACE} analysis   # task by task, with what it waits for",
        f"kubectl get htp -n {jobs.NAMESPACE} {jobs.PROFILE} -o yaml   # what finished runs have taught",
        f"# Prometheus: {stack.prometheus.url}; logs: {plane.folder / 'logs'}",
        f"# metrics: extender {stack.decisions_url}/metrics, operator {stack.metrics_url}",
        f"# to end it: {how_to_end(build)}",
    ]
    console.print("left running; to look around:", *(f"   {line}" for line in lines), sep="\n", **VERBATIM)
