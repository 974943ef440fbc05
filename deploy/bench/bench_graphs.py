"""Figures of the graph strategies: exact published values, real workflows against SAGA's HEFT, and HEFT's speed.

Times are CPU seconds, of both sides in the same run; SAGA runs in an environment of its own.

Workflows: WfInstances on three fleets, at three bandwidths each. Most of these workflows hardly move data, so a
bandwidth in bits would change nothing for them: as in the literature on HEFT (and SAGA's own `scale_to_ccr`) bandwidths
are those at which the mean transfer takes 0.1, 1 and 10 times the mean run time. `one_gigabit` repeats it at 125 MB/s.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from statistics import mean
from typing import Any

import peer
from curve import draw
from heterosched.algorithms.base import Problem, strategy
from heterosched.algorithms.check import check
from heterosched.algorithms.heft import Heft
from heterosched.planning.planner import AUTO_STRATEGY
from wfinstances import ROOT, bandwidth, folder, load, problem

sys.path.insert(0, str(ROOT / "tests" / "support"))
from problems import arabnejad, autoscheduler, topcuoglu

WORK = ROOT / "build" / "bench"
FLEETS = {"8": [1] * 4 + [2] * 2 + [4] * 2, "16": [1] * 10 + [2] * 4 + [4] * 2, "32": [1] * 16 + [2] * 12 + [4] * 4}
"""Speeds of the nodes."""

RATIOS = (0.1, 1.0, 10.0)
GIGABIT = 1.25e8
SEED = 1

RANKS = [108, 77, 80, 80, 69, 190 / 3, 128 / 3, 107 / 3, 133 / 3, 44 / 3]
EXACT = {
    "topcuoglu_heft": 80.0,
    "topcuoglu_cpop": 86.0,
    "topcuoglu_peft": 85.0,
    "arabnejad_heft": 133.0,
    "arabnejad_cpop": 167.0,
    "arabnejad_peft": 122.0,
    "autoscheduler_heft_seconds": 6.4337008,
    "autoscheduler_heft_joules": 612.5,
    "topcuoglu_largest_rank_error": 0.0,
}


def exact() -> dict[str, float]:
    """The published instances, by the names of EXACT."""
    found = {
        f"{name}_{algorithm}": strategy(algorithm).schedule(make()).finish
        for name, make in (("topcuoglu", topcuoglu), ("arabnejad", arabnejad))
        for algorithm in ("heft", "cpop", "peft")
    }
    schedule = Heft().schedule(autoscheduler())
    found |= {"autoscheduler_heft_seconds": schedule.finish, "autoscheduler_heft_joules": schedule.joules}
    ranks = Heft().schedule(topcuoglu()).ranks
    errors = (abs(ranks[f"T{number}"] - rank) for number, rank in enumerate(RANKS, start=1))
    return found | {"topcuoglu_largest_rank_error": max(errors)}


def layered(tasks: int, width: int, seed: int) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    """Costs and edges of a random graph of layers; each task has up to three producers in the layer before."""
    draw_, names = Random(seed), [f"t{number}" for number in range(tasks)]
    before: list[str] = []
    edges: dict[tuple[str, str], float] = {}
    first = 0
    while first < tasks:
        layer = names[first : first + draw_.randint(1, 2 * width - 1)]
        for name in layer:
            for producer in draw_.sample(before, min(len(before), draw_.randint(1, 3))):
                edges[producer, name] = draw_.uniform(1, 100)
        before, first = layer, first + len(layer)
    return {name: draw_.uniform(1, 100) for name in names}, edges


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """Least CPU seconds of a few runs."""
    best = float("inf")
    for _ in range(runs):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def speed(rival: bool, most: int = 5000) -> dict[str, Any]:
    """CPU seconds of HEFT: beside SAGA's on eight nodes, alone on a thousand, and over the size of the graph.

    `most`: SAGA is asked no larger graphs; 5,000 tasks take it most of a minute. Raises NoPeer.
    """
    speeds = [round(Random(SEED).uniform(0.5, 4), 2) for _ in range(8)]
    speeds = [own + number / 100 for number, own in enumerate(speeds)]
    found: dict[str, Any] = {}
    cases = []
    for tasks, width in ((1000, 30), (5000, 70)):
        cost, edges = layered(tasks, width, SEED)
        own = problem(cost, edges, speeds, 1.0)
        found[f"seconds_{tasks}x8"] = seconds(partial(Heft().schedule, own))
        cases += [peer.Case(f"{tasks}x8", cost, edges, speeds, 1.0)] if tasks <= most else []
    if rival:
        for key, theirs in peer.heft(cases, WORK).items():
            found[f"saga_seconds_{key}"] = theirs["cpu_seconds"]
            found[f"speedup_{key}"] = theirs["cpu_seconds"] / found[f"seconds_{key}"]
    large = {}
    for width in (100, 1000, 3000):
        own = problem(*layered(10_000, width, SEED), [speed_ for speed_ in (4, 3, 2, 1) for _ in range(250)], 1.0)
        large[str(width)] = seconds(partial(Heft().schedule, own), 2)
    found |= {"seconds_10000x1000": max(large.values()), "seconds_10000x1000_by_width": large}
    curve = {}
    for tasks in (100, 300, 1000, 3000, 10_000):
        own = problem(*layered(tasks, 30, SEED), speeds, 1.0)
        curve[tasks] = seconds(partial(Heft().schedule, own))
    draw(curve, WORK / "heft-cost.svg", "tasks on 8 nodes", "CPU seconds of HEFT")
    return found | {"curve_tasks_seconds": {str(tasks): own for tasks, own in curve.items()}}


def workflows(sample: int, default: str, rival: bool) -> dict[str, Any]:
    """Ratios of our makespans to those of SAGA's HEFT on the same problems. Raises NoPeer."""
    data = folder()
    if data is None:
        return {"skipped": "no WfInstances: set HETEROSCHED_DATA to the folder that holds wfinstances/"}
    if not rival:
        return {"skipped": "SAGA is not there"}
    loaded = [load(path) for path in sorted(data.glob("*.json.gz"))[::sample]]
    cases = [
        peer.Case(f"{flow.name}|{fleet}|{label}", flow.cost, flow.edges, speeds, bytes_per_second)
        for flow in loaded
        for fleet, speeds in FLEETS.items()
        for label, bytes_per_second in (
            *((f"{ratio:g}", bandwidth(flow, speeds, ratio)) for ratio in RATIOS),
            ("1Gbit", GIGABIT),
        )
    ]
    ratios, spent = compare(cases, {"portfolio": "portfolio", "default": default, "heft": "heft"})
    return {
        "instances": len(loaded),
        "default_strategy": default,
        "objective": "time alone (policy Performance)",
        **{label: summary(own, lambda key: not key.endswith("1Gbit")) for label, own in ratios.items()},
        "one_gigabit": {label: summary(own, lambda key: key.endswith("1Gbit")) for label, own in ratios.items()},
        "cells": cells(ratios),
        "cpu_seconds": spent,
        "ratios": {key: ratio for key, ratio in ratios["portfolio"].items() if not key.endswith("1Gbit")},
    }


