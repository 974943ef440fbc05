"""Plots of the comparison: who is how far from the optimum, over many instances and with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heterosched.jps import Answer, Instance
from heterosched_lab.jps_experiment.strategies import STRATEGIES, TITLES, Compared, occupancy
from heterosched_lab.jps_experiment.tables import WITHIN_PERCENT, of_strategy
from heterosched_lab.runs.plots import COLOURS, drawn
from heterosched_lab.statistics import mean_interval

FAMILY_TITLES = {"prototype": "Prototype's generator (T4, P100, V100)", "gavel": "Gavel's table (K80, P100, V100)"}
STRATEGY_COLOURS = dict(zip(STRATEGIES, ("#7f7f7f", "#e69f00", "#cc79a7", "#0072b2", "#000000"), strict=True))
GAP = "gap to the optimum (%)"
DECADES = 20.0
"""Largest over smallest value from which on an axis is logarithmic."""


def bars(axis: Any, places: Sequence[float], values: Sequence[Sequence[float]], **style: Any) -> None:
    """Means with their 95 % intervals at `places`."""
    means, lower, upper = (np.array(column) for column in zip(*(mean_interval(own) for own in values), strict=True))
    reach = np.nan_to_num(np.vstack([means - lower, upper - means]))  # one value alone has no interval
    axis.errorbar(places, means, yerr=reach, capsize=3, **style)


def jct_cdf(folder: Path, found: Mapping[str, Sequence[Compared]]) -> None:
    """Completion times of all jobs of all instances, by strategy."""
    with drawn(folder, "jct_cdf", width=4.6 * len(found), columns=len(found)) as axes:
        for axis, (family, each) in zip(np.atleast_1d(axes), found.items(), strict=True):
            for name in STRATEGIES:
                seconds = np.sort([value for own in of_strategy(each, name) for value in own.seconds])
                share = np.arange(1, len(seconds) + 1) / len(seconds)
                dashed = "--" if name == "exact" else "-"
                axis.step(seconds, share, where="post", label=TITLES[name], color=STRATEGY_COLOURS[name], ls=dashed)
            wide = seconds[-1] > DECADES * seconds[0]
            scale = "log" if wide else "linear"
            axis.set(xscale=scale, xlabel="job completion time (s)", ylabel="share of jobs", ylim=(0, 1.01))
            axis.set_title(f"{FAMILY_TITLES[family]}\ninstances: {len(each)}")
            axis.legend(fontsize=7)


def sampler_comparison(folder: Path, found: Mapping[str, Sequence[Compared]]) -> None:
    """Gap to the optimum by strategy with 95 % intervals, every instance as a dot."""
    rng = np.random.default_rng(0)
    with drawn(folder, "sampler_comparison", width=4.6 * len(found), columns=len(found)) as axes:
        for axis, (family, each) in zip(np.atleast_1d(axes), found.items(), strict=True):
            for place, name in enumerate(STRATEGIES):
                gaps = [own.gap_percent for own in of_strategy(each, name)]
                beside = place + rng.uniform(-0.25, 0.25, len(gaps))
                axis.scatter(beside, gaps, s=5, alpha=0.3, color=STRATEGY_COLOURS[name])
                bars(axis, [place], [gaps], fmt="D", color=STRATEGY_COLOURS[name], ms=6)
                axis.annotate(f"{np.mean(gaps):.2f}", (place, float(np.mean(gaps))), (8, 4), textcoords="offset points")
            axis.axhline(WITHIN_PERCENT, color="#d55e00", lw=1, ls=":", label="2.04 % (published for JPS)")
            axis.set_yscale("symlog", linthresh=1.0)
            labels = [TITLES[name].replace(" ", "\n", 2) for name in STRATEGIES]
            axis.set_xticks(range(len(STRATEGIES)), labels, fontsize=7)
            axis.set(ylabel=GAP, ylim=(-0.05, None))
            axis.set_title(f"{FAMILY_TITLES[family]}\nmean and 95 % interval, instances: {len(each)}")
            axis.legend(fontsize=7)


def jct_vs_workers(folder: Path, found: Mapping[int, Sequence[Compared]]) -> None:
    """Mean completion time by number of workers, and how far each strategy is from the optimum there."""
    counts = sorted(found)
    with drawn(folder, "jct_vs_workers", width=9.2, columns=2) as axes:
        for name in STRATEGIES:
            style = {"color": STRATEGY_COLOURS[name], "label": TITLES[name], "marker": "o", "ms": 3}
            style["ls"] = "--" if name == "exact" else "-"
            seconds = [[own.mean_seconds for own in of_strategy(found[count], name)] for count in counts]
            bars(axes[0], counts, seconds, **style)
            if name != "exact":
                bars(
                    axes[1],
                    counts,
                    [[own.gap_percent for own in of_strategy(found[count], name)] for count in counts],
                    **style,
                )
        each = len(found[counts[0]])
        axes[0].set(yscale="log", xlabel="workers", ylabel="mean job completion time (s)")
        axes[0].set_title(f"Gavel's table, the same jobs on all\n95 % intervals, instances: {each}")
        axes[1].set_yscale("symlog", linthresh=1.0)
        axes[1].set(xlabel="workers", ylabel=GAP, ylim=(-0.05, None), title="distance to the optimum")
        axes[0].legend(fontsize=7)


def worker_heatmap(folder: Path, shown: Mapping[str, tuple[Instance, Answer]]) -> None:
    """Who has which worker: the share of the job's batch that each computes. No worker stands in two rows."""
    with drawn(folder, "worker_heatmap", width=9.0, height=2.6 * len(shown), rows=len(shown)) as axes:
        for axis, (family, (made, answer)) in zip(np.atleast_1d(axes), shown.items(), strict=True):
            table = occupancy(answer, made)
            assert ((table > 0).sum(axis=0) <= 1).all(), "a worker serves two jobs"
            order = sorted(range(len(made.workers)), key=lambda column: (made.workers[column].device, column))
            image = axis.imshow(100.0 * table[:, order], aspect="auto", cmap="Blues", vmin=0)
            axis.grid(visible=False)
            labels = [made.workers[column].device.removeprefix("nvidia-") for column in order]
            axis.set_xticks(range(len(order)), labels, fontsize=6)
            axis.set_yticks(range(len(made.jobs)), [_short(job.name) for job in made.jobs], fontsize=7)
            for row, column in np.argwhere(table[:, order] > 0):
                share = 100.0 * table[row, order[column]]
                ink = "white" if share > 50 * table.max() else "black"
                axis.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=6, color=ink)
            axis.set(
                xlabel="worker (by device type)", title=f"{FAMILY_TITLES[family]}: JPS ({answer.method}), one instance"
            )
            axis.figure.colorbar(image, ax=axis, label="share of the job's batch (%)")


def lines(axis: Any, counts: Sequence[int], named: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """One line with 95 % intervals per name; `named`: values by count."""
    for index, (name, values) in enumerate(named.items()):
        bars(axis, counts, values, label=name, marker="o", ms=3, color=COLOURS[index])


def _short(name: str) -> str:
    """A job's name for a tick: the batch behind a slash."""
    return name.replace(" (batch size ", "/").removesuffix(")")
