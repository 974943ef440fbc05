"""The main job, on real parts: plan, place and finish HeteroJobs on sixty fake nodes under a real control plane.

make demo               runs it and ends everything
make demo ARGS=--keep   leaves it running and says how to look around
make demo ARGS=--down   ends what --keep has left running
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy" / folder) for folder in ("control-plane", "scheduler", "demo")]

import fleet  # noqa: E402  (the folders above are no packages)
import jobs  # noqa: E402
import report  # noqa: E402
import truth  # noqa: E402
from binaries import ControlPlaneError, ensure  # noqa: E402
from cluster import ControlPlane  # noqa: E402
from inventory import end_cluster  # noqa: E402
from processes import wait_until  # noqa: E402
from stack import Stack, past_proxies  # noqa: E402
from watch import follow, read_jobs  # noqa: E402

EXAMPLES = ROOT / "examples" / "data"
INSTANCE = "wfinstances/epigenomics-chameleon-hep-2seq-100k-001.json.gz"
EXCERPT = EXAMPLES / "epigenomics-excerpt.json"
BUILD = ROOT / "build" / "demo"
NAME = "demo"
BUSY_NODES = 9
JOBS_LIMIT_S = 300.0
WIDE = 160
"""Columns of the output where no terminal says how many there are: a pipe or a file cuts nothing off."""
VERBATIM: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
"""For lines that are copied: as they are, unbroken."""


class Stages:
    """Prints what is being done and keeps how long it took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[None]:
        """One stage; its seconds go into the report under `name`."""
        self.console.print(f"[bold]== {what}[/bold]", highlight=False)
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 2)


def workflow_file() -> Path:
    """The whole public instance where the data are, else the excerpt that comes with the examples."""
    data = Path(os.environ.get("HETEROSCHED_DATA", ROOT.parent / "shared" / "data"))
    return data / INSTANCE if (data / INSTANCE).exists() else EXCERPT


def build_manifests() -> list[dict[str, Any]]:
    """All HeteroJobs of the demo."""
    training = jobs.build_training(jobs.read_table(EXAMPLES / "gavel-resnet50.csv"))
    policies = jobs.build_policy_jobs(jobs.read_table(EXAMPLES / "zeus-shufflenetv2.csv"))
    return [training, jobs.import_workflow(workflow_file()), *policies]


def apply(plane: ControlPlane, *manifests: dict[str, Any]) -> None:
    """Apply manifests on the server's side."""
    plane.kubectl("apply", "--server-side", "--filename=-", stdin=yaml.safe_dump_all(manifests))


