"""The history keeps every row over restarts and crashes, names what it cannot read, and touches no stranger's file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput, Unavailable
from heterosched_lab.contest.history import HEADER, History, Remembered

LINE = "task_id,size,compute_intensity,memory_required,optimal_gpu_fraction,optimal_time\n"


def row(number: int) -> Remembered:
    return Remembered(number, 960.0, 0.26, 81.0, 0.625, 0.4 + number / 7)


def test_rows_survive_a_restart_and_ids_go_on(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "long_term_history.csv"
    assert History(file).read().next_id == 0
    History(file).append([row(0), row(1)])
    History(file).append([row(2)])
    found = History(file).read()
    assert found.rows == (row(0), row(1), row(2))
    assert (found.broken, found.next_id) == ((), 3)
    assert file.read_text(encoding="utf-8").splitlines()[0] == ",".join(HEADER) == LINE.strip()


def test_nothing_to_add_makes_a_file_of_the_header(tmp_path: Path) -> None:
    file = tmp_path / "h.csv"
    file.touch()
    assert History(file).read().rows == ()
    History(file).append([])
    assert file.read_text(encoding="utf-8") == LINE


@pytest.mark.parametrize("text", ["id,size\n1,2\n", "1,2,3,4,5,6\n", "\n", LINE.replace("size", "Size")])
def test_a_file_with_another_header_is_never_touched(tmp_path: Path, text: str) -> None:
    file = tmp_path / "h.csv"
    file.write_text(text, encoding="utf-8")
    for action in (lambda: History(file).append([row(0)]), History(file).read, History(file).clear):
        with pytest.raises(InvalidInput, match=r"h\.csv: line 1: the header is .*move the file away"):
            action()
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("1,2,3", "3 columns, not 6"),
        ("1,960,0.26,81,0.5,soon", "column optimal_time: 'soon' is no number"),
        ("1,960,0.26,81,0.5,nan", "column optimal_time: 'nan' is not finite"),
        ("1.5,960,0.26,81,0.5,1", "column task_id: '1.5' is no id"),
        ("-1,960,0.26,81,0.5,1", "column task_id: '-1' is no id"),
        ("1,960,1.26,81,0.5,1", "column compute_intensity: 1.26 is not within"),
        ("1,960,0.26,81,-0.5,1", "column optimal_gpu_fraction: -0.5 is not within"),
        ("1,960,0.26,81,0.5,0", "column optimal_time: 0 is not above zero"),
        ("1,0,0.26,81,0.5,1", "column size: 0 is not above zero"),
        ("1,960,0.26,-81,0.5,1", "column memory_required: -81 is below zero"),
        ("0,960,0.26,81,0.5,1", "column task_id: 0 stands in it before"),
    ],
)
def test_broken_rows_are_named_and_skipped(tmp_path: Path, cells: str, problem: str) -> None:
    file = tmp_path / "h.csv"
    History(file).append([row(0)])
    with file.open("a", encoding="utf-8") as out:
        out.write(f"{cells}\n")
    History(file).append([row(5)])
    found = History(file).read()
    assert found.rows == (row(0), row(5))
    assert len(found.broken) == 1
    assert f"h.csv: line 3: {problem}" in found.broken[0]


def test_a_torn_row_spoils_no_other(tmp_path: Path) -> None:
    file = tmp_path / "h.csv"
    History(file).append([row(0)])
    with file.open("a", encoding="utf-8") as out:
        out.write("1,960,0.2")
    History(file).append([row(2)])
    found = History(file).read()
    assert found.rows == (row(0), row(2))
    assert "line 3: 3 columns" in found.broken[0]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "h.csv"
    History(file).append([row(0)])
    before = file.read_bytes()
    write = os.write

    def half(descriptor: int, content: bytes) -> int:
        return write(descriptor, content[:20])

    def none(descriptor: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    for failing in (half, none):
        monkeypatch.setattr(os, "write", failing)
        with pytest.raises(Unavailable, match=r"h\.csv: .*"):
            History(file).append([row(1), row(2)])
        assert file.read_bytes() == before


def test_clearing_keeps_the_header(tmp_path: Path) -> None:
    file = tmp_path / "h.csv"
    History(file).clear()
    assert not file.exists()
    History(file).append([row(0)])
    History(file).clear()
    assert file.read_text(encoding="utf-8") == LINE
    History(file).append([row(1)])
    assert History(file).read().rows == (row(1),)


def test_a_folder_in_its_place_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        History(tmp_path).read()
    with pytest.raises(Unavailable):
        History(tmp_path).append([row(0)])
