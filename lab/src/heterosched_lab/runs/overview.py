"""Plots over all runs: what is gained on the peers, times, energies, and how far the repeats lie apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from heterosched_lab.runs.plots import COLOURS, drawn
from heterosched_lab.runs.types import Figure
from heterosched_lab.runs.validate import gain

Named = tuple[str, Figure]
TIMES = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
"""Seconds of each unit of time."""
ENERGIES = {"J": 1.0, "kJ": 1e3, "MJ": 1e6, "GJ": 1e9, "Wh": 3.6e3, "kWh": 3.6e6, "MWh": 3.6e9}
"""Joules of each unit of energy."""
LARGEST = 150.0
"""Per cent; a bar of a larger gain is cut there and says its figure."""


def draw(folder: Path, figures: Sequence[Named]) -> list[tuple[str, str]]:
    """The plots for which there is something to show: file and caption of each."""
    kinds: tuple[tuple[str, str, Callable[[Sequence[Named]], list[Named]], Callable[[Any, Sequence[Named]], None]], ...]
    kinds = (
        ("improvement", "Gain on the peer of each figure, in the direction of its goal", _with_peer, _improvement),
        ("time", "Times: ours, the peer's and the goal", lambda all: _of_unit(all, TIMES), _times),
        ("energy", "Energy: ours, the peer's and the goal", lambda all: _of_unit(all, ENERGIES), _energies),
        ("distribution", "Repeats of the figures with a goal, against their mean", _repeated, _distribution),
    )
    written = []
    for name, caption, select, paint in kinds:
        chosen = select(figures)
        if chosen:
            with drawn(folder, f"overview-{name}", 9.0, max(2.2, 0.26 * len(chosen) + 1.0)) as axes:
                paint(axes, chosen)
                axes.figure.suptitle(caption, fontsize=11)
            written.append((f"overview-{name}.png", caption))
    return written


def _with_peer(figures: Sequence[Named]) -> list[Named]:
    return [(name, figure) for name, figure in figures if figure.peer and figure.relation != "=="]


def _repeated(figures: Sequence[Named]) -> list[Named]:
    return [
        (name, figure)
        for name, figure in figures
        if figure.goal is not None and len(set(figure.values)) > 1 and sum(figure.values) != 0
    ]


def _of_unit(figures: Sequence[Named], sizes: dict[str, float]) -> list[Named]:
    return [
        (name, figure)
        for name, figure in figures
        if figure.unit in sizes and figure.value > 0 and (figure.peer is not None or figure.goal is not None)
    ]


def _labels(axes: Any, figures: Sequence[Named]) -> None:
    axes.set_yticks(range(len(figures)), [f"{name}: {figure.name}" for name, figure in figures])
    axes.set_ylim(len(figures) - 0.4, -0.6)


def _improvement(axes: Any, figures: Sequence[Named]) -> None:
    gains = [100 * (gain(figure.peer or 1.0, figure.value, figure.relation == ">=") or 0.0) for _, figure in figures]
    cut = [max(-LARGEST, min(LARGEST, own)) for own in gains]
    axes.barh(range(len(cut)), cut, color=[COLOURS[2] if own >= 0 else COLOURS[1] for own in gains])
    for index, (own, shown) in enumerate(zip(gains, cut, strict=True)):
        axes.annotate(f" {own:+.1f} % ", (shown, index), ha="left" if own >= 0 else "right", va="center", fontsize=7)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.margins(x=0.2)
    axes.set_xlabel("better than the peer by, %")
    _labels(axes, figures)


def _times(axes: Any, figures: Sequence[Named]) -> None:
    _beside(axes, figures, TIMES, "seconds")


def _energies(axes: Any, figures: Sequence[Named]) -> None:
    _beside(axes, figures, ENERGIES, "joules")


def _beside(axes: Any, figures: Sequence[Named], sizes: dict[str, float], unit: str) -> None:
    """Ours with its interval, the peer's and the goal, on a logarithmic scale."""
    for index, (_, figure) in enumerate(figures):
        size, first = sizes[figure.unit], index == 0
        if figure.lower is not None and figure.upper is not None and figure.lower > 0:
            axes.plot([figure.lower * size, figure.upper * size], [index, index], color=COLOURS[0], linewidth=2)
        axes.plot(figure.value * size, index, "o", color=COLOURS[0], label="ours" if first else None)
        if figure.peer:
            axes.plot(figure.peer * size, index, "s", color=COLOURS[1], fillstyle="none")
        if figure.goal:
            axes.plot(figure.goal * size, index, "|", color="black", markersize=14)
    for marker, colour, label in (("s", COLOURS[1], "peer"), ("|", "black", "goal")):
        axes.plot([], [], marker, color=colour, fillstyle="none", label=label)
    axes.set_xscale("log")
    axes.set_xlabel(unit)
    axes.legend(loc="best")
    _labels(axes, figures)


def _distribution(axes: Any, figures: Sequence[Named]) -> None:
    """On a scale that is linear within 10 % and logarithmic beyond, so that close and wide repeats are both seen."""
    for index, (_, figure) in enumerate(figures):
        mean = sum(figure.values) / len(figure.values)
        away = [100 * (value / mean - 1) for value in figure.values]
        axes.plot(away, [index] * len(away), "o", color=COLOURS[0], alpha=0.6, markersize=4)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xlabel("value of a seed against the mean, %")
    _labels(axes, figures)
