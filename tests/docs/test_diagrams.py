"""The words of a diagram can be read: no line and no edge of a box goes through them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from documented import ROOT

DIAGRAMS = sorted((ROOT / "docs" / "images").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
NARROW, WIDE = frozenset(" ,.:;/'ijlftrI"), frozenset("mwMW")
BEGINS = {"start": 0.0, "middle": 0.5, "end": 1.0}

Box = tuple[float, float, float, float]
Line = tuple[float, float, float, float]


def width(text: str, bold: bool) -> float:
    """About how wide a text is in DejaVu Sans, in units of its size."""
    return sum(0.33 if one in NARROW else 0.9 if one in WIDE else 0.6 for one in text) * (1.1 if bold else 1)


def words(drawing: ElementTree.Element) -> Iterator[tuple[str, Box]]:
    """Each text and about where it stands: left, top, right, bottom."""
    for one in drawing.iter(f"{SVG}text"):
        text, size = "".join(one.itertext()), float(one.get("font-size", "0"))
        wide = size * width(text, one.get("font-weight") == "bold")
        left = float(one.get("x", "0")) - wide * BEGINS[one.get("text-anchor", "start")]
        below = float(one.get("y", "0"))
        yield text, (left, below - 0.75 * size, left + wide, below + 0.2 * size)


def drawn(drawing: ElementTree.Element) -> Iterator[Line]:
    """Each straight piece of a path, and each edge of a box with a border."""
    markers = {id(one) for marker in drawing.iter(f"{SVG}marker") for one in marker}
    for path in drawing.iter(f"{SVG}path"):
        if id(path) not in markers:
            numbers = [float(found) for found in re.findall(r"-?[\d.]+", path.get("d", ""))]
            corners = list(zip(numbers[::2], numbers[1::2], strict=True))
            yield from ((*first, *second) for first, second in pairwise(corners))
    for rect in drawing.iter(f"{SVG}rect"):
        if rect.get("stroke"):
            left, top, wide, high = (float(rect.get(name, "0")) for name in ("x", "y", "width", "height"))
            right, below = left + wide, top + high
            yield from [(left, top, right, top), (left, below, right, below)]
            yield from [(left, top, left, below), (right, top, right, below)]


def crosses(line: Line, box: Box) -> bool:
    """Whether a line goes through a box, by steps of a unit."""
    x1, y1, x2, y2 = line
    steps = int(max(abs(x2 - x1), abs(y2 - y1))) + 1
    left, top, right, below = box
    points = ((x1 + (x2 - x1) * step / steps, y1 + (y2 - y1) * step / steps) for step in range(steps + 1))
    return any(left < x < right and top < y < below for x, y in points)


@pytest.mark.parametrize("file", DIAGRAMS, ids=lambda file: file.stem)
def test_no_line_goes_through_words(file: Path) -> None:
    drawing = ElementTree.parse(file).getroot()
    lines = list(drawn(drawing))
    assert len(lines) > 20
    assert [(text, line) for text, box in words(drawing) for line in lines if crosses(line, box)] == []


def test_a_line_through_a_box_is_seen() -> None:
    assert crosses((0, 5, 20, 5), (5, 0, 10, 10))
    assert not crosses((0, 15, 20, 15), (5, 0, 10, 10))
