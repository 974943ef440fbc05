"""The three pictures: allocation and power against arrived demand, and saving against allocation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heterosched_lab.openb.check import STEP
from heterosched_lab.openb.figures import FULL, Found
from heterosched_lab.openb.sweep import BASE, OURS
from heterosched_lab.runs.plots import drawn

PLOTS = (
    ("allocation.png", "GPUs allocated against GPUs that have arrived, mean over the seeds"),
    ("power.png", "Power against GPUs that have arrived, as a share of FGD's (PWR's power model)"),
    ("frontier.png", "Power saved against GPUs allocated; the line: our policy by the price of a lost GPU in watts"),
)


def draw(folder: Path, found: Found) -> None:
    """Save all three."""
    _allocation(folder, found)
    _power(folder, found)
    _frontier(folder, found)


def _plain(found: Found, trace: str) -> list[str]:
    return [policy for policy in found.policies(trace) if "@" not in policy]


def _grid(found: Found) -> tuple[int, int]:
    return (2, 2) if len(found.traces) > 1 else (1, 1)


def _allocation(folder: Path, found: Found) -> None:
    rows, columns = _grid(found)
    with drawn(folder, "allocation", 9.0, 6.5 if rows > 1 else 4.2, rows, columns) as axes:
        for place, trace in zip(np.atleast_1d(axes).flat, found.traces, strict=False):
            for policy in _plain(found, trace):
                course = np.mean([own.allocated / own.milli * 100 for own in found.of(trace, policy)], axis=0)
                first = min(60, len(course) // 2)
                demand = np.arange(len(course))[first:]
                place.plot(demand, course[first:], label=policy, linewidth=2 if policy == OURS else 1)
            place.set(title=trace, xlabel="arrived demand, % of the GPUs", ylabel="allocated, % of the GPUs")
        np.atleast_1d(axes).flat[0].legend(fontsize=7)


def _power(folder: Path, found: Found) -> None:
    rows, columns = _grid(found)
    with drawn(folder, "power", 9.0, 6.5 if rows > 1 else 4.2, rows, columns) as axes:
        for place, trace in zip(np.atleast_1d(axes).flat, found.traces, strict=False):
            base = np.mean([own.watts[STEP] for own in found.of(trace, BASE)], axis=0)
            for policy in _plain(found, trace):
                watts = np.mean([own.watts[STEP] for own in found.of(trace, policy)], axis=0)
                place.plot(100 * watts / base, label=policy, linewidth=2 if policy == OURS else 1)
            place.set(title=trace, xlabel="arrived demand, % of the GPUs", ylabel="power, % of FGD's")
        np.atleast_1d(axes).flat[0].legend(fontsize=7)


def _frontier(folder: Path, found: Found) -> None:
    rows, columns = _grid(found)
    with drawn(folder, "frontier", 9.0, 6.5 if rows > 1 else 4.2, rows, columns) as axes:
        for place, trace in zip(np.atleast_1d(axes).flat, found.traces, strict=False):
            points = {
                policy: (
                    float(np.mean(found.allocation(trace, policy, FULL))),
                    float(np.mean(found.saving(trace, policy))),
                )
                for policy in found.policies(trace)
            }
            line = sorted(point for policy, point in points.items() if policy.startswith(OURS))
            place.plot(*zip(*line, strict=True), linewidth=1, alpha=0.6)
            for policy, (allocation, saved) in points.items():
                place.scatter([allocation], [saved], s=30 if policy == OURS else 14)
                place.annotate(policy, (allocation, saved), fontsize=7, xytext=(3, 3), textcoords="offset points")
            place.set(title=trace, xlabel="allocated, % of the GPUs", ylabel="saved against FGD, %")
