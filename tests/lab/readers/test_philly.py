"""Philly-style lists, as CSV digest and as JSON log, become jobs in order of arrival."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.readers.philly import PIECE, PhillyJob, read_digest, read_log, sim_jobs, stream_log
from heterosched_lab.readers.rows import Tally

DIGEST = "timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-09 07:01:55,66.0,1,66.0,11cb48\n"
BEGIN = 1507532515.0


BACKWARDS = {"start_time": "2017-10-09 07:00:10", "end_time": "2017-10-09 07:00:00", "detail": []}


def _file(folder: Path, text: str) -> Path:
    path = folder / "jobs"
    path.write_text(text, encoding="utf-8")
    return path


def _job(name: str = "a", **fields: Any) -> dict[str, Any]:
    gpus = [{"ip": "m1", "gpus": ["gpu0", "gpu1"]}, {"ip": "m2", "gpus": ["gpu0"]}]
    attempts = [
        {"start_time": "2017-10-09 07:02:00", "end_time": "2017-10-09 07:03:00", "detail": gpus},
        {"start_time": "2017-10-09 08:00:00", "end_time": "2017-10-09 08:00:30", "detail": gpus},
        {"start_time": "None", "end_time": None, "detail": []},
    ]
    return {"jobid": name, "submitted_time": "2017-10-09 07:01:55", "vc": "v", "attempts": attempts, **fields}


def test_a_digest(tmp_path: Path) -> None:
    assert read_digest(_file(tmp_path, DIGEST)).rows == (PhillyJob("line-2", BEGIN, 66.0, 1, "11cb48"),)
    for cell, problem in (("-66.0", "column duration: -66.0 is not above 0"), ("soon", "column duration: 'soon'")):
        with pytest.raises(InvalidInput, match=f"line 2, {problem}"):
            read_digest(_file(tmp_path, DIGEST.replace("66.0,1,", f"{cell},1,")))
    with pytest.raises(InvalidInput, match="line 2, column timestamp: 'today' is no time"):
        read_digest(_file(tmp_path, DIGEST.replace("2017-10-09 07:01:55", "today")))


def test_a_log(tmp_path: Path) -> None:
    path = _file(tmp_path, json.dumps([_job("a"), _job("b")], indent=1))
    assert read_log(path).rows[0] == PhillyJob("a", BEGIN, 90.0, 3, "v")
    assert len(read_log(path).rows) == 2


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        (_job("a"), "a stands in line 1 too"),
        (_job("b", attempts=[]), "column attempts.seconds: 0.0 is not above 0"),
        (_job("b", attempts="none"), "column attempts.seconds: 0.0 is not above 0"),
        (_job("b", attempts=[*_job()["attempts"], BACKWARDS]), "column attempts.seconds: -10.0 is not above 0"),
        (_job("b", submitted_time=7), "column submitted_time: is empty"),
        (5, "column jobid: is empty"),
    ],
)
def test_a_bad_job_of_a_log(tmp_path: Path, job: Any, problem: str) -> None:
    path = _file(tmp_path, json.dumps([_job("a"), job, _job("z")]))
    with pytest.raises(InvalidInput) as refused:
        read_log(path)
    assert problem in str(refused.value)
    reading = read_log(path, "skip")
    assert ([own.name for own in reading.rows], reading.tally.bad) == (["a", "z"], 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        ("{}", "no JSON array of jobs"),
        ("[]", "it has no rows"),
        ('[{"jobid": "a"', "line 1: no JSON"),
        ("[5 x]", "no JSON"),
        ("[" * 100_000, "line 1: nested too deeply"),
    ],
)
def test_a_log_of_no_use(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        read_log(_file(tmp_path, text), "skip")


def test_a_packed_log_that_is_cut_short_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "log.json.gz"
    path.write_bytes(gzip.compress(json.dumps([_job(f"j{index}") for index in range(99)]).encode())[:200])
    with pytest.raises(InvalidInput, match=r"log.json.gz: line 1: damaged file"):
        read_log(path, "skip")


def test_letters_across_the_border_of_two_pieces_stay_whole(tmp_path: Path) -> None:
    for shift in range(2):
        name = "j" * shift + "\u00e4" * (2 * PIECE)
        assert read_log(_file(tmp_path, json.dumps([_job(name)], ensure_ascii=False))).rows[0].name == name


@pytest.mark.slow
def test_a_large_log_streams_in_constant_memory(tmp_path: Path) -> None:
    path, count = tmp_path / "log.json", 6000
    with path.open("w") as handle:
        handle.write("[")
        handle.write(",\n".join(json.dumps(_job(f"job-{index}", user="u" * 500)) for index in range(count)))
        handle.write("]")
    tally, peaks = Tally(path.name), []
    tracemalloc.start()
    try:
        for index, _ in enumerate(stream_log(path, tally, remembered=100)):
            if index in (1000, count - 1):
                peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert tally.good == count
    assert peaks[1] < 1.2 * peaks[0] < path.stat().st_size / 4


def test_jobs_for_the_simulator() -> None:
    jobs = [PhillyJob("b", BEGIN + 30, 60.0, 2, "v"), PhillyJob("a", BEGIN, 30.0, 1, "w")]
    found = sim_jobs(jobs, {"p100": 1.0, "v100": 2.0})
    assert [(job.name, job.arrival, job.workers, job.category) for job in found] == [
        ("a", 0, 1, "w"),
        ("b", 30, 2, "v"),
    ]
    assert found[1].seconds == {"p100": 60.0, "v100": 30.0}
