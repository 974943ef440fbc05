"""`heterosched plan --plot`: nodes over time, the critical path, and power and energy below, as one SVG file.

Colours are those of Okabe and Ito ("Color Universal Design", 2008), which people with any common colour blindness can
tell apart; nothing is said by colour alone: bars carry names, and a text on hover.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.units import format_duration
from heterosched_cli.gantt_data import Bar, Chart, Row, chart_of
from heterosched_cli.output import joules
from heterosched_cli.plan_view import PlannedJob
from heterosched_cli.svg import area, box, document, element, line, text

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
DARK = {"#0072B2"}
INK, FAINT = "#222222", "#dddddd"
WIDTH, LEFT, RIGHT, TOP = 1200.0, 170.0, 70.0, 16.0
LINE, POWER_HEIGHT, LETTER = 17.0, 110.0, 6.9
STYLE = (
    "text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#222222}"
    ".small{font-size:11px}.head{font-weight:600}.light{fill:#ffffff}.bar:hover{opacity:.75}"
)
TALL_ROWS = ((60, 20.0), (150, 11.0), (100_000, 5.0))
"""Height of a lane by how many lanes there are at most."""


class NothingToDraw(HeteroSchedError):
    """No job has a plan in time; says why."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """From seconds to pixels; `step` is the distance of two ticks in seconds."""

    seconds: float
    step: float

    @classmethod
    def of(cls, seconds: float) -> _Axis:
        rough = max(seconds, 1e-3) / 8
        nice = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
        if rough > nice[-1]:
            return cls(seconds, math.ceil(rough / 86400) * 86400.0)
        if rough < 1:
            return cls(seconds, 10.0 ** math.ceil(math.log10(rough)))
        return cls(seconds, float(next(step for step in nice if step >= rough)))

    def x(self, seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * max(0.0, seconds) / max(self.seconds, 1e-9)

    def ticks(self) -> Iterator[float]:
        for number in range(int(self.seconds / self.step + 1e-9) + 1):
            yield number * self.step


def write_plot(planned: Sequence[PlannedJob], path: Path) -> tuple[str, ...]:
    """Draw into a file; returns what could not be drawn. Raises NothingToDraw, InvalidInput (the file)."""
    chart = chart_of(planned)
    if not chart.rows:
        raise NothingToDraw("\n".join(("there is no plan to draw", *chart.left_out)))
    try:
        path.write_text(draw(chart), encoding="utf-8")
    except OSError as error:
        raise InvalidInput("--plot", str(path), error.strerror or str(error), "choose another place") from error
    return chart.left_out


def draw(chart: Chart) -> str:
    """The chart as the text of an SVG file."""
    axis = _Axis.of(chart.seconds)
    coloured = _colours(chart)
    top = TOP + LINE * (len(chart.captions[:6]) + len(chart.left_out[:3]) + 2)
    height = _lane_height(chart)
    tops = _tops(chart.rows, top, height)
    bottom = tops[-1] + len(chart.rows[-1].lanes) * height + 4
    power_top = bottom + 34
    end = power_top + (POWER_HEIGHT + 34 if chart.power else 0)
    parts = [
        *_captions(chart),
        *_legend(chart, coloured, top - LINE),
        *_grid(axis, top - 4, bottom),
        *_labels(chart.rows, tops, height),
        *(_bar(bar, axis, y, height, coloured) for bar, y in _placed(chart.rows, tops, height)),
        *_path(chart, axis, tops, height),
        *(_power(chart, axis, power_top) if chart.power else ()),
    ]
    about = f"Gantt chart of {len(chart.jobs)} job(s) on {len(chart.rows)} node(s), {format_duration(chart.seconds)}"
    return document(WIDTH, end, "; ".join(chart.captions), about, STYLE, parts)


def _lane_height(chart: Chart) -> float:
    lanes = sum(len(row.lanes) for row in chart.rows)
    return next(height for most, height in TALL_ROWS if lanes <= most)


def _tops(rows: Sequence[Row], top: float, height: float) -> list[float]:
    found = [top]
    for row in rows[:-1]:
        found.append(found[-1] + len(row.lanes) * height + (4 if height > 10 else 1))
    return found


def _colours(chart: Chart) -> dict[str, str]:
    """By job where there are several, else by device type."""
    names = chart.jobs if len(chart.jobs) > 1 else tuple(dict.fromkeys(row.device for row in chart.rows))
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}


def _captions(chart: Chart) -> Iterator[str]:
    y = TOP + 2
    for caption in chart.captions[:6]:
        yield text(caption, 12, y, class_="head")
        y += LINE
    for caption in chart.left_out[:3]:
        yield text(f"not drawn: {caption}", 12, y, class_="small")
        y += LINE


def _legend(chart: Chart, coloured: dict[str, str], y: float) -> Iterator[str]:
    x = LEFT
    for name, colour in list(coloured.items())[: len(COLOURS)]:
        yield box(x, y - 10, 12, 12, fill=colour)
        yield text(name, x + 17, y, class_="small")
        x += 34 + LETTER * len(name)
    yield box(x, y - 10, 12, 12, fill="#ffffff", stroke=INK, stroke_width=2.5)
    yield text("critical path", x + 17, y, class_="small")


def _grid(axis: _Axis, top: float, bottom: float) -> Iterator[str]:
    for moment in axis.ticks():
        x = axis.x(moment)
        yield line([(x, top), (x, bottom)], stroke=FAINT)
        yield text(_moment(moment), x, bottom + 14, text_anchor="middle", class_="small")


def _moment(seconds: float) -> str:
    return format_duration(seconds) if seconds >= 1 else f"{seconds:g}s"


def _labels(rows: Sequence[Row], tops: Sequence[float], height: float) -> Iterator[str]:
    """Where rows are too low for letters, one label per device type has to do."""
    last = ""
    for row, y in zip(rows, tops, strict=True):
        if height >= 11:
            words = f"{row.node}  {row.device}" if row.device != last else row.node
        else:
            words = row.device if row.device != last else ""
        if row.device != last:
            yield line([(8, y - 2), (WIDTH - RIGHT, y - 2)], stroke="#bbbbbb")
        last = row.device
        if words:
            middle = y + min(len(row.lanes) * height, 20) / 2 + 4
            yield text(words, LEFT - 8, middle, text_anchor="end", class_="small")


def _placed(rows: Sequence[Row], tops: Sequence[float], height: float) -> Iterator[tuple[Bar, float]]:
    for row, top in zip(rows, tops, strict=True):
        for number, lane in enumerate(row.lanes):
            for bar in lane:
                yield bar, top + number * height


def _bar(bar: Bar, axis: _Axis, y: float, height: float, coloured: dict[str, str]) -> str:
    left, right = axis.x(bar.start), axis.x(bar.finish)
    width = max(right - left, 1.5)
    colour = coloured.get(bar.job) or coloured.get(bar.device, COLOURS[-1])
    stroke, thickness = (INK, 2.5) if bar.step is not None else ("#ffffff", 0.6)
    shape = box(left, y + 1, width, height - 2, rx=2, fill=colour, stroke=stroke, stroke_width=thickness)
    words = f"{bar.task} x{bar.workers}" if bar.workers > 1 else bar.task
    room = int((width - 8) / LETTER)
    shown = ""
    if height >= 11 and room >= 3:
        words = shortened(words, room)
        tone = "small light" if colour in DARK else "small"
        shown = text(words, left + 4, y + height / 2 + 4, class_=tone)
    return element("g", {"class_": "bar"}, shape + shown, bar.about)


def shortened(words: str, room: int) -> str:
    """At most `room` letters: the middle is left out, since tasks of one kind differ in the end of their names."""
    if len(words) <= room:
        return words
    tail = (room - 1) // 2
    return f"{words[: room - 1 - tail]}…{words[len(words) - tail :]}"


def _path(chart: Chart, axis: _Axis, tops: Sequence[float], height: float) -> Iterator[str]:
    """Dashed lines from each task of a critical path to the next one."""
    first: dict[tuple[str, int], tuple[Bar, float]] = {}
    for bar, y in _placed(chart.rows, tops, height):
        if bar.step is not None:
            first.setdefault((bar.job, bar.step), (bar, y + height / 2))
    for (job, step), (bar, y) in sorted(first.items(), key=lambda item: item[0]):
        following = first.get((job, step + 1))
        if following is not None:
            points = [(axis.x(bar.finish), y), (axis.x(following[0].start), following[1])]
            yield line(points, stroke=INK, stroke_width=1.2, stroke_dasharray="4 3", title="critical path")


def _power(chart: Chart, axis: _Axis, top: float) -> Iterator[str]:
    """Power as an area (scale on the left), energy added up as a line (scale on the right)."""
    most = max(watts for _, watts in chart.power) or 1.0
    base = top + POWER_HEIGHT
    outline, energy, total = [(axis.x(0.0), base)], [(0.0, 0.0)], 0.0
    level, before = 0.0, 0.0
    for moment, watts in chart.power:
        total += level * (moment - before)
        energy.append((moment, total))
        outline += [(axis.x(moment), base - POWER_HEIGHT * own / most) for own in (level, watts)]
        level, before = watts, moment
    outline.append((axis.x(before), base))
    yield text("power of the tasks", LEFT - 8, top + 10, text_anchor="end", class_="small head")
    yield text(f"{most:.4g} W", LEFT - 8, top + 26, text_anchor="end", class_="small")
    yield text("0 W", LEFT - 8, base + 4, text_anchor="end", class_="small")
    yield from _grid(axis, top, base)
    yield area(outline, fill="#56B4E9", fill_opacity=0.55, stroke="#0072B2", title=f"power, at most {most:.4g} W")
    curve = [(axis.x(moment), base - POWER_HEIGHT * own / (total or 1.0)) for moment, own in energy]
    yield line(curve, stroke="#D55E00", stroke_width=2, title=f"energy added up: {joules(total)}")
    yield text(joules(total), WIDTH - RIGHT + 6, top + 10, class_="small head")
    yield text("energy", WIDTH - RIGHT + 6, top + 26, class_="small")
