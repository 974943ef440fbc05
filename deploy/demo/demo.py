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
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy" / folder) for folder in ("control-plane", "scheduler", "demo")]

import fleet  # noqa: E402  (the folders above are no packages)
import grounds  # noqa: E402
import jobs  # noqa: E402
import report  # noqa: E402
import truth  # noqa: E402
from binaries import ControlPlaneError, ensure  # noqa: E402
from cluster import ControlPlane  # noqa: E402
from inventory import end_cluster  # noqa: E402
from kept import BUILD, NAME, VERBATIM, how_to_end, is_up, say_how_to_look  # noqa: E402
from processes import wait_until  # noqa: E402
from repeats import Repeats, read_profile  # noqa: E402
from repeats import show as show_repeats  # noqa: E402
from stack import Stack  # noqa: E402
from watch import condition, follow, read_jobs  # noqa: E402

EXAMPLES = ROOT / "examples" / "data"
INSTANCE = "wfinstances/epigenomics-chameleon-hep-2seq-100k-001.json.gz"
ZEUS = "zeus-shufflenetv2.csv"
EXCERPT = EXAMPLES / "epigenomics-excerpt.json"
JOBS_LIMIT_S = 300.0
WIDE = 160
"""Columns of the output where no terminal says how many there are: a pipe or a file cuts nothing off."""


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
    policies = jobs.build_policy_jobs(jobs.read_table(EXAMPLES / ZEUS))
    return [training, jobs.import_workflow(workflow_file()), *policies]


def apply(plane: ControlPlane, *manifests: dict[str, Any]) -> None:
    """Apply manifests on the server's side."""
    plane.kubectl("apply", "--server-side", "--filename=-", stdin=yaml.safe_dump_all(manifests))


def prepare_cluster(plane: ControlPlane) -> None:
    """Namespace, nodes, and pods of others."""
    nodes = fleet.build_nodes(fleet.read_rows(EXAMPLES / "openb-nodes.csv"))
    fleet.overheat(nodes, fleet.HOT_NODE, fleet.HOT_CELSIUS)
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
    apply(plane, *fleet.build_busy_pods(nodes, jobs.NAMESPACE))
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


def apply_jobs(plane: ControlPlane, build: Path, seed: int) -> tuple[list[dict[str, Any]], Repeats]:
    """Apply the HeteroJobs with the truth about them; returns them, and the repeats that are to be applied in turn."""
    manifests, repeated, table = build_manifests(), jobs.build_repeats(), jobs.read_table(EXAMPLES / ZEUS)
    rng = random.Random(seed)
    known = truth.build_truth(manifests, rng)
    known |= truth.build_repeated(repeated, jobs.REPEATED_ON, jobs.published(table), rng)
    truth.install(plane, known, jobs.NAMESPACE)
    folder = build / "manifests"
    shutil.rmtree(folder, ignore_errors=True)  # what an older version left there is not applied
    folder.mkdir(parents=True)
    for manifest in (jobs.build_profile(table), *manifests):
        (folder / f"{manifest['metadata']['name']}.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    plane.kubectl("apply", f"--filename={folder}")
    return manifests, Repeats(repeated, lambda manifest: apply(plane, manifest), lambda: read_profile(plane.kubectl))


def run(plane: ControlPlane, stages: Stages, build: Path, seed: int) -> tuple[Stack, bool]:
    """Everything after the control plane is up; returns the running stack and whether all jobs completed."""
    console = stages.console
    with stages.stage(
        "cluster",
        f"60 nodes shaped after the openb fleet, some busy with pods of others, one at {fleet.HOT_CELSIUS} °C",
    ):
        prepare_cluster(plane)
    with stages.stage("start", "Prometheus, extender, second scheduler, operator"):
        stack = Stack(plane).up()
        wait_until(stack.operator_has_read, 20.0, 0.2)  # else the first plans would know no temperature
    with stages.stage("apply", "HeteroJobs: a training, a scientific workflow, three that differ in their policy only"):
        manifests, repeats = apply_jobs(plane, build, seed)
    with stages.stage("jobs", f"plan, place, run; besides one task {jobs.REPEATS} times by a profile that guesses"):
        read = partial(read_jobs, plane, jobs.NAMESPACE)
        done = follow(read, console, JOBS_LIMIT_S, stack.check, repeats.look)
    names = {manifest["metadata"]["name"] for manifest in manifests}
    rows = [report.build_row(job, reason_of(stack)) for job in done if job["metadata"]["name"] in names]
    told = grounds.gather(read_pods(plane), stack.decision)
    avoided = find_avoided(told, stack)
    report.show(rows, console)
    report.explain(rows, jobs.read_table(EXAMPLES / ZEUS), console)
    console.print("[bold]== what the decisions rested on[/bold]", highlight=False)
    grounds.show(told, {**jobs.sources(manifests), **repeats.sources()}, avoided, console)
    console.print("[bold]== predictions that learn[/bold]", highlight=False)
    show_repeats(repeats, console)
    found = {"repeats": repeats.rows, "profile": repeats.known, "decisions": told, "passedOver": avoided}
    report.write(build / "report.json", rows, {**facts(stages, seed, plane), **found})
    console.print(f"written: {build / 'report.json'}", **VERBATIM)
    return stack, all(condition(job, "Completed") for job in done) and len(repeats.rows) == jobs.REPEATS


def find_avoided(told: list[grounds.Row], stack: Stack) -> list[grounds.Row]:
    """The decisions that the hot node's temperature turned."""
    asked = ((row, stack.decision(jobs.NAMESPACE, row["pod"], fleet.HOT_NODE)) for row in told)
    found = (grounds.passed_over(row, decision) for row, decision in asked if decision is not None)
    return [one for one in found if one is not None]


def read_pods(plane: ControlPlane) -> list[dict[str, Any]]:
    """The pods of all HeteroJobs."""
    selector = "--selector=heterosched.io/job"
    listed = json.loads(plane.kubectl("get", "pods", f"--namespace={jobs.NAMESPACE}", selector, "--output=json"))
    pods: list[dict[str, Any]] = listed["items"]
    return pods


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
    if is_up(build):
        console.print(f"demo: it is up already; {how_to_end(build)} ends it", style="red", **VERBATIM)
        return 1
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
