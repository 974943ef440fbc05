"""Figures of JPS: gap to the optimum on random instances, times at 20 x 64 and 100 x 1000, against full enumeration.

All instances are generated (no throughput was measured). Times are CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from heterosched.jps import Answer, Instance, Parameters, solve
from heterosched.jps.generate import RATES, SPREADS, prototype, random_instance
from heterosched.jps.grouped import group
from heterosched.jps.place import place
from heterosched.jps.sampler import categories_of
from heterosched.jps.timing import mean_time

SEED = 7
ANY = Parameters(fairness_floor=0.0)
"""Gaps are those of the mean completion time, so no plan is excluded as unfair."""
GOLDEN = {2: 196.17, 3: 233.04, 4: 233.55, 5: 275.07}
"""Optima of the prototype's instances by seed, in seconds."""


def timed(call: Callable[[], Answer]) -> tuple[Answer, float]:
    """An answer and the CPU seconds that it took."""
    begin = time.process_time()
    answer = call()
    return answer, time.process_time() - begin


def small(seed: int, index: int) -> Instance:
    """One of the random instances: 3-5 jobs, 8-14 workers, all spreads and links in turn."""
    rng = np.random.default_rng([seed, index])
    jobs, workers = int(rng.integers(3, 6)), int(rng.integers(8, 15))
    return random_instance(rng, jobs, workers, spread=SPREADS[index % 3], rate=RATES[index // 3 % 3])


def gaps(count: int, seed: int) -> dict[str, float]:
    """Gaps of both samplers to the optimum (percent), over `count` instances, and what the certificate proves."""
    found: dict[str, list[float]] = {"guided": [], "uniform": []}
    proven, exact_gaps, exact = [], [], 0
    for index in range(count):
        made = small(seed, index)
        optimum = solve(made, Parameters(fairness_floor=0.0, exact_cells=1e12), np.random.default_rng(0))
        exact += optimum.method == "typed-dp" and optimum.gap_percent == 0.0
        exact_gaps.append(optimum.gap_percent)
        for mode, own in found.items():
            parameters = Parameters(mode=mode, fairness_floor=0.0)  # type: ignore[arg-type]
            answer = solve(made, parameters, np.random.default_rng(index))
            own.append((answer.mean_seconds / optimum.mean_seconds - 1.0) * 100.0)
            if mode == "guided":
                proven.append(answer.gap_percent)
    return {
        "instances": count,
        "exact_instances": exact,
        "exact_gap_percent": max(exact_gaps),
        "mean_gap_percent": float(np.mean(found["guided"])),
        "p95_gap_percent": float(np.percentile(found["guided"], 95)),
        "worst_gap_percent": float(np.max(found["guided"])),
        "mean_proven_gap_percent": float(np.mean(proven)),
        "uniform_mean_gap_percent": float(np.mean(found["uniform"])),
        "uniform_worst_gap_percent": float(np.max(found["uniform"])),
    }


def sizes(seed: int) -> dict[str, float]:
    """CPU seconds and proven gaps at 20 x 64 and 100 x 1000 (jobs x GPUs of three types), the worst of all links.

    At 100 x 1000 a job takes at most 32 GPUs; `unbounded` is the same without that bound.
    """
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for rate in RATES:
        made = random_instance(np.random.default_rng(seed), 20, 64, rate=rate, typed=True)
        answer, seconds = timed(partial(solve, made, ANY, np.random.default_rng(0)))
        note("seconds_20x64", seconds)
        note("gap_percent_20x64", answer.gap_percent)
        for suffix, most in (("", 32), ("_unbounded", None)):
            made = random_instance(np.random.default_rng(seed), 100, 1000, rate=rate, typed=True, most=most)
            answer, seconds = timed(partial(solve, made, ANY, np.random.default_rng(0)))
            note(f"seconds_100x1000{suffix}", seconds)
            note(f"bound_gap_percent_100x1000{suffix}", answer.gap_percent)
    return {name: max(values) for name, values in found.items()}


def enumeration(seed: int) -> dict[str, float]:
    """Every category placed against dynamic programming and guided sampling, on one instance of 5 jobs / 14 workers."""
    made = random_instance(np.random.default_rng(seed), 5, 14, rate=12.5e9)
    begin = time.process_time()
    grouped = group(made)
    space = categories_of(grouped)
    best = min(place(grouped, mean_time(grouped), np.array(category)).cost for category in space)
    full = time.process_time() - begin
    exact, exact_seconds = timed(lambda: solve(made, ANY, np.random.default_rng(0)))
    guided = Parameters(mode="guided", fairness_floor=0.0)
    sampled, guided_seconds = timed(lambda: solve(made, guided, np.random.default_rng(0)))
    return {
        "categories": space.count,
        "seconds_enumeration": full,
        "seconds_exact": exact_seconds,
        "seconds_guided": guided_seconds,
        "enumeration_gap_percent": (best / exact.mean_seconds - 1.0) * 100.0,
        "guided_gap_percent": (sampled.mean_seconds / exact.mean_seconds - 1.0) * 100.0,
        "categories_20x64": float(_count(20, 64)),
    }


def _count(jobs: int, workers: int) -> int:
    return categories_of(group(random_instance(np.random.default_rng(0), jobs, workers, typed=True))).count


def golden() -> dict[str, float]:
    """Mean completion times (s) of the prototype's instances, by seed."""
    rng = np.random.default_rng(0)
    return {str(seed): solve(prototype(seed), ANY, rng).mean_seconds for seed in GOLDEN}


def figures(count: int = 200, seed: int = SEED) -> dict[str, Any]:
    """All figures of JPS, for `make bench-core`."""
    exact = golden()
    return {
        **gaps(count, seed),
        **sizes(seed),
        "enumeration": enumeration(seed),
        "exact": exact,
        "exact_ok": all(abs(exact[str(own)] - optimum) <= 0.01 for own, optimum in GOLDEN.items()),
    }


def main() -> int:
    """Print the figures as JSON; non-zero where an exact value differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=200, help="random instances (default 200)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of all instances (default {SEED})")
    arguments = parser.parse_args()
    found = figures(arguments.instances, arguments.seed)
    versions = {"python": platform.python_version(), "numpy": np.__version__, "heterosched": version("heterosched")}
    command = " ".join([sys.executable, *sys.argv])
    head = {"command": command, "seed": arguments.seed, "versions": versions, "origin": "simulated"}
    print(json.dumps(head | {"jps": found}, indent=2))
    return 0 if found["exact_ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
