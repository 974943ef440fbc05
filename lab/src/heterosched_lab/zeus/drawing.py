"""The plots of B5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from heterosched_lab.runs.plots import COLOURS, drawn
from heterosched_lab.statistics import mean_interval
from heterosched_lab.zeus.trial import OURS, PEERS, Trial

MARKS = ("s", "D", "^", "v")


class Row(Protocol):
    """A policy at a load over all seeds; percent of fastest-first on the same jobs."""

    @property
    def load(self) -> float:
        """Of the stream."""
        ...

    @property
    def policy(self) -> str:
        """Its name."""
        ...

    @property
    def weight(self) -> float:
        """Of energy."""
        ...

    @property
    def trials(self) -> tuple[Trial, ...]:
        """By seed."""
        ...

    @property
    def savings(self) -> tuple[float, ...]:
        """Of energy, by seed."""
        ...

    @property
    def longer(self) -> tuple[float, ...]:
        """How much longer the mean completion time is, by seed."""
        ...


def draw_frontier(folder: Path, found: Sequence[Row], least_saving: float, most_longer: float) -> str:
    """A panel per load: change of the mean completion time against energy saved, weights joined by a line."""
    loads = sorted({own.load for own in found})
    columns = min(2, len(loads))
    rows = -(-len(loads) // columns)
    name = "zeus_frontier.png"
    with drawn(folder, name, 4.6 * columns, 3.7 * rows, rows, columns) as axes:
        panels = list(axes.flat) if len(loads) > 1 else [axes]
        for panel, load in zip(panels, loads, strict=False):
            _panel(panel, [own for own in found if own.load == load], load, (least_saving, most_longer))
        for panel in panels[len(loads) :]:
            panel.set_axis_off()
        panels[0].legend(fontsize=7)
    return name


def _panel(axes: Any, found: Sequence[Row], load: float, goal: tuple[float, float]) -> None:
    for colour, policy in zip(COLOURS, OURS, strict=False):
        own = sorted((row for row in found if row.policy == policy), key=lambda row: row.weight)
        x, y = [_mean(row.longer) for row in own], [_mean(row.savings) for row in own]
        axes.plot(x, y, marker="o", markersize=3, color=colour, label=f"{policy}, by weight of energy")
        for row, left, top in zip(own, x, y, strict=True):
            axes.annotate(f"{row.weight:g}", (left, top), fontsize=6, xytext=(3, 3), textcoords="offset points")
    for colour, mark, policy in zip(COLOURS[len(OURS) :], MARKS, PEERS, strict=False):
        for row in (row for row in found if row.policy == policy):
            axes.plot(_mean(row.longer), _mean(row.savings), mark, color=colour, label=policy)
    axes.axhline(goal[0], color="#999999", linewidth=0.8, linestyle=":")
    axes.axvline(goal[1], color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xscale("symlog", linthresh=50)
    axes.set_title(f"load {load:g} (goal: above and left of the dotted lines)")
    axes.set_xlabel("mean completion time, % of fastest_first longer")
    axes.set_ylabel("energy saved, %")


def draw_parts(folder: Path, found: Sequence[Row], loads: Sequence[float], chosen: Mapping[float, float]) -> str:
    """Joules of GPUs at work and of idle GPUs, by load, of the peers and of `priced` with its chosen weight."""
    name = "zeus_energy.png"
    with drawn(folder, name, 1.6 + 2.6 * len(loads), 3.8) as axes:
        place = 0.0
        ticks: list[tuple[float, str]] = []
        for load in loads:
            for policy in (*PEERS, "priced"):
                own = [row for row in found if (row.load, row.policy) == (load, policy)]
                weight = chosen.get(load)
                row = next((row for row in own if policy in PEERS or row.weight == weight), own[0])
                busy = _mean([trial.busy_joules / 3.6e6 for trial in row.trials])
                idle = _mean([trial.idle_joules / 3.6e6 for trial in row.trials])
                first = not ticks
                axes.bar(place, busy, color=COLOURS[0], label="at work (measured W)" if first else None)
                axes.bar(place, idle, bottom=busy, color=COLOURS[4], label="idle (device table W)" if first else None)
                ticks.append((place, f"{policy}\nload {load:g}" if policy == BASE else policy))
                place += 1.0
            place += 0.8
        axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks], rotation=60, ha="right", fontsize=7)
        axes.set_ylabel("kWh of the run")
        axes.legend(fontsize=7)
    return name


BASE = "fastest_first"


def _mean(values: Sequence[float]) -> float:
    return mean_interval(values)[0]
