"""Rows of a text table one at a time, in constant memory, with what is wrong told by file, line and column."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, TypeVar

from heterosched.errors import InvalidInput

OnError = Literal["refuse", "skip"]
LONGEST_LINE = 1 << 20
"""Bytes of a line; a longer one is no row of any table read here."""
SHOWN = 20
"""Bad rows that are kept to be shown; all are counted."""
DAMAGED = (OSError, EOFError, zlib.error)
"""What reading a file that is cut short or spoilt may raise."""
REMEMBERED = 100_000
"""Ids among which a streamed table is searched for duplicates, so that memory stays bounded."""

T = TypeVar("T")


@dataclass
class Tally:
    """What became of the rows of a file. `problems` has the first of the bad ones."""

    file: str
    good: int = 0
    bad: int = 0
    problems: list[InvalidInput] = field(default_factory=list)

    def refused(self, problem: InvalidInput, on_error: OnError) -> None:
        """Count a bad row. Raises it under "refuse"."""
        self.bad += 1
        if len(self.problems) < SHOWN:
            self.problems.append(problem)
        if on_error == "refuse":
            raise problem


@dataclass(frozen=True)
class Reading(Generic[T]):
    """The rows of a whole file that could be used, and the tally of all."""

    rows: tuple[T, ...]
    tally: Tally


class Row:
    """A row by column name; conversions raise InvalidInput that names file, line and column."""

    def __init__(self, file: str, line: int, cells: Mapping[str, str]) -> None:
        self.file, self.line, self._cells = file, line, cells

    def bad(self, column: str, problem: str, remedy: str = "correct this row") -> InvalidInput:
        """What is wrong with a cell."""
        return InvalidInput(self.file, f"line {self.line}, column {column}", problem, remedy)

    def has(self, column: str) -> bool:
        """Whether the row has such a column and something in it."""
        return bool(self._cells.get(column, "").strip())

    def text(self, column: str, default: str | None = None) -> str:
        """The cell without blanks around it. Raises InvalidInput where it is empty and has no default."""
        value = self._cells.get(column, "").strip()
        if value:
            return value
        if default is None:
            raise self.bad(column, "is empty", "fill it in")
        return default

    def number(
        self, column: str, default: float | None = None, *, above: float | None = None, least: float = 0.0
    ) -> float:
        """A finite figure, at least `least` or above `above`. Raises InvalidInput."""
        if default is not None and not self.has(column):
            return default
        text = self.text(column)
        try:
            value = float(text)
        except ValueError:
            raise self.bad(column, f"{text!r} is no number") from None
        if not math.isfinite(value):
            raise self.bad(column, f"{text} is no finite number")
        if above is not None and value <= above:
            raise self.bad(column, f"{text} is not above {above:g}")
        if above is None and value < least:
            raise self.bad(column, f"{text} is below {least:g}")
        return value

    def whole(self, column: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number, at least `least`. Raises InvalidInput."""
        value = self.number(column, default, least=least)
        if value != int(value):
            raise self.bad(column, f"{value:g} is no whole number")
        return int(value)


def opened(path: Path) -> io.BufferedIOBase:
    """The file's bytes, unpacked where it is gzip (told by its first bytes). Raises InvalidInput."""
    try:
        handle = path.open("rb")
        if handle.read(2) != b"\x1f\x8b":
            handle.seek(0)
            return handle
        handle.close()
        return gzip.open(path, "rb")
    except OSError as error:
        problem = error.strerror or str(error)
        raise InvalidInput(str(path), "", f"cannot be opened: {problem}", "check the path") from error


def lines_of(path: Path) -> Iterator[tuple[int, str | None]]:
    """Lines with their numbers; None for one that is too long. Raises InvalidInput (empty file, damaged gzip)."""
    number = 0
    with opened(path) as handle:
        try:
            while line := handle.readline(LONGEST_LINE):
                number += 1
                fits = line.endswith(b"\n") or len(line) < LONGEST_LINE
                while not fits and (rest := handle.readline(LONGEST_LINE)):
                    line, fits = b"", rest.endswith(b"\n")
                text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")
                yield number, text.rstrip("\r\n") if line else None
        except DAMAGED as error:
            raise InvalidInput(path.name, f"line {number + 1}", f"damaged file: {error}", "fetch it again") from error
    if number == 0:
        raise InvalidInput(path.name, "", "the file is empty", "give a file with rows")


