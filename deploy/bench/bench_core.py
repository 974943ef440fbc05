"""All figures of the decision core in one run: JSON to standard output and build/bench/core.json, a table beside it.

Ends non-zero where an exact published value differs (ranks to 1e-9) or a schedule does not pass the independent
checker; a goal that is missed stands in the table. SAGA, the peer, has an environment of its own under build/bench/saga
that is made when it is missing; where that cannot be done, its parts are left out and say so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy

import bench_graphs
import bench_jps
import bench_planner
import goals
import held_out
import peer
from curve import sorted_dots
from heterosched.planning.planner import AUTO_STRATEGY
from wfinstances import ROOT

PARTS = ("wfinstances", "held_out", "heft", "jps", "planner")
"""What `--parts` chooses from; the exact values are always there."""

JPS_INSTANCES = 200
NO_RATIO = {"mean_ratio": None, "worst_ratio": None}
BLANK: Mapping[str, Mapping[str, Any]] = {
    "wfinstances": {"default": NO_RATIO, "portfolio": NO_RATIO},
    "held_out": NO_RATIO,
    "heft": dict.fromkeys(("speedup_1000x8", "speedup_5000x8", "seconds_10000x1000")),
    "jps": dict.fromkeys(
        ("mean_gap_percent", "worst_gap_percent", "seconds_20x64", "seconds_100x1000", "bound_gap_percent_100x1000")
    ),
    "planner": {"seconds_1000x1000": None},
}
"""The keys of each part where it is left out."""

PUBLISHED = {
    **{name: (own, 1e-9) for name, own in bench_graphs.EXACT.items()},
    **{f"jps_prototype_seed_{seed}_seconds": (own, 0.01) for seed, own in bench_jps.GOLDEN.items()},
}
"""Exact values and how far rounding lets them be off; the optima of JPS are published to a hundredth of a second."""


def exact() -> dict[str, float]:
    """What we find for the published values."""
    optima = {f"jps_prototype_seed_{seed}_seconds": own for seed, own in bench_jps.golden().items()}
    return {**bench_graphs.exact(), **optima}


def differing(found: Mapping[str, float], published: Mapping[str, tuple[float, float]]) -> list[str]:
    """Names of the values that differ from the published ones."""
    return [name for name, (own, allowed) in published.items() if not abs(found[name] - own) <= allowed]


class Run:
    """One run; parts that cannot be measured are left out with a reason."""

    def __init__(self, sample: int, parts: Sequence[str], work: Path) -> None:
        """`sample` > 1: every N-th workflow and a N-th of the instances."""
        self.sample, self.parts, self.work = sample, parts, work
        self.left_out: dict[str, str] = {}
        self._rival: str | None = None

    def rival(self) -> str:
        """SAGA's version, made ready where it is not; a reason after "none:" where that cannot be done."""
        if self._rival is None:
            try:
                peer.prepare()
                self._rival = f"anrg-saga {peer.VERSION}"
            except peer.NoPeer as error:
                self._rival = f"none: {error}"
        return self._rival

    def measure(self) -> dict[str, Any]:
        """Every part's figures."""
        return {part: self._part(part) for part in PARTS}

    def _part(self, part: str) -> Mapping[str, Any]:
        if part not in self.parts:
            self.left_out[part] = "not asked for"
            return BLANK[part]
        print(f"== bench-core: {part}", file=sys.stderr, flush=True)
        begin = time.monotonic()
        try:
            found: Mapping[str, Any] = {**BLANK[part], **getattr(self, part)()}
        except peer.NoPeer as error:
            self.left_out[part] = str(error)
            return BLANK[part]
        if "skipped" in found:
            self.left_out[part] = found["skipped"]
        print(f"== bench-core: {part} took {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
        return found

    @property
    def _there(self) -> bool:
        return not self.rival().startswith("none")

    def wfinstances(self) -> dict[str, Any]:
        """Workflows against SAGA's HEFT, and their plot."""
        found = bench_graphs.workflows(self.sample, AUTO_STRATEGY, self._there)
        if "ratios" in found:
            labels = ("problems, best first", "portfolio's makespan / SAGA HEFT's")
            sorted_dots(found["ratios"], self.work / "workflow-ratios.svg", 1.02, *labels)
        return found

    def held_out(self) -> dict[str, Any]:
        """Problems that nobody looked at."""
        return held_out.figures(self.sample) if self._there else {"skipped": self.rival()}

    def heft(self) -> dict[str, Any]:
        """HEFT's speed. SAGA's part on 5,000 tasks takes most of a minute and is in full runs alone."""
        if not self._there:
            self.left_out["heft.speedup"] = self.rival()
        elif self.sample > 1:
            self.left_out["heft.speedup_5000x8"] = "in full runs alone (no --sample)"
        return bench_graphs.speed(self._there, 5000 if self.sample == 1 else 1000)

    def jps(self) -> dict[str, Any]:
        """JPS on random instances, its times, and full enumeration beside it."""
        return bench_jps.figures(max(1, JPS_INSTANCES // self.sample))

    def planner(self) -> dict[str, Any]:
        """Planning again after one event."""
        single = bench_planner.measure(1000, 1000, 1, 3)
        graphs = [bench_planner.measure(1000, 1000, tasks, 1) for tasks in (10, 100)]
        return {"seconds_1000x1000": single["replanned"], "single_tasks": single, "graphs": graphs}


def commit() -> str:
    """The checkout's commit, ending in -dirty where files differ from it; "" without a checkout."""
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def command() -> str:
    """What makes the result again."""
    return " ".join(["deploy/bench/bench_core.py", *(word for word in sys.argv[1:] if word != "--keep")])


def kept(path: Path) -> bool:
    """Whether this result is of the same command and clean commit, sound, and so need not be made again."""
    own = commit()
    try:
        found = json.loads(path.read_text())
        same = (found["command"], found["commit"]) == (command(), own)
        return (
            same and own != "" and not own.endswith("-dirty") and not (found["exact_wrong"] or found["checker_faults"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def circumstances(rival: str) -> dict[str, Any]:
    """What the figures were made with and on."""
    info = Path("/proc/cpuinfo")
    models = [line.split(":", 1)[1].strip() for line in _lines(info) if line.startswith("model name")]
    return {
        "command": command(),
        "seed": {
            "layered graphs": bench_graphs.SEED,
            "portfolio": 0,
            "held_out": held_out.SEED,
            "jps": bench_jps.SEED,
            "PYTHONHASHSEED of the peer": 0,
        },
        "versions": {
            "heterosched": version("heterosched"),
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "peer": rival,
        },
        "machine": {
            "architecture": platform.machine(),
            "system": platform.platform(),
            "cpu": models[0] if models else "unknown",
            "cores": os.cpu_count(),
        },
        "commit": commit() or "unknown (no git checkout)",
        "origin": "run times in CPU seconds are measured; makespans, energies and gaps are simulated",
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; 1 where an exact value differs or a schedule is unsound."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=1, help="take every N-th workflow and a N-th of the instances")
    parser.add_argument("--parts", default=",".join(PARTS), help="of the parts, separated by commas; none: exact alone")
    parser.add_argument("--work", type=Path, default=bench_graphs.WORK, help="folder of core.json and the plots")
    parser.add_argument("--keep", action="store_true", help="do nothing where core.json is of this commit and command")
    given = parser.parse_args(arguments)
    if given.keep and kept(given.work / "core.json"):
        print(f"== bench-core: {given.work / 'core.json'} is of this commit and command already", file=sys.stderr)
        return 0
    parts = [part for part in given.parts.split(",") if part and part != "none"]
    if given.sample < 1 or not {*parts} <= {*PARTS}:
        parser.error(f"--sample takes a number from 1 on, --parts some of {', '.join(PARTS)}, or none")
    given.work.mkdir(parents=True, exist_ok=True)
    begin, load = time.monotonic(), os.getloadavg()[0]
    run = Run(given.sample, parts, given.work)
    print("== bench-core: exact values", file=sys.stderr, flush=True)
    found, faults = exact(), bench_graphs.checked()
    wrong = differing(found, PUBLISHED)
    result = {"exact": found, "exact_wrong": wrong, "checker_faults": faults, **run.measure()}
    result |= {"left_out": run.left_out, "goals": goals.rows(result), "goals_missed": goals.missed(result)}
    told = {"load": [load, os.getloadavg()[0]], "wall_seconds": round(time.monotonic() - begin, 1)}
    result |= circumstances(run.rival() if parts else "not asked for") | told
    text = json.dumps(result, indent=2)
    (given.work / "core.json").write_text(text + "\n")
    print(text, flush=True)
    print(goals.table(result, {name: own for name, (own, _) in PUBLISHED.items()}, wrong), file=sys.stderr)
    print(f"== bench-core: {given.work / 'core.json'} written in {told['wall_seconds']} s", file=sys.stderr)
    return 1 if wrong or faults else 0


if __name__ == "__main__":
    sys.exit(main())
