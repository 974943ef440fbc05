"""Races our extender against one written in Go, in one run on this machine; absolute times mean nothing, ratios do.

Ours is the whole product (score terms with figures, records, metrics) while nodes and pods change and telemetry is
refreshed; the Go extender (the floor) does the protocol and a dot product and watches nothing. Its source and that of
the client, which acts as kube-scheduler does, lie outside the project: HETEROSCHED_TOOLS names the folder (default:
../shared/tools). Needs Go. The load before and after stands in the result, build/bench/extender.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from busy_extender import BenchError, Busy, children, cpu_seconds, extender, feed, rss_mb
from feed import PROFILE
from processes import free_port

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "bench"
WARM = 100
COLUMNS = ("p50_us", "floor_p50_us", "ratio_p50", "p99_us", "floor_p99_us", "ratio_p99", "cpu_ratio", "cpu_ratio_verbs")
PACKAGES = ("heterosched-extender", "uvicorn", "uvloop", "httptools", "msgspec", "numpy")
UPKEEP_SECONDS = 15.0


def race_program() -> Path:
    """The race's script. Raises BenchError where it is not."""
    tools = Path(os.environ.get("HETEROSCHED_TOOLS", ROOT.parent / "shared" / "tools"))
    program = tools / "extender-race" / "race"
    if not program.exists():
        raise BenchError(f"{program} is not there: set HETEROSCHED_TOOLS to the folder that holds extender-race/")
    return program


def prepare(folder: Path) -> None:
    """Build the Go side and write the nodes, unless an earlier run has; give the pod a profile, so that every term has
    something to say.
    """
    folder = folder.resolve()
    if not all((folder / name).exists() for name in ("floor", "client", "nodes.json", "pod.json")):
        print(f"== bench: building the Go extender and client in {folder} (about half a minute)", flush=True)
        subprocess.run([sys.executable, str(race_program()), "prepare", str(folder)], check=True)
    pod = json.loads((folder / "pod.json").read_bytes())
    pod["metadata"]["annotations"]["heterosched.io/profile"] = PROFILE
    (folder / "pod.json").write_text(json.dumps(pod, separators=(",", ":")))


@contextlib.contextmanager
def floor(folder: Path) -> Iterator[tuple[str, int]]:
    """The Go extender: its address and process id."""
    port = free_port()
    command = [str(folder / "floor"), "-port", str(port), "-nodes", "5000", "-cl"]
    process = subprocess.Popen(command, env={**os.environ, "GOGC": "400"})
    try:
        time.sleep(1.0)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def drive(folder: Path, url: str, names: int, pods: int) -> dict[str, float]:
    """Times of a pod (both verbs) in microseconds, as the client measured them."""
    command = [str(folder / "client"), "-url", url, "-n", str(names), "-pods", str(pods), "-warm", str(WARM)]
    done = subprocess.run([*command, "-order", "shuf", "-data", str(folder)], capture_output=True, text=True)
    found = json.loads(done.stdout or "{}")
    if "pod" not in found:
        raise BenchError(f"{url} with {names} names: {found or done.stderr[-500:]}")
    times: dict[str, float] = found["pod"]
    return times


def upkeep(pid: int, seconds: float) -> float:
    """Share of one core that the extender takes while nobody asks it anything: changes, snapshots, telemetry."""
    started, before = time.monotonic(), cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - started)


class Side:
    """What one of the two did in all rounds of one size."""

    def __init__(self, url: str, pid: int, share: float) -> None:
        self._url, self._pid, self._share = url, pid, share
        self.times: list[dict[str, float]] = []
        self.cpu = self.cpu_verbs = 0.0

    def turn(self, folder: Path, names: int, pods: int) -> None:
        """One round; CPU time for the verbs is that of the process less its usual upkeep."""
        started, before = time.monotonic(), cpu_seconds(self._pid)
        self.times.append(drive(folder, self._url, names, pods))
        used = cpu_seconds(self._pid) - before
        self.cpu += used
        self.cpu_verbs += max(0.0, used - self._share * (time.monotonic() - started))

    def median(self, quantile: str) -> float:
        """Over the rounds."""
        return statistics.median(found[quantile] for found in self.times)


