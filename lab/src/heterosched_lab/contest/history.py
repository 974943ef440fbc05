"""`long_term_history.csv`: the best fraction of every task that was ever run, for strategies that learn.

Rows are only ever added, all of a call in one write: a crash leaves at most one torn row, which is closed before the
next one is added and named when the file is read. A file with another header is never touched.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from heterosched.errors import InvalidInput, Unavailable

HEADER = ("task_id", "size", "compute_intensity", "memory_required", "optimal_gpu_fraction", "optimal_time")


@dataclass(frozen=True, slots=True)
class Remembered:
    """A row: a task and its best fraction and time (seconds)."""

    task_id: int
    size: float
    compute_intensity: float
    memory_required: float
    optimal_gpu_fraction: float
    optimal_time: float


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a history holds; `broken` names the rows that could not be read, by line and column."""

    rows: tuple[Remembered, ...]
    broken: tuple[str, ...] = ()

    @property
    def next_id(self) -> int:
        """The first id above all others."""
        return max((row.task_id for row in self.rows), default=-1) + 1


class History:
    """The history at a path; the file is made when the first row is added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Recollection:
        """All rows. Raises InvalidInput where the header is another one, Unavailable where the file cannot be read."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return Recollection(())
        except OSError as error:
            raise Unavailable(f"{self.path}: {error}") from error
        if not text:
            return Recollection(())
        lines = csv.reader(io.StringIO(text))
        self._check(next(lines, None))
        rows: list[Remembered] = []
        broken: list[str] = []
        known: set[int] = set()
        for cells in lines:
            try:
                row = _row(cells)
                if row.task_id in known:
                    raise ValueError(f"column task_id: {row.task_id} stands in it before")
            except ValueError as error:
                broken.append(f"{self.path}: line {lines.line_num}: {error}")
                continue
            known.add(row.task_id)
            rows.append(row)
        return Recollection(tuple(rows), tuple(broken))

    def append(self, rows: Iterable[Remembered]) -> None:
        """Add rows, all or none. Raises InvalidInput for a file with another header, Unavailable where it fails."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(astuple(row) for row in rows)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                before = file.seek(0, os.SEEK_END)
                file.seek(0)
                start = ",".join(HEADER) + "\n" if before == 0 else ""
                if before:
                    self._check(file.readline().decode("utf-8", "replace").rstrip("\r\n").split(","))
                    file.seek(before - 1)
                    start = "" if file.read(1) == b"\n" else "\n"  # closes a torn row: it spoils no other
                _write(file.fileno(), (start + text.getvalue()).encode(), before)
        except OSError as error:
            raise Unavailable(f"{self.path}: {error}") from error

    def clear(self) -> None:
        """Forget all rows; the header stays. Raises InvalidInput for a file with another header."""
        if self.path.exists():
            self.read()
            with self.path.open("r+b") as file:
                file.readline()
                file.truncate(file.tell())

    def _check(self, header: list[str] | None) -> None:
        if tuple(header or ()) != HEADER:
            problem = f"the header is {','.join(header or ())!r}"
            remedy = f"it should be {','.join(HEADER)}; move the file away"
            raise InvalidInput(str(self.path), "line 1", problem, remedy)


def _write(file: int, content: bytes, before: int) -> None:
    """One write of all; what a full disk cuts short is taken back."""
    try:
        if os.write(file, content) != len(content):
            raise OSError("only a part could be written")
        os.fsync(file)
    except OSError:
        os.ftruncate(file, before)
        raise


def _row(cells: list[str]) -> Remembered:
    if len(cells) != len(HEADER):
        raise ValueError(f"{len(cells)} columns, not {len(HEADER)}")
    numbers: list[float] = []
    for name, cell in zip(HEADER, cells, strict=True):
        try:
            numbers.append(float(cell))
        except ValueError:
            raise ValueError(f"column {name}: {cell!r} is no number") from None
        if not math.isfinite(numbers[-1]):
            raise ValueError(f"column {name}: {cell!r} is not finite")
    task_id, size, intensity, memory, fraction, seconds = numbers
    if task_id != int(task_id) or task_id < 0:
        raise ValueError(f"column task_id: {cells[0]!r} is no id")
    for name, value, most in (("compute_intensity", intensity, 1.0), ("optimal_gpu_fraction", fraction, 1.0)):
        if not 0 <= value <= most:
            raise ValueError(f"column {name}: {value:g} is not within 0..1")
    for name, value in (("size", size), ("optimal_time", seconds)):
        if value <= 0:
            raise ValueError(f"column {name}: {value:g} is not above zero")
    if memory < 0:
        raise ValueError(f"column memory_required: {memory:g} is below zero")
    return Remembered(int(task_id), size, intensity, memory, fraction, seconds)
