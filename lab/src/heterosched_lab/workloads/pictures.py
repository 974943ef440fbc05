"""The four plots of the workloads: time, energy, distribution, improvement. All show what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from heterosched_lab.runs.plots import COLOURS, drawn
from heterosched_lab.workloads.compare import MEASURES, Compared, Measure, Spread
from heterosched_lab.workloads.types import Run

Series = Mapping[str, tuple[Sequence[Run], Sequence[Run]]]
"""Runs under static and dynamic distribution, by workload."""
SIDES = ("static", "dynamic")
SHADES = {"Improved": COLOURS[2], "Regressed": COLOURS[1], "Neutral": COLOURS[6]}


def draw(folder: Path, series: Series, comparisons: Sequence[Compared], tailed: str) -> tuple[tuple[str, str], ...]:
    """All four; `tailed` is the workload whose chunks are shown one by one. Answers files and captions."""
    source = "/".join(sorted({run.energy_source for sides in series.values() for run in (*sides[0], *sides[1])}))
    _bars(folder, "measured-time", series, MEASURES["seconds"], "run time, s")
    _bars(folder, "measured-energy", series, MEASURES["joules"], f"energy ({source}), J")
    _spread(folder, "measured-distribution", series, tailed)
    _changes(folder, "measured-improvement", [one for one in comparisons if one.measure != "joules"])
    return (
        ("measured-time.png", "Run time by workload and distribution: mean and standard deviation"),
        ("measured-energy.png", "Energy by workload and distribution: mean and standard deviation"),
        ("measured-distribution.png", f"Run times against their mean, and when the chunks of {tailed} were done"),
        ("measured-improvement.png", "Change from static to dynamic distribution; grey where it is within the noise"),
    )


def _bars(folder: Path, name: str, series: Series, measure: Measure, label: str) -> None:
    with drawn(folder, name) as axes:
        places = np.arange(len(series))
        for side, shift in enumerate((-0.2, 0.2)):
            spreads = [Spread.of([measure(run) for run in sides[side]]) for sides in series.values()]
            errors = [spread.std for spread in spreads]
            axes.bar(places + shift, [one.mean for one in spreads], 0.4, yerr=errors, capsize=3, label=SIDES[side])
        axes.set_xticks(places, list(series))
        axes.set_ylabel(label)
        if all(measure(run) > 0 for sides in series.values() for side in sides for run in side):
            axes.set_yscale("log")  # the workloads' sizes differ by orders of magnitude
        axes.legend()


def _spread(folder: Path, name: str, series: Series, tailed: str) -> None:
    with drawn(folder, name, width=10.0, columns=2) as (left, right):
        for place, sides in enumerate(series.values()):
            mean = Spread.of([run.seconds for run in sides[0]]).mean
            for side, shift in enumerate((-0.15, 0.15)):
                heights = [run.seconds / mean for run in sides[side]]
                left.plot([place + shift] * len(heights), heights, "o", color=COLOURS[side], alpha=0.7)
        left.set_xticks(range(len(series)), list(series))
        left.set_ylabel("run time / mean of static")
        for side, runs in enumerate(series[tailed]):
            times = np.sort(np.concatenate([run.work_completions for run in runs]))
            right.step(times, np.arange(1, len(times) + 1) / len(times), where="post", label=SIDES[side])
        right.set_xlabel(f"{tailed}: chunk done, CPU seconds of its worker")
        right.set_ylabel("share of chunks")
        right.legend()


def _changes(folder: Path, name: str, comparisons: Sequence[Compared]) -> None:
    with drawn(folder, name) as axes:
        places = np.arange(len(comparisons))
        colours = [SHADES[one.verdict] for one in comparisons]
        axes.barh(places, [one.change_percent for one in comparisons], color=colours)
        axes.set_yticks(places, [f"{one.workload}, {one.measure}" for one in comparisons])
        axes.invert_yaxis()
        axes.axvline(0.0, color="black", linewidth=0.8)
        axes.set_xlabel("change from static to dynamic, % (less is better)")
        for place, one in zip(places, comparisons, strict=True):
            axes.annotate(f" {one.verdict}", (max(one.change_percent, 0.0), place), va="center")
