"""The experiment's tables: per instance, per strategy with intervals, and fairness in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from heterosched_lab.jps_experiment.strategies import STRATEGIES, Compared, Result
from heterosched_lab.jps_experiment.sweeps import ALPHAS, BETAS, COUNTS, GRID_COUNTS
from heterosched_lab.runs.types import Table
from heterosched_lab.statistics import mean_interval, paired_interval

WITHIN_PERCENT = 2.04
"""Distance to the optimum that the authors of JPS report (abstract of TPDS 35(6))."""


def of_strategy(found: Sequence[Compared], name: str) -> list[Result]:
    """The strategy's result on every instance, in their order."""
    return [next(own for own in each.results if own.strategy == name) for each in found]


def instances(found: Sequence[Compared]) -> Table:
    """One row per instance and strategy: what the summary is made of, in pairs."""
    columns = (
        "family",
        "seed",
        "instance",
        "strategy",
        "mean_jct_s",
        "gap_percent",
        "jain",
        "jain_of_ratios",
        "worst_ratio",
        "spread",
        "categories_placed",
        "optimum_proven",
    )
    rows = []
    for each in found:
        for own in each.results:
            fair = own.fairness
            figures = (own.mean_seconds, own.gap_percent, fair.jain, fair.jain_of_ratios, fair.worst_ratio, fair.spread)
            rows.append((each.family, each.seed, each.index, own.strategy, *figures, own.placed, each.proven))
    return Table("instances", columns, rows)


SUMMARY = (
    "family",
    "strategy",
    "instances",
    "mean_jct_s",
    "mean_jct_lower",
    "mean_jct_upper",
    "gap_percent",
    "gap_lower",
    "gap_upper",
    "gap_p95",
    "gap_worst",
    "within_2_04_percent",
    "jain",
    "jain_lower",
    "jain_upper",
    "longer_than_jps_percent",
    "longer_lower",
    "longer_upper",
)


def summary(found: Sequence[Compared]) -> Table:
    """Per family and strategy: mean completion time, gap and fairness with 95 % intervals over the instances.

    The last three columns are the paired difference in completion time to JPS, in percent of JPS on that instance.
    """
    rows = []
    for family in dict.fromkeys(each.family for each in found):
        own = [each for each in found if each.family == family]
        ours = np.array([result.mean_seconds for result in of_strategy(own, "jps")])
        for name in STRATEGIES:
            results = of_strategy(own, name)
            seconds = np.array([result.mean_seconds for result in results])
            gaps = [result.gap_percent for result in results]
            jains = [result.fairness.jain for result in results]
            longer = paired_interval((100.0 * seconds / ours).tolist(), [100.0] * len(ours))
            share = float(np.mean(np.array(gaps) <= WITHIN_PERCENT))
            rows.append(
                (
                    family,
                    name,
                    len(results),
                    *mean_interval(seconds.tolist()),
                    *mean_interval(gaps),
                    float(np.percentile(gaps, 95)),
                    max(gaps),
                    100.0 * share,
                    *mean_interval(jains),
                    *longer,
                )
            )
    return Table("summary_table", SUMMARY, rows)


def fairness_text(found: Sequence[Compared]) -> str:
    """Fairness by family and strategy, for people: three indices with their definitions."""
    lines = [
        "Fairness against the equal split, mean over instances with 95 % interval (simulated).",
        "jain: index of the speed-ups J(equal)/J, 1/S..1. ratios: index of J/J(equal), as the prototype took it.",
        "worst: largest J/J(equal), below 1 where everybody gains. spread: longest over shortest completion time.",
    ]
    for family in dict.fromkeys(each.family for each in found):
        own = [each for each in found if each.family == family]
        lines += ["", f"{family} ({len(own)} instances)"]
        for name in STRATEGIES:
            fair = [result.fairness for result in of_strategy(own, name)]
            parts = {
                "jain": [each.jain for each in fair],
                "ratios": [each.jain_of_ratios for each in fair],
                "worst": [each.worst_ratio for each in fair],
                "spread": [each.spread for each in fair],
            }
            told = "  ".join(f"{label} {_interval(values)}" for label, values in parts.items())
            lines.append(f"  {name:8s} {told}")
    return "\n".join(lines) + "\n"


def _interval(values: Sequence[float]) -> str:
    mean, lower, upper = mean_interval(values)
    return f"{mean:.4f} [{lower:.4f}, {upper:.4f}]"


Gaps = Sequence[Mapping[str, Sequence[float]]]


def by_samples(found: Mapping[str, Gaps]) -> Table:
    """Gap by number of samples: family -> instances -> sampler -> gap per COUNTS."""
    rows = []
    for family, each in found.items():
        for name in each[0]:
            for column, count in enumerate(COUNTS):
                values = [own[name][column] for own in each]
                rows.append(
                    (family, name, count, len(values), *mean_interval(values), float(np.percentile(values, 95)))
                )
    columns = ("family", "sampler", "samples", "instances", "gap_percent", "lower", "upper", "p95")
    return Table("gap_by_samples", columns, rows)


def by_grid(found: Mapping[str, Sequence[Mapping[str, Sequence[Sequence[float]]]]]) -> Table:
    """Gap by alpha and samples of the sampler alone."""
    rows = []
    for family, each in found.items():
        for mode in each[0]:
            for row, alpha in enumerate(ALPHAS):
                for column, count in enumerate(GRID_COUNTS):
                    values = [own[mode][row][column] for own in each]
                    rows.append((family, mode, alpha, count, len(values), *mean_interval(values)))
    columns = ("family", "sampler", "alpha", "samples", "instances", "gap_percent", "lower", "upper")
    return Table("gap_by_alpha_and_samples", columns, rows)


def by_beta(found: Mapping[str, Sequence[Sequence[tuple[float, float, float]]]]) -> Table:
    """The front: gap in mean completion time and Jain index by beta."""
    rows = []
    for family, each in found.items():
        for row, beta in enumerate(BETAS):
            gaps, jains, worst = (list(values) for values in zip(*(own[row] for own in each), strict=True))
            rows.append((family, beta, len(gaps), *mean_interval(gaps), *mean_interval(jains), max(worst)))
    columns = ("family", "beta", "instances", "gap_percent", "gap_lower", "gap_upper")
    return Table("pareto_front", (*columns, "jain", "jain_lower", "jain_upper", "worst_ratio"), rows)


def by_workers(found: Mapping[int, Sequence[Compared]]) -> Table:
    """Mean completion time by number of workers; the same jobs on each."""
    rows = []
    for count, each in sorted(found.items()):
        for name in STRATEGIES:
            seconds = [result.mean_seconds for result in of_strategy(each, name)]
            gaps = [result.gap_percent for result in of_strategy(each, name)]
            rows.append((count, name, len(seconds), *mean_interval(seconds), *mean_interval(gaps)))
    columns = ("workers", "strategy", "instances", "mean_jct_s", "lower", "upper")
    return Table("jct_by_workers", (*columns, "gap_percent", "gap_lower", "gap_upper"), rows)
