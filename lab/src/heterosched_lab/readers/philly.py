"""Job lists in the style of Microsoft's Philly trace (Jeon et al., ATC 2019): when, how long, how many GPUs.

Two forms: the digest that Pollux's artifact ships (CSV: timestamp, duration, num_gpus, gpu_time, cluster) and the
original `cluster_job_log` (a JSON array of jobs with `jobid`, `submitted_time`, `vc` and `attempts`, each with
`start_time`, `end_time` and `detail`: per machine its `gpus`). Neither says on which GPU type: a run time is that of
the type it is taken for, and others follow by given speeds.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from heterosched.errors import InvalidInput
from heterosched_lab.readers.rows import (
    DAMAGED,
    REMEMBERED,
    OnError,
    Reading,
    Row,
    Tally,
    converted,
    gathered,
    opened,
    table_rows,
)
from heterosched_lab.simulate.types import SimJob

LARGEST_JOB = 1 << 22
"""Characters of one job's record; the original's largest are far below."""
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class PhillyJob:
    """A job: epoch seconds of its submission, seconds that it ran (all attempts together), GPUs, virtual cluster."""

    name: str
    submitted: float
    seconds: float
    gpus: int
    cluster: str


def read_digest(path: Path, on_error: OnError = "refuse") -> Reading[PhillyJob]:
    """The CSV. Raises InvalidInput: a bad row under "refuse", a file of no use always."""
    tally = Tally(path.name)
    return gathered(stream_digest(path, tally, on_error), tally)


def stream_digest(path: Path, tally: Tally, on_error: OnError = "skip") -> Iterator[PhillyJob]:
    """The CSV job by job in constant memory; jobs have no id there and are named by their line."""
    rows = table_rows(path, ("timestamp", "duration", "num_gpus"), tally, on_error)
    return converted(rows, _digested, tally, on_error)


def _digested(row: Row) -> PhillyJob:
    submitted = _time(row, "timestamp")
    seconds, gpus = row.number("duration", above=0.0), row.whole("num_gpus", least=1)
    return PhillyJob(f"line-{row.line}", submitted, seconds, gpus, row.text("cluster", ""))


def read_log(path: Path, on_error: OnError = "refuse") -> Reading[PhillyJob]:
    """The JSON. Raises InvalidInput as `read_digest` does; a job that never ran on a GPU is a bad row."""
    tally = Tally(path.name)
    return gathered(_logged(path, tally, on_error, None), tally)


def stream_log(
    path: Path, tally: Tally, on_error: OnError = "skip", remembered: int = REMEMBERED
) -> Iterator[PhillyJob]:
    """The JSON job by job in constant memory; duplicates are found among the last `remembered` jobs."""
    return _logged(path, tally, on_error, remembered)


def _logged(path: Path, tally: Tally, on_error: OnError, remembered: int | None) -> Iterator[PhillyJob]:
    rows = (_flat(path, line, record) for line, record in _records(path))
    return converted(rows, _of_log, tally, on_error, id_of=lambda job: job.name, remembered=remembered)


def _of_log(row: Row) -> PhillyJob:
    return PhillyJob(
        row.text("jobid"),
        _time(row, "submitted_time"),
        row.number("attempts.seconds", above=0.0),
        row.whole("attempts.gpus", least=1),
        row.text("vc", ""),
    )


def _flat(path: Path, line: int, record: Any) -> Row:
    """A record as a row: run time is the sum over its attempts that ended, GPUs those of the last that had any."""
    if not isinstance(record, dict):
        return Row(path.name, line, {})
    seconds, gpus = 0.0, 0
    attempts = record.get("attempts")
    for attempt in attempts if isinstance(attempts, list) else ():
        if not isinstance(attempt, dict):
            continue
        start, end = _stamp(attempt.get("start_time")), _stamp(attempt.get("end_time"))
        detail = attempt.get("detail")
        machines = [own for own in detail if isinstance(own, dict)] if isinstance(detail, list) else []
        count = sum(len(own["gpus"]) for own in machines if isinstance(own.get("gpus"), list))
        if start is not None and end is not None:
            seconds += end - start
            if end < start:
                seconds = end - start  # a run time below zero: the row is bad, whatever the other attempts took
                break
            gpus = count or gpus
    text = {key: str(record[key]) for key in ("jobid", "submitted_time", "vc") if isinstance(record.get(key), str)}
    return Row(path.name, line, {**text, "attempts.seconds": str(seconds), "attempts.gpus": str(gpus)})


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON array with the line on which each begins. Raises InvalidInput."""
    decoder, text, line, inside = json.JSONDecoder(), "", 1, False
    characters = codecs.getincrementaldecoder("utf-8")("replace")  # one may lie across the border of two pieces
    with opened(path) as handle:
        ended = False
        while True:
            stripped = text.lstrip(" \t\r\n," if inside else " \t\r\n\ufeff")
            line += text[: len(text) - len(stripped)].count("\n")
            text = stripped
            if text[:1] == "]":
                return
            if not inside and text:
                if text[0] != "[":
                    raise InvalidInput(path.name, f"line {line}", "no JSON array of jobs", "give a cluster_job_log")
                text, inside = text[1:], True
                continue
            try:
                record, used = decoder.raw_decode(text)
            except ValueError as error:
                if ended or len(text) > LARGEST_JOB:
                    problem = "the file is empty" if not inside else f"no JSON: {error}"
                    raise InvalidInput(path.name, f"line {line}", problem, "fetch it again") from error
                piece = _piece(handle, path, line)
                ended = not piece
                text += characters.decode(piece, ended)
                continue
            except RecursionError as error:
                raise InvalidInput(path.name, f"line {line}", "nested too deeply", "fetch it again") from error
            yield line, record
            line += text[:used].count("\n")
            text = text[used:]


def _piece(handle: io.BufferedIOBase, path: Path, line: int) -> bytes:
    try:
        return handle.read(PIECE)
    except DAMAGED as error:
        raise InvalidInput(path.name, f"line {line}", f"damaged file: {error}", "fetch it again") from error


def _time(row: Row, column: str) -> float:
    found = _stamp(row.text(column))
    if found is None:
        raise row.bad(column, f"{row.text(column)!r} is no time", "write it as 2017-10-09 07:01:55")
    return found


def _stamp(text: Any) -> float | None:
    """Epoch seconds; the trace's local times are taken as UTC, only differences matter."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except (TypeError, ValueError):
        return None


def sim_jobs(jobs: Sequence[PhillyJob], speeds: Mapping[str, float]) -> list[SimJob]:
    """For the simulator, arrivals counted from the first. `speeds`: of each device type, 1 for the one of the trace."""
    begin = min((job.submitted for job in jobs), default=0.0)
    return [
        SimJob(
            job.name,
            job.submitted - begin,
            {device: job.seconds / speed for device, speed in speeds.items()},
            workers=job.gpus,
            category=job.cluster,
        )
        for job in sorted(jobs, key=lambda own: own.submitted)
    ]
