"""Both outlooks as one SVG: a pair of bars per job, from its first start to its last finish, and the totals below."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from heterosched.errors import InvalidInput
from heterosched.units import format_duration
from heterosched_cli.output import joules
from heterosched_cli.svg import box, document, element, line, text
from heterosched_cli.what_if_cluster import JobOutlook, Outlook

WIDTH, LEFT, RIGHT, TOP, ROW = 960.0, 220.0, 40.0, 56.0, 26.0
NOW, THEN = "#0072B2", "#E69F00"
STYLE = "text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#222222}.small{font-size:11px}.head{font-weight:600}"
MOST_JOBS = 100
"""More bars than that are a wall; the table has them all."""


def draw(now: Outlook, then: Outlook, path: Path) -> None:
    """Write the file. Raises InvalidInput where that is not possible."""
    try:
        path.write_text(drawing(now, then), encoding="utf-8")
    except OSError as error:
        raise InvalidInput("--plot", str(path), error.strerror or str(error), "choose another place") from error


def drawing(now: Outlook, then: Outlook) -> str:
    """The picture's text."""
    pairs = list(islice(zip(now.jobs, then.jobs, strict=True), MOST_JOBS))
    height = TOP + ROW * max(1, len(pairs)) + 60.0
    seconds = max(now.makespan, then.makespan, 1e-9)
    parts = [*_legend(len(now.jobs)), *_axis(seconds, TOP + ROW * max(1, len(pairs)))]
    for number, (one, two) in enumerate(pairs):
        y = TOP + ROW * number
        parts.append(text(one.key, LEFT - 8, y + 14, text_anchor="end", class_="small"))
        parts += [*_bar(one, seconds, y, NOW, "as it is"), *_bar(two, seconds, y + 10, THEN, "what if")]
    about = f"makespan {format_duration(now.makespan)} as it is, {format_duration(then.makespan)} if"
    parts.append(text(f"{about}; energy of tasks {joules(now.joules)} and {joules(then.joules)}", LEFT, height - 12))
    return document(WIDTH, height, "What if", about, STYLE, parts)


def _legend(jobs: int) -> Iterator[str]:
    yield text("Jobs from first start to last finish", LEFT, 20, class_="head")
    for place, (colour, words) in enumerate(((NOW, "as it is"), (THEN, "what if"))):
        yield box(LEFT + 110 * place, 30, 12, 12, fill=colour)
        yield text(words, LEFT + 18 + 110 * place, 40, class_="small")
    if jobs > MOST_JOBS:
        yield text(f"the first {MOST_JOBS} of {jobs} jobs", LEFT + 240, 40, class_="small")


def _axis(seconds: float, bottom: float) -> Iterator[str]:
    for part in range(5):
        x = _x(seconds * part / 4, seconds)
        yield line([(x, TOP - 4), (x, bottom)], stroke="#dddddd")
        yield text(format_duration(seconds * part / 4), x, bottom + 16, text_anchor="middle", class_="small")


def _bar(own: JobOutlook, seconds: float, y: float, colour: str, when: str) -> Iterator[str]:
    if own.finish is None or own.waiting is None:
        yield text(f"{when}: {own.trouble}"[:110], LEFT + 4, y + 9, class_="small")
        return
    x, end = _x(own.waiting, seconds), _x(own.finish, seconds)
    told = f"{own.key} {when}: waits {format_duration(own.waiting)}, ends after {format_duration(own.finish)}"
    size = {"x": x, "y": y, "width": max(1.0, end - x), "height": 9.0}
    yield element("rect", {**size, "fill": colour}, title=f"{told}, {joules(own.joules or 0.0)}")


def _x(seconds: float, most: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / most
