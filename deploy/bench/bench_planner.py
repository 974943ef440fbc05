"""Times the planner: many waiting pods on many busy nodes, planned again after one event.

Every node runs a task, everything that waits has a place in the last plan, and one running task ends early. Prints JSON
with the CPU seconds of planning again, the best of a few runs, for jobs of one task and for graphs.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy

from heterosched import __version__
from heterosched.api.heterojob import (
    HeteroJob,
    HeteroJobSpec,
    Metadata,
    Resources,
    RuntimeOn,
    TaskSpec,
    Template,
    Variant,
    Work,
)
from heterosched.model import Cluster, Demand, Node
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest, TaskProgress, job_key
from heterosched.policy.table import BUILT_IN
from heterosched.units import format_time

NOW = 1_790_000_000.0
DEVICES = {"nvidia-t4": 40.0, "nvidia-v100": 22.0, "nvidia-p100": 30.0, "nvidia-k80": 70.0}
"""Device types of the cluster in equal parts, and the mean run time of a task there, seconds."""


def a_cluster(nodes: int) -> Cluster:
    """So many nodes with one GPU each."""
    names = list(DEVICES)
    return Cluster(
        tuple(
            Node(f"{names[number % 4][7:]}-{number}", names[number % 4], Demand(8, 2.0**36, 1))
            for number in range(nodes)
        )
    )


def a_job(name: str, tasks: int, rng: Random, age: float) -> HeteroJob:
    """A job of so many tasks of one GPU, each after one before it (but for the first)."""
    template = Template(name="main", template={"spec": {"containers": [{"name": "main", "image": "busybox"}]}})
    limits = Resources(limits={"nvidia.com/gpu": 1, "cpu": "2"})
    specs = []
    for number in range(tasks):
        factor = rng.uniform(0.5, 1.5)
        runtime = [RuntimeOn(device=device, seconds=round(mean * factor, 1)) for device, mean in DEVICES.items()]
        specs.append(
            TaskSpec(
                name=f"t{number}",
                template_ref="main",
                depends_on=[f"t{rng.randrange(number)}"] if number else [],
                variants=[Variant(devices=list(DEVICES), resources=limits)],
                work=Work(runtime_on=runtime),
            )
        )
    metadata = Metadata(name=name, namespace=f"team-{rng.randrange(4)}", creation_timestamp=format_time(NOW - age))
    return HeteroJob(metadata=metadata, spec=HeteroJobSpec(tasks=specs, templates=[template]))


def a_request(nodes: int, pods: int, tasks: int, seed: int) -> PlanRequest:
    """All nodes busy with one task each, `pods` tasks waiting in jobs of `tasks` tasks."""
    rng, cluster = Random(seed), a_cluster(nodes)
    states = []
    for number, node in enumerate(cluster.nodes):
        started = NOW - rng.uniform(0.0, 20.0)
        running = TaskProgress("Running", node.device, ",".join(DEVICES), (node.name,), 1, started)
        states.append(JobState(a_job(f"running-{number}", 1, rng, 100.0), {"t0": running}))
    for number in range(pods // tasks):
        states.append(JobState(a_job(f"waiting-{number}", tasks, rng, rng.uniform(0.0, 60.0))))
    return PlanRequest(states, cluster, NOW, BUILT_IN, launch_seconds=1.0)


def after_one_event(request: PlanRequest, plans: dict[str, JobPlan]) -> PlanRequest:
    """A second later, with the first running task done."""
    first = request.jobs[0]
    done = replace(first.progress["t0"], state="Succeeded", finish=NOW + 1.0)
    states = [JobState(first.job, {"t0": done}), *request.jobs[1:]]
    return replace(request, jobs=states, now=NOW + 1.0, previous=plans)


def cpu_seconds(work: Callable[[], object], runs: int) -> float:
    """The least CPU time of some runs."""
    found = []
    for _ in range(runs):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def measure(nodes: int, pods: int, tasks: int, runs: int) -> dict[str, float | int]:
    """Planning from nothing, and again after one event: CPU seconds, and the waiting tasks that were moved."""
    request = a_request(nodes, pods, tasks, seed=7)
    plans = plan(request)
    assert not any(own.error for own in plans.values())
    again = after_one_event(request, plans)
    renewed = plan(again)
    moved = sum(
        plans[job_key(state.job)].schedule.assignments[name].nodes != own.nodes
        for state in again.jobs
        if not state.progress
        for name, own in renewed[job_key(state.job)].schedule.assignments.items()
    )
    return {
        "tasks_per_job": tasks,
        "first": round(cpu_seconds(lambda: plan(request), 1), 3),
        "replanned": round(cpu_seconds(lambda: plan(again), runs), 3),
        "moved": moved,
    }


def main() -> int:
    """Print the figures; 1 where planning again takes longer than a second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    single = measure(given.nodes, given.pods, 1, given.runs)
    graphs = [measure(given.nodes, given.pods, tasks, given.runs) for tasks in (10, 100)]
    found = {
        "planner": {
            f"seconds_{given.pods}x{given.nodes}": single["replanned"],
            "single_tasks": single,
            "graphs": graphs,
            "unit": "CPU seconds, best of the runs",
        },
        "command": " ".join(["deploy/bench/bench_planner.py", *sys.argv[1:]]),
        "versions": {
            "heterosched": __version__,
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "machine": platform.machine(),
        },
    }
    print(json.dumps(found, indent=2))
    return 0 if single["replanned"] <= 1.0 else 1


if __name__ == "__main__":
    sys.exit(main())
