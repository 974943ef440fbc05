"""What asking the extender costs a real kube-scheduler, and whether a uniform workload notices which one schedules it.

Per number of nodes: pairs of runs of the same profile with and without the extender, in the order A B B A, so that
whatever drifts on the machine hits both; the scheduler's own histogram says what its algorithm took for a pod. Then
the same uniform pods on uniform nodes by the default profile and by ours. Result: build/bench/live.json. Needs the
control plane's binaries (make control-plane). 5,000 nodes take about 4 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from binaries import ControlPlaneError
from busy_extender import BenchError
from cluster import ControlPlane
from extender_race import WORK, conditions
from live_cluster import Arm, LiveCluster
from paired import interval, ratio, welch

SIGNIFICANT = 0.05
Config = Callable[[], Mapping[str, Any]]


def pairs(
    live: LiveCluster, first: Config, second: Config, count: int, pods: int, run_seconds: float = 0.0
) -> list[tuple[Arm, Arm]]:
    """`count` pairs (an arm of `first`, an arm of `second`), every other one in reverse order, after one that warms
    the control plane up and is thrown away.
    """
    live.arm(min(pods, 200), second(), run_seconds)
    found = []
    for number in range(count):
        if number % 2:
            theirs = live.arm(pods, second(), run_seconds)
            ours = live.arm(pods, first(), run_seconds)
        else:
            ours = live.arm(pods, first(), run_seconds)
            theirs = live.arm(pods, second(), run_seconds)
        print(f"== bench: pair {number + 1} of {count}: {ours} against {theirs}", flush=True)
        found.append((ours, theirs))
    return found


def cost(found: list[tuple[Arm, Arm]]) -> dict[str, Any]:
    """Figures of the pairs with and without the extender."""
    ours, theirs = zip(*found, strict=True)
    added = interval([a.algorithm_ms_per_pod - b.algorithm_ms_per_pod for a, b in found])
    whole = [arm.cpu_per_pod + arm.extender_cpu_per_pod for arm in ours]
    return {
        "pairs": len(found),
        "errors": sum(arm.errors for arm in (*ours, *theirs)),
        "added_ms_per_pod": added.rounded(),
        "algorithm_ms_per_pod_without": round(sum(arm.algorithm_ms_per_pod for arm in theirs) / len(theirs), 3),
        "cpu_ratio": ratio(whole, [arm.cpu_per_pod for arm in theirs]).rounded(),
        "cpu_ratio_scheduler": ratio([arm.cpu_per_pod for arm in ours], [arm.cpu_per_pod for arm in theirs]).rounded(),
        "ratio": ratio([arm.pods_per_second for arm in ours], [arm.pods_per_second for arm in theirs]).rounded(),
        "pods_per_second_without": round(sum(arm.pods_per_second for arm in theirs) / len(theirs), 1),
    }


def uniform(found: list[tuple[Arm, Arm]]) -> dict[str, Any]:
    """Completion of the same uniform workload by our scheduler and by the default one."""
    ours = [arm.completion_seconds for arm, _ in found]
    theirs = [arm.completion_seconds for _, arm in found]
    p = welch(ours, theirs) if len(found) > 1 else None
    return {
        "pairs": len(found),
        "completion_ratio": ratio(ours, theirs).rounded(),
        "seconds_ours": [round(value, 2) for value in ours],
        "seconds_default": [round(value, 2) for value in theirs],
        "welch_p": None if p is None else round(p, 4),
        "verdict": "Unknown" if p is None else "Different" if p < SIGNIFICANT else "Neutral",
        "errors": sum(arm.errors for pair in found for arm in pair),
    }


def measure(nodes: int, given: argparse.Namespace, save: Callable[[dict[str, Any]], None]) -> None:
    """Everything at one number of nodes, on control planes of its own; `save` is called with what there is so far."""
    before = os.getloadavg()[0]
    print(f"== bench: {nodes} nodes, with and without the extender", flush=True)
    with ControlPlane("bench-live", WORK / "live") as plane:
        live = LiveCluster(plane).up(nodes, mixed=True)
        result = cost(pairs(live, live.with_extender, live.without_extender, given.pairs, given.pods))
    save({**result, "load_before": round(before, 2), "load_after": round(os.getloadavg()[0], 2)})
    if given.uniform_pairs:
        print(f"== bench: {nodes} equal nodes, the default scheduler and ours", flush=True)
        with ControlPlane("bench-live", WORK / "live") as plane:
            live = LiveCluster(plane).up(nodes, mixed=False)
            runs = pairs(live, live.with_extender, live.by_default, given.uniform_pairs, given.pods, given.run_seconds)
            result["uniform"] = uniform(runs)
        save({**result, "load_before": round(before, 2), "load_after": round(os.getloadavg()[0], 2)})


def _save(path: Path, result: dict[str, Any], key: str, figures: dict[str, Any]) -> None:
    result[key] = figures
    path.write_text(json.dumps(result, indent=2) + "\n")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="what the extender costs a real kube-scheduler")
    parser.add_argument("--nodes", default="500,5000", help="numbers of fake nodes")
    parser.add_argument("--pods", type=int, default=1000, help="pods per run; each takes one of eight GPUs of a node")
    parser.add_argument("--pairs", type=int, default=10, help="pairs with and without the extender")
    parser.add_argument("--uniform-pairs", type=int, default=10, help="pairs of the uniform workload; 0: none")
    parser.add_argument("--run-seconds", type=float, default=5.0, help="run time of a pod of the uniform workload")
    return parser.parse_args()


def main() -> int:
    """The program; returns its exit status."""
    given = arguments()
    WORK.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {**conditions(), "pods": given.pods}
    path: Path = WORK / "live.json"
    try:
        for nodes in map(int, given.nodes.split(",")):
            measure(nodes, given, partial(_save, path, result, str(nodes)))
    except (BenchError, ControlPlaneError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
