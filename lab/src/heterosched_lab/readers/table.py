"""The lab's own CSV: a trace of jobs and a fleet of nodes, as docs/guide/simulator.md describes them.

Jobs: `name,arrival,workers,share,deadline,priority,category` and for each device type `seconds:TYPE`, `watts:TYPE` and
`caps:TYPE` (power caps as `CAP=SECONDS/WATTS`, separated by blanks); all but name and one `seconds:` may be absent.
Nodes: `name,device,gpus` and, where known, `idle_watts` and `host_watts`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from heterosched.errors import InvalidInput
from heterosched_lab.readers.rows import (
    REMEMBERED,
    OnError,
    Reading,
    Row,
    Tally,
    converted,
    gathered,
    head_of,
    table_rows,
)
from heterosched_lab.simulate.types import SimJob, SimNode

SECONDS, WATTS, CAPS = "seconds:", "watts:", "caps:"
KNOWN = {"name", "arrival", "workers", "share", "deadline", "priority", "category"}
POINT = re.compile(r"([^=/\s]+)=([^=/\s]+)/([^=/\s]+)")


def read_jobs(path: Path, on_error: OnError = "refuse", devices: Collection[str] = ()) -> Reading[SimJob]:
    """The whole trace. `devices`: types of the fleet, where known; any other is then refused.

    Raises InvalidInput: a bad row under "refuse", and always where the file has no use at all.
    """
    tally = Tally(path.name)
    return gathered(_jobs(path, tally, on_error, devices, None), tally)


def stream_jobs(
    path: Path,
    tally: Tally,
    on_error: OnError = "skip",
    devices: Collection[str] = (),
    remembered: int = REMEMBERED,
) -> Iterator[SimJob]:
    """Job by job in constant memory; duplicates are found among the last `remembered` names. Counts in `tally`."""
    return _jobs(path, tally, on_error, devices, remembered)


def read_nodes(path: Path, on_error: OnError = "refuse") -> Reading[SimNode]:
    """The whole fleet. Raises InvalidInput as `read_jobs` does."""
    tally = Tally(path.name)
    rows = table_rows(path, ("name", "device", "gpus"), tally, on_error)
    return gathered(converted(rows, _node, tally, on_error, id_of=lambda node: node.name), tally)


def _node(row: Row) -> SimNode:
    watts = [row.number(column, 0.0) for column in ("idle_watts", "host_watts")]
    return SimNode(row.text("name"), row.text("device"), row.whole("gpus"), *watts)


def _jobs(
    path: Path, tally: Tally, on_error: OnError, devices: Collection[str], remembered: int | None
) -> Iterator[SimJob]:
    types = _types(path, devices)
    rows = table_rows(path, ("name",), tally, on_error)
    yield from converted(
        rows, lambda row: _job(row, types), tally, on_error, id_of=lambda job: job.name, remembered=remembered
    )


def _types(path: Path, devices: Collection[str]) -> list[str]:
    """Device types in the head. Raises InvalidInput: an unknown column, a type that the fleet does not have."""
    names = head_of(path, ("name",))
    for name in names:
        prefix = next((own for own in (SECONDS, WATTS, CAPS) if name.startswith(own)), None)
        if prefix is None and name not in KNOWN:
            remedy = f"use {', '.join(sorted(KNOWN))}, {SECONDS}TYPE, {WATTS}TYPE or {CAPS}TYPE"
            raise InvalidInput(path.name, f"line 1, column {name}", "unknown column", remedy)
        if prefix is not None and devices and name.removeprefix(prefix) not in devices:
            known = ", ".join(sorted(devices))
            raise InvalidInput(path.name, f"line 1, column {name}", "unknown device", f"use one of {known}")
    types = [name.removeprefix(SECONDS) for name in names if name.startswith(SECONDS)]
    if not types:
        raise InvalidInput(path.name, f"line 1, column {SECONDS}TYPE", "not there", "add run times by device type")
    return types


def _job(row: Row, types: Collection[str]) -> SimJob:
    seconds = {own: row.number(SECONDS + own, above=0.0) for own in types if row.has(SECONDS + own)}
    if not seconds:
        raise row.bad(SECONDS + next(iter(types)), "no device type has a run time", "give one at least")
    share = row.number("share", 1.0, above=0.0)
    if share > 1:
        raise row.bad("share", f"{share:g} is more than one device", "use workers for several")
    return SimJob(
        name=row.text("name"),
        arrival=row.number("arrival", 0.0),
        seconds=seconds,
        watts={own: row.number(WATTS + own) for own in types if row.has(WATTS + own)},
        workers=row.whole("workers", 1, least=1),
        share=share,
        deadline=row.number("deadline", above=0.0) if row.has("deadline") else math.inf,
        priority=row.number("priority", 1.0),
        category=row.text("category", ""),
        caps={own: tuple(_points(row, CAPS + own)) for own in types if row.has(CAPS + own)},
    )


def _points(row: Row, column: str) -> Iterator[tuple[float, float, float]]:
    for text in row.text(column).split():
        found = POINT.fullmatch(text)
        try:
            cap, seconds, watts = (float(found[number]) if found else math.nan for number in (1, 2, 3))
        except ValueError:
            cap = math.nan
        if math.isnan(cap):
            raise row.bad(column, f"{text!r} is no operating point", "write CAP=SECONDS/WATTS")
        if not (0 < cap < math.inf and 0 < seconds < math.inf and 0 <= watts < math.inf):
            raise row.bad(column, f"{text} has a figure below zero or not finite")
        yield cap, seconds, watts