def build_busy_pods(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pods of the default scheduler that hold all GPUs of every few nodes: others use this cluster too."""
    chosen = nodes[:: len(nodes) // BUSY_NODES][:BUSY_NODES]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"busy-{index}", "namespace": jobs.NAMESPACE},
            "spec": {
                "nodeSelector": {"kubernetes.io/hostname": node["metadata"]["name"]},
                "containers": [
                    {
                        "name": "main",
                        "image": "example.com/busy:1",
                        "resources": {
                            "requests": {"cpu": "4"},
                            "limits": {"nvidia.com/gpu": node["status"]["capacity"]["nvidia.com/gpu"]},
                        },
                    }
                ],
            },
        }
        for index, node in enumerate(chosen)
    ]


def prepare_cluster(plane: ControlPlane) -> None:
    """Namespace, nodes, and pods of others."""
    nodes = fleet.build_nodes(fleet.read_rows(EXAMPLES / "openb-nodes.csv"))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": jobs.NAMESPACE}}
    apply(plane, namespace, *nodes)
    plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
    account = (
        "get",
        "serviceaccount",
        "default",
        f"--namespace={jobs.NAMESPACE}",
        "--ignore-not-found",
        "--output=name",
    )
    if not wait_until(lambda: bool(plane.kubectl(*account)), 30.0, 0.2):
        raise ControlPlaneError(f"namespace {jobs.NAMESPACE} got no default service account")
    apply(plane, *build_busy_pods(nodes))
    selector = ("--for=jsonpath={.status.phase}=Running", f"--namespace={jobs.NAMESPACE}")
    plane.kubectl("wait", *selector, "pods", "--all", "--timeout=60s")


def reason_of(stack: Stack) -> report.Reason:
    """Why a worker is not on its planned node, from the extender's decision."""

    def reason(job: dict[str, Any], task: dict[str, Any], worker: dict[str, Any]) -> str:
        namespace, planned = job["metadata"]["namespace"], worker.get("plannedNode", "")
        if not planned:
            return "no node was planned"
        selector = f"heterosched.io/job={job['metadata']['name']},heterosched.io/task={task['name']}"
        listed = stack.plane.kubectl(
            "get", "pods", f"--namespace={namespace}", f"--selector={selector}", "--output=json"
        )
        index = str(worker["index"])
        pods = [
            pod["metadata"]["name"]
            for pod in json.loads(listed)["items"]
            if pod["metadata"]["labels"].get("batch.kubernetes.io/job-completion-index", "0") == index
        ]
        decision = stack.decision(namespace, pods[-1], planned) if pods else None
        if decision is None:
            return "the decision is not kept any more"
        return report.reason_in(decision, planned)

    return reason


def facts(stages: Stages, seed: int, plane: ControlPlane) -> dict[str, Any]:
    """What a reader needs to judge and repeat the figures."""
    server = json.loads(plane.kubectl("version", "--output=json"))["serverVersion"]["gitVersion"]
    return {
        "command": "make demo",
        "seed": seed,
        "hardware": "simulated (kwok; times and watts from a table that the planner never reads)",
        "workflow": workflow_file().name,
        "versions": {
            "heterosched": importlib.metadata.version("heterosched"),
            "kubernetes": server,
            "python": sys.version.split()[0],
        },
        "secondsPerStage": stages.seconds,
    }


def run(plane: ControlPlane, stages: Stages, build: Path, seed: int) -> tuple[Stack, bool]:
    """Everything after the control plane is up; returns the running stack and whether all jobs completed."""
    console = stages.console
    with stages.stage("cluster", "60 nodes shaped after the openb fleet, some busy with pods of the default scheduler"):
        prepare_cluster(plane)
    with stages.stage("start", "Prometheus, extender, second scheduler, operator"):
        stack = Stack(plane).up()
    with stages.stage("apply", "HeteroJobs: a training, a scientific workflow, three that differ in their policy only"):
        manifests = build_manifests()
        truth.install(plane, truth.build_truth(manifests, random.Random(seed)), jobs.NAMESPACE)
        folder = build / "manifests"
        shutil.rmtree(folder, ignore_errors=True)  # what an older version left there is not applied
        folder.mkdir(parents=True)
        for manifest in manifests:
            (folder / f"{manifest['metadata']['name']}.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
        plane.kubectl("apply", f"--filename={folder}")
    with stages.stage("jobs", "plan, place, run"):
        done = follow(lambda: read_jobs(plane, jobs.NAMESPACE), console, JOBS_LIMIT_S, stack.check)
    rows = [report.build_row(job, reason_of(stack)) for job in done]
    report.show(rows, console)
    report.write(build / "report.json", rows, facts(stages, seed, plane))
    console.print(f"written: {build / 'report.json'}", **VERBATIM)
    return stack, all(row["completed"] for row in rows)


def say_how_to_look(plane: ControlPlane, stack: Stack, build: Path, console: Console) -> None:
    """Commands to look around with, shown and written down to be sourced."""
    export = [
        f"export KUBECONFIG={plane.kubeconfig} HETEROSCHED_DECISIONS_URL={stack.decisions_url}",
        f"export PATH={ROOT / '.venv' / 'bin'}:{plane.bin('kubectl').parent}:$PATH",
        "export " + " ".join(f"{name}={value}" for name, value in past_proxies(os.environ).items()),
    ]
    (build / "environment.sh").write_text("\n".join(export) + "\n")
    pod = "-l heterosched.io/job=shufflenet-energy -o jsonpath={..metadata.name}"
    lines = [
        f"source {build / 'environment.sh'}",
        "heterosched jobs -A",
        f"kubectl get heterojobs -n {jobs.NAMESPACE} -o wide",
        f"kubectl describe heterojob -n {jobs.NAMESPACE} shufflenet-energy",
        f"heterosched why -n {jobs.NAMESPACE} $(kubectl get pods -n {jobs.NAMESPACE} {pod})",
        f"heterosched what-if -n {jobs.NAMESPACE} --policy Performance $(kubectl get pods -n {jobs.NAMESPACE} {pod})",
        f"kubectl apply -n {jobs.NAMESPACE} -f {ROOT / 'examples' / 'graph.yaml'}   # 20 simulated seconds per task",
        f"heterosched jobs -n {jobs.NAMESPACE} analysis   # task by task, with what it waits for",
        f"# Prometheus: {stack.prometheus.url}; logs: {plane.folder / 'logs'}",
        f"# to end it: make demo ARGS={'--down' if build == BUILD else repr(f'--down --build {build}')}",
    ]
    console.print("left running; to look around:", *(f"   {line}" for line in lines), sep="\n", **VERBATIM)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--down", action="store_true", help="end what an earlier --keep left running")
    parser.add_argument("--seed", type=int, default=1, help="of the perturbation of the true run times and watts")
    parser.add_argument(
        "--build", type=Path, default=BUILD, help="folder for everything written (default: %(default)s)"
    )
    return parser.parse_args()


def demonstrate(console: Console, build: Path, seed: int, keep: bool) -> int:
    """Bring everything up, run the jobs, end everything unless it is to be kept; 0 when every job completed."""
    stages = Stages(console)
    plane = ControlPlane(NAME, build, keep_logs=True)
    try:
        with stages.stage("binaries", "control plane: programs"):
            ensure("auto")
        with stages.stage("controlPlane", "control plane: etcd, kube-apiserver, controllers, kube-scheduler, kwok"):
            plane.up()
        stack, done = run(plane, stages, build, seed)
        if keep:
            say_how_to_look(plane, stack, build, console)
            plane.release()
    except (ControlPlaneError, TimeoutError) as error:
        console.print(f"demo: {error}", f"logs: {plane.folder / 'logs'}", sep="\n", style="red", **VERBATIM)
        return 1
    finally:
        plane.down()
    return 0 if done else 1


def main() -> int:
    """The program; 0 when every job completed, 1 when not, 130 after Ctrl-C, which leaves nothing running."""
    given = arguments()
    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE)
    build = given.build.resolve()
    try:
        if given.down:
            console.print("ended" if end_cluster(NAME, build) else "nothing is running")
            return 0
        return demonstrate(console, build, given.seed, given.keep)
    except KeyboardInterrupt:
        console.print("interrupted; nothing is left running")
        return 130


if __name__ == "__main__":
    sys.exit(main())
