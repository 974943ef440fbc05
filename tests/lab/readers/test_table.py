"""The lab's own CSV is read to the letter; what is wrong in it is named by file, line and column, and counted."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.readers.rows import Tally
from heterosched_lab.readers.table import read_jobs, read_nodes, stream_jobs
from heterosched_lab.simulate.types import SimJob, SimNode

HEAD = "name,arrival,workers,share,deadline,priority,category,seconds:a100,seconds:t4,watts:a100,caps:a100\n"


def _file(folder: Path, text: str | bytes, name: str = "jobs.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_full_row(tmp_path: Path) -> None:
    text = HEAD + "one,3.5,2,1,90,2,vision,40,100,250,200=44/180 150=60/140\n\ntwo,,,0.5,,,,,8,,\n"
    reading = read_jobs(_file(tmp_path, text))
    caps = {"a100": ((200.0, 44.0, 180.0), (150.0, 60.0, 140.0))}
    seconds = {"a100": 40.0, "t4": 100.0}
    assert reading.rows == (
        SimJob("one", 3.5, seconds, {"a100": 250.0}, 2, 1.0, 90.0, 2.0, "vision", caps),
        SimJob("two", 0.0, {"t4": 8.0}, {}, 1, 0.5),
    )
    assert (reading.tally.good, reading.tally.bad) == (2, 0)


BAD = {
    "x,-1,1,1,,,,5,,,": "column arrival: -1 is below 0",
    "x,soon,1,1,,,,5,,,": "column arrival: 'soon' is no number",
    "x,nan,1,1,,,,5,,,": "column arrival: nan is no finite number",
    ",0,1,1,,,,5,,,": "column name: is empty",
    "x,0,0,1,,,,5,,,": "column workers: 0 is below 1",
    "x,0,1.5,1,,,,5,,,": "column workers: 1.5 is no whole number",
    "x,0,1,2,,,,5,,,": "column share: 2 is more than one device",
    "x,0,1,1,,,,0,,,": "column seconds:a100: 0 is not above 0",
    "x,0,1,1,,,,,,,": "column seconds:a100: no device type has a run time",
    "x,0,1,1,,,,5,,-3,": "column watts:a100: -3 is below 0",
    "x,0,1,1,,,,5,,,200": "column caps:a100: '200' is no operating point",
    "x,0,1,1,,,,5,,,200=a/3": "column caps:a100: '200=a/3' is no operating point",
    "x,0,1,1,,,,5,,,200=-4/3": "column caps:a100: 200=-4/3 has a figure below zero",
    "x,0,1": "line 3: 3 cells, not 11",
    'x,"0,1,1,,,,5,,,': "line 3: a line that is too long or no table row",
    "good,0,1,1,,,,5,,,": "good stands in line 2 too",
}


@pytest.mark.parametrize("row", BAD)
def test_a_bad_row_is_refused_or_skipped(tmp_path: Path, row: str) -> None:
    path = _file(tmp_path, f"{HEAD}good,0,1,1,,,,5,,,\n{row}\nlast,0,1,1,,,,5,,,\n")
    with pytest.raises(InvalidInput) as refused:
        read_jobs(path)
    assert str(refused.value).startswith("jobs.csv: line 3")
    assert BAD[row] in str(refused.value)
    reading = read_jobs(path, "skip")
    assert [job.name for job in reading.rows] == ["good", "last"]
    assert (reading.tally.good, reading.tally.bad) == (2, 1)
    assert BAD[row] in str(reading.tally.problems[0])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        (HEAD, "it has no rows"),
        ("name,arrival\nx,1\n", "column seconds:TYPE: not there"),
        ("arrival,seconds:t4\n1,2\n", "column name: not there"),
        ("name,seconds:t4,speed\nx,1,1\n", "column speed: unknown column"),
        ("name,seconds:t4,name\nx,1,x\n", "column name: stands twice"),
        ("name,seconds:t4\nx,-1\n", "no row can be used, 1 are bad"),
    ],
)
def test_a_file_of_no_use_is_refused_either_way(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        read_jobs(_file(tmp_path, text), "skip")


def test_an_unknown_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"column seconds:a100: unknown device; use one of t4"):
        read_jobs(_file(tmp_path, HEAD + "x,0,1,1,,,,5,,,\n"), devices=("t4",))


def test_gzip_is_told_by_its_bytes_and_damage_is_named(tmp_path: Path) -> None:
    packed = gzip.compress((HEAD + "x,0,1,1,,,,5,,,\n" * 1).encode())
    assert read_jobs(_file(tmp_path, packed)).rows[0].name == "x"
    with pytest.raises(InvalidInput, match="damaged file"):
        read_jobs(_file(tmp_path, packed[:-6]))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.csv: cannot be opened"):
        read_jobs(tmp_path / "none.csv")


def test_nodes(tmp_path: Path) -> None:
    path = _file(tmp_path, "name,device,gpus,idle_watts,host_watts\na,t4,4,10,90.5\nb,cpu,8,,\n", "nodes.csv")
    assert read_nodes(path).rows == (SimNode("a", "t4", 4, 10.0, 90.5), SimNode("b", "cpu", 8))


@pytest.mark.slow
def test_a_huge_file_streams_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    rows = 20_000
    with path.open("w") as handle:
        handle.write("name,seconds:t4\n")
        handle.writelines(f"{'j' * 200}{index},5\n" for index in range(rows))
        handle.write("x" * (3 << 20) + "\n")
        handle.write("last,-1\n")
    tally, peaks = Tally(path.name), []
    tracemalloc.start()
    try:
        for index, job in enumerate(stream_jobs(path, tally, remembered=1000)):
            assert job.seconds == {"t4": 5.0}
            if index in (5_000, rows - 1):
                peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert (tally.good, tally.bad) == (rows, 2)
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < path.stat().st_size / 4
