"""The plots of B2 and B3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from heterosched_lab.gavel.play import BINS, Result
from heterosched_lab.gavel.traces import DEVICES
from heterosched_lab.runs.plots import drawn

AXES = {"jct": "completion time (h)", "rho": "finish-time fairness rho"}


def cumulated(folder: Path, name: str, what: str, results: Sequence[Result]) -> tuple[str, str]:
    """The share of jobs up to each completion time or rho, a line for each scheduler."""
    with drawn(folder, name) as axes:
        for own in results:
            values = np.sort(getattr(own, what))
            axes.step(values, np.arange(1, len(values) + 1) / len(values), where="post", label=own.match.scheduler)
        if what == "rho":
            axes.axvline(1.0, color="0.4", linewidth=0.8, linestyle="--")
        axes.set_xlabel(AXES[what])
        axes.set_ylabel("share of jobs")
        axes.legend()
    switch = results[0].match.switch_seconds
    return f"{name}.png", f"Simulated {AXES[what]} by scheduler, {switch:g} s per switch."


def utilised(folder: Path, name: str, results: Sequence[Result]) -> tuple[str, str]:
    """The share of each GPU type that works, over time, a line for each scheduler."""
    with drawn(folder, name, height=6.0, rows=len(DEVICES)) as axes:
        for row, device in enumerate(DEVICES):
            for own in results:
                hours = (np.arange(BINS) + 0.5) * own.makespan / BINS
                axes[row].plot(hours, own.utilisation[row], label=own.match.scheduler)
            axes[row].set_ylim(0, 1.05)
            axes[row].set_ylabel(f"{device} busy")
        axes[0].legend(loc="lower left")
        axes[-1].set_xlabel("time (h)")
    switch = results[0].match.switch_seconds
    return f"{name}.png", f"Simulated share of each GPU type at work, start-up not counted, {switch:g} s per switch."
