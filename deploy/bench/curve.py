"""Curves and dots as SVG, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 480, 320, 56


def draw(points: Mapping[int, float], path: Path, x_label: str, y_label: str) -> None:
    """Write the points (both coordinates above zero, axes logarithmic) as a line with marks and their values."""
    xs, ys = [math.log10(x) for x in points], [math.log10(y) for y in points.values()]

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - min(xs)) / ((max(xs) - min(xs)) or 1.0)
        up = (y - min(ys)) / ((max(ys) - min(ys)) or 1.0)
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)

    spots = [place(x, y) for x, y in zip(xs, ys, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    floor = HEIGHT - MARGIN + 18
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/><text x="{x:.1f}" y="{y - 8:.1f}">{own:.2g}</text>'
        f'<text x="{x:.1f}" y="{floor}">{size}</text>'
        for (x, y), (size, own) in zip(spots, points.items(), strict=True)
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
        '<rect width="100%" height="100%" fill="white"/>'
        '<g font-family="sans-serif" font-size="11" text-anchor="middle">'
        f'<polyline points="{line}" fill="none" stroke="black"/>{marks}'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}">{escape(x_label)} (logarithmic)</text>'
        f'<text x="{WIDTH / 2}" y="20">{escape(y_label)} (logarithmic)</text></g></svg>\n'
    )


def sorted_dots(values: Mapping[str, float], path: Path, goal: float, x_label: str, y_label: str) -> None:
    """Write the values in rising order as dots with their names on hover; lines at 1, at the mean and at `goal`."""
    rising = sorted(values.items(), key=lambda item: item[1])
    lines = {"1": 1.0, f"no more than {goal:g}": goal, "mean": sum(values.values()) / len(values)}
    low, high = min(rising[0][1], goal, 1.0), max(rising[-1][1], goal)

    def up(value: float) -> float:
        return HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2 * MARGIN)

    step = (WIDTH - 2 * MARGIN) / max(1, len(rising) - 1)
    dots = "".join(
        f'<circle cx="{MARGIN + step * number:.1f}" cy="{up(value):.1f}" r="2"><title>{escape(name)}: {value:.4f}'
        "</title></circle>"
        for number, (name, value) in enumerate(rising)
    )
    ruled = "".join(
        f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{up(value):.1f}" y2="{up(value):.1f}" stroke="grey"/>'
        f'<text x="{WIDTH - MARGIN + 2}" y="{up(value) + 4:.1f}" text-anchor="start">{value:.3g}</text>'
        for name, value in lines.items()
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
        '<rect width="100%" height="100%" fill="white"/>'
        f'<g font-family="sans-serif" font-size="11" text-anchor="middle">{ruled}{dots}'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}">{escape(x_label)}</text>'
        f'<text x="{WIDTH / 2}" y="20">{escape(y_label)}; lines: {escape(", ".join(lines))}</text></g></svg>\n'
    )
