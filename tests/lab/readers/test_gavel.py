"""Gavel's traces in both layouts and its throughput table become jobs with run times by device."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.readers.gavel import GavelJob, read_throughputs, read_trace, sim_jobs
from public_data import public

NEW = "LM (batch size 5)\tpython3 x\tlm\t--steps\t1\t900\t2\t1\t-1.000000\t30.5\n"
OLD = "LM (batch size 5)\tpython3 x\t--steps\t0\t900\t30.5\t2\n"
KEY, ONE = "('LM (batch size 5)', 2)", "('LM (batch size 5)', 1)"
TABLE = {
    "v100": {KEY: {"null": 9.0, "('A3C', 2)": [4.0, 5.0]}, ONE: {"null": 5.0}},
    "k80": {KEY: {"null": 3.0}, ONE: {"null": 0.0}},
    "k80_unconsolidated": {KEY: {"null": 2.0, "('A3C', 2)": [1.0, 1.0]}},
}


def _file(folder: Path, text: str) -> Path:
    path = folder / "file"
    path.write_text(text)
    return path


def _table(folder: Path, table: Any) -> Path:
    return _file(folder, json.dumps(table))


def test_both_layouts_say_the_same(tmp_path: Path) -> None:
    expected = GavelJob("LM (batch size 5)", 900, 2, 30.5)
    assert read_trace(_file(tmp_path, NEW + OLD)).rows == (expected, expected)
    assert read_trace(_file(tmp_path, NEW.replace("-1.000000", "1.5"))).rows[0].slo == 1.5


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (NEW.replace("900", "-900"), "line 2, column steps: -900 is not above 0"),
        (NEW.replace("30.5", "-1"), "line 2, column arrival: -1 is below 0"),
        (OLD.replace("\t2\n", "\t0\n"), "line 2, column scale: 0 is below 1"),
        ("a\tb\tc\n", "line 2: 3 cells, not 7 or 10"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, problem: str) -> None:
    path = _file(tmp_path, NEW + row)
    with pytest.raises(InvalidInput, match=problem):
        read_trace(path)
    assert (read_trace(path, "skip").tally.good, read_trace(path, "skip").tally.bad) == (1, 1)


def test_the_table(tmp_path: Path) -> None:
    table = read_throughputs(_table(tmp_path, TABLE))
    assert table.devices == ("v100", "k80")
    assert table.apart == {("k80", "LM (batch size 5)", 2): 2.0}
    assert table.beside == {("v100", "LM (batch size 5)", "A3C", 2): (4.0, 5.0)}
    assert table.seconds(GavelJob("LM (batch size 5)", 900, 2, 0)) == {"v100": 100.0, "k80": 300.0}
    assert table.seconds(GavelJob("LM (batch size 5)", 900, 1, 0)) == {"v100": 180.0}


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ([], "no table by device type"),
        ({"v100": 3}, "v100: no table"),
        ({"v100": {"LM": {}}}, "'LM' is no"),
        ({"v100": {KEY: {"null": -1}}}, r"v100\[.*\]: -1 is no rate"),
        ({"v100": {KEY: {"null": "fast"}}}, "'fast' is no rate"),
        ({"v100": {KEY: {"('A3C', 2)": [1.0]}}}, "is no pair of rates"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, table: Any, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        read_throughputs(_table(tmp_path, table))


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_no_json_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match="file: no JSON"):
        read_throughputs(_file(tmp_path, text))


def test_jobs_for_the_simulator(tmp_path: Path) -> None:
    table = read_throughputs(_table(tmp_path, TABLE))
    jobs = sim_jobs(
        [GavelJob("LM (batch size 5)", 900, 2, 30.0, 2.0, 1.5), GavelJob("LM (batch size 5)", 9, 2, 31)], table
    )
    assert (jobs[0].name, jobs[0].workers, jobs[0].priority, jobs[0].deadline) == ("job-00000", 2, 2.0, 30 + 1.5 * 100)
    assert jobs[1].deadline == math.inf
    with pytest.raises(InvalidInput, match="job 0: type: GAN on 1 GPUs has no throughput"):
        sim_jobs([GavelJob("GAN", 9, 1, 0)], table)


def test_the_public_traces() -> None:
    table = read_throughputs(public("gavel", "simulation_throughputs.json"))
    static = sim_jobs(read_trace(public("gavel", "minimize_makespan.trace")).rows, table)
    arriving = sim_jobs(read_trace(public("gavel", "max_min_fairness.trace")).rows, table)
    assert (len(static), len(arriving)) == (100, 96)
    assert [sum(job.workers == count for job in static) for count in (1, 2, 4)] == [71, 6, 23]
    best = sum(min(job.seconds.values()) for job in arriving) / 96 / 3600
    assert best == pytest.approx(2.34, abs=0.005)  # the floor of the mean JCT that the study of this trace found
