"""Races our extender against one written in Go, in one run on this machine; absolute times mean nothing, ratios do.

The race itself (a Go extender that does the protocol and a dot product, and a client that acts as kube-scheduler does)
lies outside the project: HETEROSCHED_TOOLS names the folder (default: ../shared/tools). Needs Go. The machine should be
quiet; the load before and after stands in the result, build/bench/extender-race.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "bench"
COLUMNS = ("p50_us", "floor_p50_us", "ratio_p50", "p99_us", "floor_p99_us", "ratio_p99", "cpu_ratio", "rss_mb")


class BenchError(Exception):
    """The race cannot be run; says what is missing and how to get it."""


def race_program() -> Path:
    """The race's script. Raises BenchError where it is not."""
    tools = Path(os.environ.get("HETEROSCHED_TOOLS", ROOT.parent / "shared" / "tools"))
    program = tools / "extender-race" / "race"
    if not program.exists():
        raise BenchError(f"{program} is not there: set HETEROSCHED_TOOLS to the folder that holds extender-race/")
    return program


def prepare(race: Path, folder: Path) -> None:
    """Build the Go side and write the nodes, unless an earlier run has done so."""
    if all((folder / name).exists() for name in ("floor", "client", "nodes.json", "pod.json")):
        return
    print(f"== bench: building the Go extender and client in {folder} (about half a minute)", flush=True)
    subprocess.run([sys.executable, str(race), "prepare", str(folder)], check=True)


@contextlib.contextmanager
def extender(nodes: Path, log: Path) -> Iterator[tuple[str, int]]:
    """Our extender serving `nodes`: its address and process id. Raises BenchError when it does not come up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "heterosched_extender", "--snapshot", str(nodes), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            if process.poll() is not None or _ready(url):
                break
            time.sleep(0.1)
        if process.poll() is not None or not _ready(url):
            raise BenchError(f"the extender did not come up, see {log}")
        yield url, process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def run(race: Path, folder: Path, names: str, pods: int, rounds: int) -> dict[str, Any]:
    """One race over all sizes; the result by number of names, with what it was run on."""
    before = os.getloadavg()[0]
    with extender(folder / "nodes.json", folder / "extender.log") as (url, pid):
        command = [sys.executable, str(race), "run", str(folder), "--url", url, "--pid", str(pid)]
        sizes = ["--names", names, "--pods", str(pods), "--rounds", str(rounds)]
        done = subprocess.run([*command, *sizes], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"the race failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return {
        "names": json.loads(done.stdout.strip().splitlines()[-1]),
        "pods": pods,
        "rounds": rounds,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load_before": round(before, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


def table(result: dict[str, Any]) -> str:
    """The result for people: one line per number of names."""
    lines = ["names  " + "  ".join(f"{column:>12}" for column in COLUMNS)]
    for names, found in result["names"].items():
        lines.append(f"{names:>5}  " + "  ".join(f"{found.get(column, float('nan')):12.3f}" for column in COLUMNS))
    return "\n".join(lines)


def main() -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description="race the extender against a Go one and print ratios (below 1: faster)"
    )
    parser.add_argument("--names", default="50,500,5000", help="numbers of candidate nodes")
    parser.add_argument("--pods", type=int, default=300, help="pods per round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, in each of which both are driven in turn")
    given = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        race = race_program()
        prepare(race, WORK)
        print("== bench: racing; a pod is one POST /filter and one POST /prioritize", flush=True)
        result = run(race, WORK, given.names, given.pods, given.rounds)
    except (BenchError, subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    (WORK / "extender-race.json").write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
