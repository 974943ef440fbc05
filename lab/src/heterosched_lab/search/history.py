"""The trials of a search as a table and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heterosched_lab.runs.plots import drawn
from heterosched_lab.runs.types import Table
from heterosched_lab.search.study import Trial, best

Floats = npt.NDArray[Any]


def history(name: str, trials: Sequence[Trial], seed: int) -> Table:
    """One row per trial: its point, its cost and what that is made of, and the least cost so far."""
    points, figures = list(trials[0].values), list(trials[0].figures)
    columns = ("trial", *points, "cost", *figures, "best_cost", "seed")
    rows, least = [], float("inf")
    for trial in trials:
        least = min(least, trial.cost)
        known = [trial.figures[figure] for figure in figures]
        rows.append((trial.number, *(trial.values[point] for point in points), trial.cost, *known, least, seed))
    return Table(name, columns, rows)


def draw_trials(folder: Path, trials: Sequence[Trial], cost: str, name: str = "autotune_trials") -> None:
    """Cost by trial with the least so far, and where in each dimension the cheap points lie. `cost`: its label.

    Points that break the condition are crosses at the top: their cost has no unit.
    """
    points = list(trials[0].values)
    allowed = np.array([trial.allowed for trial in trials])
    costs = np.array([trial.cost for trial in trials])
    top = float(np.quantile(costs[allowed], 0.9)) * 1.05 if allowed.any() else 1.0  # a few bad ones flatten the rest
    shown = np.minimum(np.where(allowed, costs, np.inf), top)
    numbers, chosen = np.arange(len(costs)), best(trials)
    with drawn(folder, name, width=3.4 * (1 + len(points)), height=3.6, rows=1, columns=1 + len(points)) as axes:
        _dots(axes[0], numbers, shown, allowed, numbers)
        axes[0].step(numbers, np.minimum.accumulate(shown), where="post", label="least so far")
        axes[0].scatter([0], shown[:1], marker="s", s=40, color="#d55e00", label="present parameters")
        axes[0].set(xlabel="trial", ylabel=cost.replace(", ", ",\n"), title="cut at the 90 % quantile")
        axes[0].legend(fontsize=7)
        for axis, point in zip(axes[1:], points, strict=True):
            _dots(axis, np.array([trial.values[point] for trial in trials]), shown, allowed, numbers)
            if chosen.allowed:
                axis.scatter([chosen.values[point]], [shown[chosen.number]], marker="*", s=140, color="#d55e00")
            kept = f"best (star): {chosen.values[point]:g}" if chosen.allowed else "none keeps the condition"
            axis.set(xlabel=point, title=kept)


def _dots(axis: Any, places: Floats, shown: Floats, allowed: npt.NDArray[np.bool_], numbers: Floats) -> None:
    """Allowed points coloured by trial, the others as crosses."""
    axis.scatter(places[allowed], shown[allowed], c=numbers[allowed], cmap="viridis", s=16)
    axis.scatter(places[~allowed], shown[~allowed], marker="x", s=18, color="#7f7f7f")