def race(folder: Path, busy: Busy, go: tuple[str, int], share: float, names: int, given: argparse.Namespace) -> Any:
    """All rounds of one size, in turn, so that both see the same machine."""
    ours, theirs = Side(busy.url, busy.pid, share), Side(*go, 0.0)
    for number in range(given.rounds):
        for side in (ours, theirs) if number % 2 else (theirs, ours):
            side.turn(folder, names, given.pods)
    ratios = {q: [a[q] / b[q] for a, b in zip(ours.times, theirs.times, strict=True)] for q in ("p50", "p99")}
    return {
        "p50_us": ours.median("p50"),
        "floor_p50_us": theirs.median("p50"),
        "ratio_p50": round(statistics.median(ratios["p50"]), 3),
        "p99_us": ours.median("p99"),
        "floor_p99_us": theirs.median("p99"),
        "ratio_p99": round(statistics.median(ratios["p99"]), 3),
        "cpu_ratio": round(ours.cpu / max(theirs.cpu, 0.01), 3),
        "cpu_ratio_verbs": round(ours.cpu_verbs / max(theirs.cpu, 0.01), 3),
        "rounds_p50": [round(ratio, 3) for ratio in ratios["p50"]],
        "rounds_p99": [round(ratio, 3) for ratio in ratios["p99"]],
    }


def flat(folder: Path, busy: Busy, pods: int) -> list[float]:
    """Memory in MB after each tenth of `pods` pods with 50 names each."""
    found = []
    for _ in range(10):
        drive(folder, busy.url, 50, max(1, pods // 10 - WARM))
        found.append(round(rss_mb(busy.pid), 1))
    return found


def run(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Everything; figures by number of names, and what they were measured on."""
    before = os.getloadavg()[0]
    with feed(folder, given.changes, given.cluster_pods) as cluster, extender(folder, cluster) as busy:
        print(f"== bench: ready after {busy.ready_seconds:.1f} s; what upkeep takes", flush=True)
        time.sleep(5.0)
        share = upkeep(busy.pid, UPKEEP_SECONDS)
        print("== bench: racing; a pod is one POST /filter and one POST /prioritize", flush=True)
        with floor(folder) as go:
            sizes = {int(names): race(folder, busy, go, share, int(names), given) for names in given.names.split(",")}
        memory = flat(folder, busy, given.flat) if given.flat else []
        absent = busy.metric("heterosched_extender_terms_absent_total")
        collectors = children(busy.pid)
        return {
            "names": sizes,
            **{key: {names: found[key] for names, found in sizes.items()} for key in ("ratio_p50", "ratio_p99")},
            "cpu_ratio": {names: found["cpu_ratio"] for names, found in sizes.items()},
            "rss_mb": round(rss_mb(busy.pid), 1),
            "rss_peak_mb": round(rss_mb(busy.pid, "VmHWM"), 1),
            "collector_rss_mb": round(sum(map(rss_mb, collectors)), 1),
            "flat_rss_mb": memory,
            "flat_pods": given.flat,
            "upkeep_core_share": round(share, 3),
            "ready_seconds": round(busy.ready_seconds, 2),
            "ready_cpu_seconds": round(busy.ready_cpu_seconds, 2),
            "changes_per_second": given.changes,
            "cluster": {"nodes": 5000, "pods": given.cluster_pods},
            "terms_absent": absent,
            "errors": busy.metric("heterosched_extender_errors_total"),
            "pods": given.pods,
            "rounds": given.rounds,
            "load_before": round(before, 2),
            "load_after": round(os.getloadavg()[0], 2),
        }


def conditions() -> dict[str, Any]:
    """Command, versions and machine."""
    go = subprocess.run(["go", "version"], capture_output=True, text=True, check=False).stdout.split()
    return {
        "origin": "measured",
        "command": shlex.join(["python", *sys.argv]),
        "versions": {
            "python": platform.python_version(),
            "go": go[2] if len(go) > 2 else "",
            **{name: version(name) for name in PACKAGES},
        },
        "cpus": os.cpu_count(),
    }


def table(result: dict[str, Any]) -> str:
    """The result for people: one line per number of names."""
    lines = ["names  " + "  ".join(f"{column:>15}" for column in COLUMNS)]
    for names, found in result["names"].items():
        lines.append(f"{names:>5}  " + "  ".join(f"{found[column]:15.3f}" for column in COLUMNS))
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="race the extender against a Go one and print ratios (below 1: faster)"
    )
    parser.add_argument("--names", default="50,500,5000", help="numbers of candidate nodes")
    parser.add_argument("--pods", type=int, default=300, help="pods per round")
    parser.add_argument("--rounds", type=int, default=7, help="rounds, in each of which both are driven in turn")
    parser.add_argument("--changes", type=float, default=500.0, help="changes of nodes and pods per second meanwhile")
    parser.add_argument("--cluster-pods", type=int, default=20_000, help="pods bound in the cluster")
    parser.add_argument("--flat", type=int, default=0, help="afterwards watch memory over so many more pods")
    return parser.parse_args()


def main() -> int:
    """The program; returns its exit status."""
    given = arguments()
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        prepare(WORK)
        result = {**run(WORK, given), **conditions()}
    except (BenchError, subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    (WORK / "extender.json").write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
