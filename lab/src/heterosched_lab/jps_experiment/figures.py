"""The experiment's figures with their goals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heterosched_lab.jps_experiment.strategies import STRATEGIES, Compared
from heterosched_lab.jps_experiment.tables import WITHIN_PERCENT, of_strategy
from heterosched_lab.runs.types import Figure
from heterosched_lab.search.problem import Tuned
from heterosched_lab.statistics import mean_interval

PEER = "JPS as published (abstract of IEEE TPDS 35(6), its own testbed)"
MEAN_GOAL, P95_GOAL = 0.2, 0.5
"""Percent: what guided sampling of 128 categories has to keep (the specification's range for up to 15 workers)."""


def figures(found: Sequence[Compared], seeds: Sequence[int]) -> tuple[Figure, ...]:
    """Gap of every strategy, Jain index of JPS, share of instances with a proven optimum. Simulated."""
    told = []
    for family in dict.fromkeys(each.family for each in found):
        own = [each for each in found if each.family == family]
        for name in STRATEGIES[:-1]:
            told.append(_gap(own, family, name, seeds))
        gaps = np.array([result.gap_percent for result in of_strategy(own, "jps")])
        p95 = float(np.percentile(gaps, 95))
        told.append(Figure(f"{family}_jps_gap_p95", p95, "%", "simulated", P95_GOAL))
        worst = Figure(f"{family}_jps_gap_worst", float(gaps.max()), "%", "simulated", WITHIN_PERCENT)
        told.append(worst)
        jains = [result.fairness.jain for result in of_strategy(own, "jps")]
        mean, lower, upper = _ends(jains)
        name, over = f"{family}_jps_jain", f"interval over {len(jains)} instances"
        told.append(Figure(name, mean, "index", "simulated", relation=">=", lower=lower, upper=upper, note=over))
    proven = 100.0 * float(np.mean([each.proven for each in found]))
    told.append(
        Figure(
            "optimum_proven",
            proven,
            "%",
            "counted",
            relation=">=",
            note="of the instances; gaps elsewhere are upper bounds",
        )
    )
    return tuple(told)


def tuning_figures(tuned: Tuned) -> tuple[Figure, ...]:
    """What tuning saves in categories placed on unseen cases, whether it may be claimed or not."""
    note = "claimed" if tuned.claimed else "not claimed"
    ends = [(own.lower, own.upper) if np.isfinite(own.lower) else (None, None) for own in tuned.gains]
    names = ["other_seeds", "other_trace"]
    return tuple(
        Figure(
            f"tuner_saves_{name}",
            own.percent,
            "% of categories placed",
            "counted",
            relation=">=",
            lower=lower,
            upper=upper,
            note=note,
        )
        for name, own, (lower, upper) in zip(names, tuned.gains, ends, strict=False)
    )


def _gap(own: Sequence[Compared], family: str, name: str, seeds: Sequence[int]) -> Figure:
    """The mean gap; its interval is that over the instances, which are many, not over the seeds."""
    values = [result.gap_percent for result in of_strategy(own, name)]
    mean, lower, upper = _ends(values)
    of_seed = [
        float(np.mean([value for value, each in zip(values, own, strict=True) if each.seed == seed])) for seed in seeds
    ]
    ours = name == "jps"
    return Figure(
        f"{family}_{name}_gap",
        mean,
        "%",
        "simulated",
        goal=MEAN_GOAL if ours else None,
        peer=WITHIN_PERCENT if ours else None,
        peer_name=PEER if ours else "",
        values=tuple(of_seed),
        lower=lower,
        upper=upper,
        note=f"interval over {len(values)} instances",
    )


def _ends(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    mean, lower, upper = mean_interval(values)
    return (mean, lower, upper) if np.isfinite(lower) else (mean, None, None)
