"""Gavel's job traces and its table of measured training throughput (Narayanan et al., OSDI 2020).

A trace has tabs between its cells and no head. Ten cells: job type, command, directory, flag of the steps, whether it
needs data, steps, scale factor (GPUs), priority, SLO, arrival in seconds; a job's SLO is a factor of its run time,
below zero for none. The older layout of the Philly-derived "msr" traces has seven: type, command, flag, needs data,
steps, arrival, scale factor. The table has steps per second by device type and (job type, scale factor), alone or
beside another.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heterosched.errors import InvalidInput
from heterosched_lab.readers.rows import DAMAGED, OnError, Reading, Row, Tally, bare_rows, converted, gathered, opened
from heterosched_lab.simulate.types import SimJob

TRACE = ["type", "command", "directory", "flag", "needs_data", "steps", "scale", "priority", "slo", "arrival"]
MSR = ["type", "command", "flag", "needs_data", "steps", "arrival", "scale"]
UNCONSOLIDATED = "_unconsolidated"
ALONE = "null"


@dataclass(frozen=True, slots=True)
class GavelJob:
    """A job of a trace: `steps` of training on `scale` GPUs; `arrival` in seconds. `slo`: infinity for none."""

    type: str
    steps: float
    scale: int
    arrival: float
    priority: float = 1.0
    slo: float = math.inf


@dataclass(frozen=True)
class Throughputs:
    """Steps per second: `alone` by (device, type, scale), gangs on one server; `apart` where they are spread.

    `beside`, by (device, own type, other type, scale): those of each of two jobs that share their GPUs, own first.
    """

    alone: Mapping[tuple[str, str, int], float]
    apart: Mapping[tuple[str, str, int], float]
    beside: Mapping[tuple[str, str, str, int], tuple[float, float]]
    devices: tuple[str, ...]

    def seconds(self, job: GavelJob) -> dict[str, float]:
        """Run time by device type; types on which it was not measured to run are left out."""
        rates = {device: self.alone.get((device, job.type, job.scale), 0.0) for device in self.devices}
        return {device: job.steps / rate for device, rate in rates.items() if rate > 0}


def read_trace(path: Path, on_error: OnError = "refuse") -> Reading[GavelJob]:
    """A trace of either layout. Raises InvalidInput: a bad row under "refuse", a file of no use always."""
    tally = Tally(path.name)
    rows = bare_rows(path, [TRACE, MSR], tally, on_error, delimiter="\t")
    return gathered(converted(rows, _job, tally, on_error), tally)


def _job(row: Row) -> GavelJob:
    steps = row.number("steps", above=0.0)
    slo = row.number("slo", -1.0, least=-math.inf)
    return GavelJob(
        row.text("type"),
        steps,
        row.whole("scale", least=1),
        row.number("arrival"),
        row.number("priority", 1.0, above=0.0),
        slo if slo > 0 else math.inf,
    )


def read_throughputs(path: Path) -> Throughputs:
    """The table. Raises InvalidInput, naming device and cell."""
    try:
        with opened(path) as handle:
            table = json.loads(handle.read())
    except (ValueError, RecursionError, *DAMAGED) as error:
        raise InvalidInput(path.name, "", f"no JSON: {error}", "give Gavel's simulation_throughputs.json") from error
    if not isinstance(table, dict) or not table:
        raise InvalidInput(path.name, "", "no table by device type", "give Gavel's simulation_throughputs.json")
    alone: dict[tuple[str, str, int], float] = {}
    apart: dict[tuple[str, str, int], float] = {}
    beside: dict[tuple[str, str, str, int], tuple[float, float]] = {}
    for title, jobs in table.items():
        device, spread = title.removesuffix(UNCONSOLIDATED), title.endswith(UNCONSOLIDATED)
        for key, cells in _mapping(path, title, jobs).items():
            where = f"{title}[{key}]"
            own, scale = _type(path, where, key)
            for other, value in _mapping(path, where, cells).items():
                if other == ALONE:
                    (apart if spread else alone)[device, own, scale] = _rate(path, where, value)
                elif not spread:
                    beside[device, own, _type(path, where, other)[0], scale] = _pair(path, f"{where}[{other}]", value)
    return Throughputs(alone, apart, beside, tuple(t for t in table if not t.endswith(UNCONSOLIDATED)))


def _mapping(path: Path, where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(path.name, where, "no table", "give Gavel's simulation_throughputs.json")
    return value


def _type(path: Path, where: str, key: str) -> tuple[str, int]:
    try:
        name, scale = ast.literal_eval(key)
        return str(name), int(scale)
    except (ValueError, SyntaxError, TypeError):
        raise InvalidInput(path.name, where, f"{key!r} is no (job type, scale factor)", "correct the key") from None


def _pair(path: Path, where: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise InvalidInput(path.name, where, f"{value!r} is no pair of rates", "give one for each of the two jobs")
    return _rate(path, where, value[0]), _rate(path, where, value[1])


def _rate(path: Path, where: str, value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InvalidInput(path.name, where, f"{value!r} is no rate", "give steps per second, zero or more")
    return float(value)


def sim_jobs(trace: Sequence[GavelJob], table: Throughputs) -> list[SimJob]:
    """The trace for the simulator, named by position. Raises InvalidInput for a job that was measured nowhere."""
    found = []
    for index, job in enumerate(trace):
        seconds = table.seconds(job)
        if not seconds:
            problem = f"{job.type} on {job.scale} GPUs has no throughput on any device"
            raise InvalidInput(f"job {index}", "type", problem, "use a type and scale factor of the table")
        deadline = job.arrival + job.slo * min(seconds.values())
        name = f"job-{index:05d}"
        found.append(SimJob(name, job.arrival, seconds, {}, job.scale, 1.0, deadline, job.priority, job.type))
    return found
