"""Plots of the sweeps: samples, alpha, beta and the shape of categories against the gap to the optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from heterosched.jps.links import Floats
from heterosched_lab.jps_experiment.plots import FAMILY_TITLES, GAP, bars, lines
from heterosched_lab.jps_experiment.sweeps import ALPHAS, BETAS, COUNTS, GRID_COUNTS
from heterosched_lab.jps_experiment.tables import WITHIN_PERCENT, Gaps
from heterosched_lab.runs.plots import COLOURS, drawn
from heterosched_lab.statistics import mean_interval

SAMPLERS = {
    "uniform": "uniform, alone",
    "guided": "guided, alone",
    "shipped": "JPS as shipped (with the proof's plans)",
}
Front = Sequence[tuple[float, float, float]]
Visited = Sequence[tuple[int, float, float, float]]


def gap_vs_n(folder: Path, found: Mapping[str, Gaps]) -> None:
    """Gap by number of samples."""
    with drawn(folder, "gap_vs_n", width=4.6 * len(found), columns=len(found)) as axes:
        for axis, (family, each) in zip(np.atleast_1d(axes), found.items(), strict=True):
            named = {
                SAMPLERS[name]: [[own[name][column] for own in each] for column in range(len(COUNTS))]
                for name in each[0]
            }
            lines(axis, COUNTS, named)
            axis.axhline(WITHIN_PERCENT, color="#7f7f7f", lw=1, ls=":")
            axis.set_xscale("log", base=2)
            axis.set_xticks(COUNTS, [str(count) for count in COUNTS])
            axis.set_yscale("symlog", linthresh=0.1)
            axis.set(xlabel="samples N (categories placed)", ylabel=GAP, ylim=(-0.005, None))
            axis.set_title(f"{FAMILY_TITLES[family]}\n95 % intervals, instances: {len(each)}")
            axis.legend(fontsize=7)


def grid_heatmap(folder: Path, found: Mapping[str, Sequence[Mapping[str, Sequence[Sequence[float]]]]]) -> None:
    """Mean gap by alpha and N, of the sampler alone."""
    family = next(iter(found))
    each = found[family]
    with drawn(folder, "grid_heatmap", width=9.2, height=3.8, columns=2) as axes:
        for axis, mode in zip(axes, ("uniform", "guided"), strict=True):
            mean = np.mean([own[mode] for own in each], axis=0)
            image = axis.imshow(mean, cmap="viridis_r", aspect="auto", vmin=0)
            axis.grid(visible=False)
            axis.set_xticks(range(len(GRID_COUNTS)), [str(count) for count in GRID_COUNTS])
            axis.set_yticks(range(len(ALPHAS)), [f"{alpha:g}" for alpha in ALPHAS])
            for row, column in np.ndindex(mean.shape):
                ink = "white" if mean[row, column] > 0.6 * mean.max() else "black"
                axis.text(column, row, f"{mean[row, column]:.2f}", ha="center", va="center", fontsize=8, color=ink)
            axis.set(
                xlabel="samples N",
                ylabel="alpha",
                title=f"{mode} sampling alone, instances: {len(each)}\n{FAMILY_TITLES[family]}",
            )
            axis.figure.colorbar(image, ax=axis, label=f"mean {GAP}")


def fairness_tradeoff(folder: Path, found: Mapping[str, Sequence[Front]]) -> None:
    """What beta does: completion time above, fairness below, each on an axis of its own."""
    with drawn(folder, "fairness_tradeoff", height=5.6, rows=2) as axes:
        for index, (family, each) in enumerate(found.items()):
            for axis, column in zip(axes, (0, 1), strict=True):
                values = [[own[row][column] for own in each] for row in range(len(BETAS))]
                bars(axis, BETAS, values, label=FAMILY_TITLES[family], marker="o", ms=3, color=COLOURS[index])
        axes[0].set(ylabel=GAP, title="Fairness trade-off: beta weighs time (1) against fairness (0)")
        axes[1].set(ylabel="Jain index of speed-ups", xlabel="beta")
        axes[0].legend(fontsize=7)


def pareto_front(folder: Path, found: Mapping[str, Sequence[Front]]) -> None:
    """Mean completion time against fairness over beta; intervals in both directions."""
    with drawn(folder, "pareto_front", width=4.6 * len(found), columns=len(found)) as axes:
        for axis, (family, each) in zip(np.atleast_1d(axes), found.items(), strict=True):
            for own in each:
                axis.plot([point[0] for point in own], [point[1] for point in own], color="#7f7f7f", lw=0.5, alpha=0.35)
            columns = [[[own[row][column] for own in each] for row in range(len(BETAS))] for column in (0, 1)]
            (gaps, across), (jains, upright) = (_ends(values) for values in columns)
            axis.errorbar(gaps, jains, xerr=across, yerr=upright, capsize=2, lw=1, marker="o", ms=4)
            for row, beta in enumerate(BETAS):
                axis.annotate(f"{beta:g}", (gaps[row], jains[row]), (3, -10), textcoords="offset points", fontsize=7)
            axis.set_xscale("symlog", linthresh=1.0)
            axis.set(xlabel=f"mean completion time: {GAP}", ylabel="Jain index of speed-ups")
            axis.set_title(f"{FAMILY_TITLES[family]}\nby beta; grey: each of {len(each)}")


def _ends(values: Sequence[Sequence[float]]) -> tuple[Floats, Floats]:
    """Means, and how far their 95 % intervals reach down and up; a gap's interval ends at zero."""
    means, lower, upper = (np.array(column) for column in zip(*(mean_interval(own) for own in values), strict=True))
    return means, np.nan_to_num(np.vstack([means - np.maximum(lower, 0.0), upper - means]))