def compare(
    cases: Sequence[peer.Case], names: Mapping[str, str], seed: int = 0
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Ratios to SAGA's HEFT by label and case, and CPU seconds by label. `names`: strategy of each label.

    The objective is time alone. Raises NoPeer.
    """
    theirs = peer.makespans(cases, WORK)
    finish: dict[str, dict[str, float]] = {name: {} for name in names.values()}
    spent, told = dict.fromkeys(finish, 0.0), time.monotonic()
    for number, case in enumerate(cases):
        own = replace(problem(case.cost, case.edges, case.speeds, case.bandwidth), seed=seed)
        for name, found in finish.items():
            begin = time.process_time()
            found[case.key] = strategy(name).schedule(own).finish
            spent[name] += time.process_time() - begin
        if time.monotonic() - told > peer.PAUSE:
            told = time.monotonic()
            print(f"== bench: our strategies, {number + 1} of {len(cases)} problems", file=sys.stderr, flush=True)
    ratios = {label: {key: own / theirs[key] for key, own in finish[name].items()} for label, name in names.items()}
    return ratios, spent


def summary(ratios: Mapping[str, float], chosen: Callable[[str], bool]) -> dict[str, Any]:
    """Mean, worst, and how often better or worse by more than rounding."""
    own = {key: ratio for key, ratio in ratios.items() if chosen(key)}
    worst = max(own, key=own.__getitem__)
    return {
        "problems": len(own),
        "mean_ratio": mean(own.values()),
        "worst_ratio": own[worst],
        "worst": worst,
        "better": sum(ratio < 1 - 1e-9 for ratio in own.values()),
        "worse": sum(ratio > 1 + 1e-9 for ratio in own.values()),
    }


def cells(ratios: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Mean ratio by fleet and bandwidth."""
    found: dict[str, dict[str, float]] = {}
    for label, own in ratios.items():
        grouped: dict[str, list[float]] = defaultdict(list)
        for key, ratio in own.items():
            grouped[key.split("|", 1)[1]].append(ratio)
        found[label] = {cell: mean(values) for cell, values in sorted(grouped.items())}
    return found


def checked() -> int:
    """How many faults the independent checker finds in the strategies' schedules of the published instances."""
    problems: Sequence[Problem] = (topcuoglu(), arabnejad(), autoscheduler())
    names = ("heft", "cpop", "peft", "portfolio", AUTO_STRATEGY)
    return sum(len(check(own, strategy(name).schedule(own))) for own in problems for name in names)
