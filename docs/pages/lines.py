"""Where lines of the book may end: a command or name is kept whole where it fits, and a column is as wide as its words.

The renderer breaks at every hyphen and, where nothing else fits, between any two letters: `--dry-run` would stand on
two lines. So words of code are marked, without a sign that would be copied with them, and columns get their widths
here; to find them out by laying the table out takes minutes.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from xml.etree import ElementTree

Element = ElementTree.Element

PAGE_MM, PADDING_MM = 174.0, 3.2
CODE_MM, TEXT_MM, HEAD_MM = 1.47, 1.6, 1.85
"""Width of the page and of a cell's two paddings, and of a letter in a table: of code, of text, of a heading
(assets/print.css)."""
WIDEST_WORD, NARROWEST_WORD, WIDEST_MEAN = 70.0, 35.0, 110.0
"""Millimetres: what a long word gets where there is room and where there is none; what a long text may ask for."""
FOR_WORDS = 0.65
"""Share of the page that words may claim; the rest is for texts."""
BLOCK_LETTERS, LINE_LETTERS = 100, 60
"""Letters of code that fit on a line of a block, and those that are kept together in running text."""
KEPT, PART, LONG = "kept", "part", "long"
"""Classes of print.css: a word that is not broken, a part of one that is broken between parts, a line with a hanging
indent."""
BREAKS = re.compile(r"[-/|?!%]")
"""Signs in a word at which the renderer would break it."""
NO_LINE_BEGINS = ("/", "!", "}", ")", "]")
"""Signs before which the renderer ends no line, not even after a space: it would end one far before instead."""
PARTS = re.compile(r"[^-._/,=:;&]*[-._/,=:;&]+|[^-._/,=:;&]+")


def settle(page: Element) -> None:
    """Mark words and widths of a whole page."""
    for table in page.iter("table"):
        spread(table)
    inside = {id(code) for pre in page.iter("pre") for code in pre.iter("code")}
    for pre in page.iter("pre"):
        _settle_block(pre)
    for code in page.iter("code"):
        if id(code) not in inside and not code.get("class"):
            keep(code, LINE_LETTERS)


def keep(code: Element, room: int) -> None:
    """Keep each word of code on one line; those longer than `room` letters are broken after a sign."""
    code.set("class", "settled")
    if len(code) == 0:
        text, code.text = code.text or "", ""
        _append(code, text, room)


def _append(to: Element, text: str, room: int) -> None:
    for word in re.split(r"(\s+)", text):
        if len(word) <= room:
            _add(to, word, PART if word.startswith(NO_LINE_BEGINS) else KEPT if BREAKS.search(word) else "")
        else:
            for part in PARTS.findall(word):
                _add(to, part, PART)


def _add(to: Element, text: str, kind: str) -> None:
    if kind:
        ElementTree.SubElement(to, "span", {"class": kind}).text = text
    elif len(to):
        to[-1].tail = (to[-1].tail or "") + text
    else:
        to.text = (to.text or "") + text


def _settle_block(pre: Element) -> None:
    """Lines that are too long hang, so that what belongs to one is seen; colours are not printed and go."""
    lines = "".join(pre.itertext()).rstrip("\n").split("\n")
    for child in list(pre):
        pre.remove(child)
    pre.text = ""
    code = ElementTree.SubElement(pre, "code", {"class": "settled"})
    broken = True  # whether a new line has begun: a hanging line is a block, which ends by itself
    for line in lines:
        hangs = len(line) > BLOCK_LETTERS
        if not broken and not hangs:
            _add(code, "\n", "")
        if hangs:
            _append(ElementTree.SubElement(code, "span", {"class": LONG}), line, BLOCK_LETTERS - 4)
        else:
            _add(code, line, "")
        broken = hangs


def spread(table: Element) -> None:
    """Give each column a width by what stands in it, and keep the words that fit into it."""
    for head in [one for one in table.findall("thead") if not "".join(one.itertext()).strip()]:
        table.remove(head)  # a table without headings, which Markdown knows not
    rows = [list(row) for row in table.iter("tr")]
    columns = list(zip_longest(*rows))
    found = widths([([_longest(cell) for cell in column], [_length(cell) for cell in column]) for column in columns])
    group = Element("colgroup")
    for column, width in zip(columns, found, strict=True):
        ElementTree.SubElement(group, "col", style=f"width: {100 * width / PAGE_MM:.1f}%")
        for cell in column:
            for code in () if cell is None else cell.iter("code"):
                keep(code, int((width - PADDING_MM) / CODE_MM))
    table.insert(0, group)


def widths(columns: list[tuple[list[float], list[float]]]) -> list[float]:
    """Millimetres of each column, from the longest word and the length of each of its cells."""
    longest = [max(words, default=0.0) for words, _ in columns]
    means = [min(sum(texts) / max(len(texts), 1), WIDEST_MEAN) for _, texts in columns]
    cap = WIDEST_WORD
    while cap > NARROWEST_WORD and sum(min(word, cap) + PADDING_MM for word in longest) > FOR_WORDS * PAGE_MM:
        cap -= 1.0
    needs = [min(word, cap) + PADDING_MM for word in longest]
    wishes = [max(mean + PADDING_MM - need, 1.0) for need, mean in zip(needs, means, strict=True)]
    spare = PAGE_MM - sum(needs)
    if spare < 0:
        return [PAGE_MM * need / sum(needs) for need in needs]
    return [need + spare * wish / sum(wishes) for need, wish in zip(needs, wishes, strict=True)]


def _longest(cell: Element | None) -> float:
    """Millimetres of the longest word in a cell: of code those between spaces, of text those between hyphens, too."""
    if cell is None:
        return 0.0
    letter = HEAD_MM if cell.tag == "th" else TEXT_MM
    code = [len(word) * CODE_MM + 1.0 for one in cell.iter("code") for word in "".join(one.itertext()).split()]
    text = [len(word) * letter for word in re.split(r"[\s/-]+", _without_code(cell))]
    return max([*code, *text], default=0.0)


def _length(cell: Element | None) -> float:
    return 0.0 if cell is None else len("".join(cell.itertext())) * TEXT_MM


def _without_code(element: Element) -> str:
    inner = "" if element.tag == "code" else (element.text or "") + "".join(map(_without_code, element))
    return inner + (element.tail or "")