def category_variance(folder: Path, found: Mapping[str, Visited]) -> None:
    """How unlike the jobs' completion times are, by the largest part of the category."""
    with drawn(folder, "category_variance") as axis:
        for index, (family, each) in enumerate(found.items()):
            parts = sorted({own[0] for own in each})
            values = {part: [own[2] for own in each if own[0] == part] for part in parts}
            points = [values[part] for part in parts]
            bars(
                axis,
                parts,
                points,
                label=f"{FAMILY_TITLES[family]}, {len(each)} categories",
                marker="o",
                color=COLOURS[index],
            )
        axis.set(xlabel="largest number of workers of one job, max(cat)", ylabel="variance of completion times / mean²")
        axis.set_ylim(0, None)
        axis.set_title("Random categories, placed as well as possible; means with 95 % intervals")
        axis.legend(fontsize=7)


def category_entropy(folder: Path, found: Mapping[str, Visited]) -> None:
    """Gap by the category's entropy: even categories are good where jobs are alike, and only there."""
    with drawn(folder, "category_entropy", width=4.6 * len(found), columns=len(found)) as axes:
        for axis, (family, each) in zip(np.atleast_1d(axes), found.items(), strict=True):
            entropy, gaps = np.array([own[1] for own in each]), np.array([own[3] for own in each])
            axis.scatter(entropy, gaps, s=5, alpha=0.25, color="#7f7f7f", label="category")
            edges = np.linspace(entropy.min(), entropy.max() + 1e-9, 9)
            bins = np.digitize(entropy, edges)
            kept = [number for number in range(1, len(edges)) if (bins == number).any()]
            middle = [float((edges[number - 1] + edges[number]) / 2) for number in kept]
            bars(
                axis,
                middle,
                [gaps[bins == number].tolist() for number in kept],
                label="mean, 95 % interval",
                marker="o",
            )
            axis.set_yscale("symlog", linthresh=1.0)
            axis.set(xlabel="entropy of the category (bits)", ylabel=GAP, ylim=(0, None))
            axis.set_title(f"{FAMILY_TITLES[family]}\n{len(each)} random categories")
            axis.legend(fontsize=7)