def head_of(path: Path, required: Iterable[str] = (), *, delimiter: str = ",") -> list[str]:
    """The column names in the first line. Raises InvalidInput where a required one is missing or one stands twice."""
    _, first = next(lines_of(path))
    names = [name.strip() for name in _cells(first, delimiter) or []]
    for name in required:
        if name not in names:
            known = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            raise InvalidInput(path.name, f"line 1, column {name}", f"not there (there are: {known})", "add it")
    repeated = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if repeated is not None:
        raise InvalidInput(path.name, f"line 1, column {repeated}", "stands twice", "rename one of them")
    return names


def table_rows(
    path: Path, required: Iterable[str], tally: Tally, on_error: OnError, *, delimiter: str = ","
) -> Iterator[Row]:
    """Rows of a table whose first line names its columns. Raises InvalidInput where a required one is missing."""
    names = head_of(path, required, delimiter=delimiter)
    lines = lines_of(path)
    next(lines)
    yield from _rows(path, lines, [names], tally, on_error, delimiter)


def bare_rows(
    path: Path, layouts: Iterable[list[str]], tally: Tally, on_error: OnError, *, delimiter: str
) -> Iterator[Row]:
    """Rows of a table without a head; which of the layouts a row has is told by the number of its cells."""
    return _rows(path, lines_of(path), list(layouts), tally, on_error, delimiter)


def _rows(
    path: Path,
    lines: Iterable[tuple[int, str | None]],
    layouts: list[list[str]],
    tally: Tally,
    on_error: OnError,
    delimiter: str,
) -> Iterator[Row]:
    by_count = {len(names): names for names in layouts}
    for number, line in lines:
        if line is not None and not line.strip():
            continue
        cells = _cells(line, delimiter)
        if cells is None or len(cells) not in by_count:
            counts = " or ".join(str(count) for count in sorted(by_count))
            found = "a line that is too long or no table row" if cells is None else f"{len(cells)} cells, not {counts}"
            tally.refused(InvalidInput(path.name, f"line {number}", found, "correct this row"), on_error)
            continue
        yield Row(path.name, number, dict(zip(by_count[len(cells)], cells, strict=True)))


def _cells(line: str | None, delimiter: str) -> list[str] | None:
    """The cells of one line: a quoted line break would let one broken quote swallow the rest of a file."""
    if line is None:
        return None
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), None)
    except csv.Error:
        return None


def converted(
    rows: Iterable[Row],
    convert: Callable[[Row], T],
    tally: Tally,
    on_error: OnError,
    *,
    id_of: Callable[[T], str] | None = None,
    remembered: int | None = None,
) -> Iterator[T]:
    """Convert row by row; a bad one, or one whose id came before, is counted and skipped or raised.

    `remembered`: how many ids back duplicates are looked for, None: all of them.
    """
    seen: OrderedDict[str, int] = OrderedDict()
    for row in rows:
        try:
            value = convert(row)
            id = id_of(value) if id_of is not None else ""
            if id_of is not None and id in seen:
                raise InvalidInput(row.file, f"line {row.line}", f"{id} stands in line {seen[id]} too", "keep one")
        except InvalidInput as problem:
            tally.refused(problem, on_error)
            continue
        if id_of is not None:
            seen[id] = row.line
            if remembered is not None and len(seen) > remembered:
                seen.popitem(last=False)
        tally.good += 1
        yield value


def gathered(values: Iterator[T], tally: Tally) -> Reading[T]:
    """All that could be used. Raises InvalidInput where there is nothing."""
    rows = tuple(values)
    if not rows:
        problem = f"no row can be used, {tally.bad} are bad" if tally.bad else "it has no rows"
        first = f" (first: {tally.problems[0]})" if tally.problems else ""
        raise InvalidInput(tally.file, "", problem + first, "give a file with rows")
    return Reading(rows, tally)
