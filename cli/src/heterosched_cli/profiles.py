"""`heterosched profiles`: ThroughputProfiles: what is known of a task on each device, whence, and since when."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heterosched.api import HeteroJob, ThroughputProfile
from heterosched.api.policy import LearnedDevice, ProfileDevice
from heterosched.errors import HeteroSchedError
from heterosched.kube.client import Kube
from heterosched.planning.estimates import profile_figures
from heterosched.units import Quantity, format_duration, parse_quantity, parse_time
from heterosched_cli.absent import absent
from heterosched_cli.kubeconfig import namespace_of
from heterosched_cli.live import Json, ask, list_ours
from heterosched_cli.live_objects import readable
from heterosched_cli.output import Format, note, write_data, write_table

COLUMNS = ("NAME", "DEVICES", "FIGURES", "ORIGIN", "RUNS", "UPDATED", "JOBS")
DETAIL_COLUMNS = ("DEVICE", "SOURCE", "SECONDS", "SAMPLES/S", "WATTS", "ORIGIN", "RUNS", "CONFIDENCE", "AGE", "USED")
GIVEN, LEARNED = "given", "learned"


class NoSuchProfile(HeteroSchedError):
    """A profile that was asked for by name is not there."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a profile says of one device: as it was `given`, or `learned` from finished tasks.

    Quantities as written; `used`: plans rest on it, and not on the other source. `at`: when it was last learned.
    """

    device: str
    source: str
    seconds: Quantity | None
    samples_per_second: Quantity | None
    watts: Quantity | None
    origin: str
    runs: int
    confidence: int | None
    at: str
    caps: int
    used: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A profile with its rows (or why it cannot be used), and the jobs (namespace/name) that name it."""

    profile: ThroughputProfile
    figures: tuple[Figures, ...]
    jobs: tuple[str, ...]
    problem: str = ""


def list_profiles(
    names: Sequence[str], namespace: str, everywhere: bool, kubeconfig: Path | None, context: str, format: Format
) -> None:
    """Print the list, or those of `names` device by device. Raises NoSuchProfile, Unavailable, NotInstalled."""
    place = "" if everywhere else namespace_of(namespace, kubeconfig, context)
    where = f"namespace {place}" if place else "any namespace"

    async def questions(kube: Kube) -> tuple[list[Json], list[Json]]:
        found, jobs = await asyncio.gather(
            list_ours(kube, "throughputprofiles", place), list_ours(kube, "heterojobs", place)
        )
        return found, jobs

    objects, jobs = ask(questions, kubeconfig, context)
    lines = list(lines_of(readable(objects, ThroughputProfile), readable(jobs, HeteroJob)))
    if names:
        if missing := absent(names, (own.profile.metadata.name for own in lines)):
            raise NoSuchProfile(f"no ThroughputProfile {missing} in {where}; list them with heterosched profiles -A")
        lines = [own for own in lines if own.profile.metadata.name in names]
    if format in (Format.JSON, Format.YAML):
        write_data([data_of(own) for own in lines], format)
    elif format is Format.NAME:
        for own in lines:
            print(f"throughputprofile/{own.profile.metadata.name}")
    elif not lines:
        note(f"no ThroughputProfiles in {where}" + ("" if everywhere else "; -A lists those of all"))
    else:
        _write(lines, bool(names) or format is Format.WIDE, everywhere)


def _write(lines: Sequence[Line], detailed: bool, everywhere: bool) -> None:
    now = time.time()
    if not detailed:
        rows = [cells(own, now) for own in lines]
        if everywhere:
            rows = [[own.profile.metadata.namespace, *row] for own, row in zip(lines, rows, strict=True)]
        write_table((*(("NAMESPACE",) if everywhere else ()), *COLUMNS), rows)
    for number, own in enumerate(lines if detailed else ()):
        metadata = own.profile.metadata
        print(f"{chr(10) if number else ''}{metadata.namespace}/{metadata.name}, jobs: {', '.join(own.jobs) or 'none'}")
        write_table(DETAIL_COLUMNS, [detail(row, now) for row in own.figures])
        capped = [f"{row.device} under {row.caps} power caps" for row in own.figures if row.caps]
        if capped:
            print(f"also known: {', '.join(capped)}")
    for own in lines:
        if own.problem:
            note(f"error: {own.problem}")


def lines_of(profiles: Iterable[ThroughputProfile], jobs: Iterable[HeteroJob]) -> Iterator[Line]:
    """The profiles by namespace and name, each with its users."""
    users: dict[tuple[str, str], set[str]] = {}
    for job in jobs:
        for task in job.spec.tasks:
            if task.work.profile:
                users.setdefault((job.metadata.namespace, task.work.profile), set()).add(job.key)
    for own in sorted(profiles, key=lambda own: (own.metadata.namespace, own.metadata.name)):
        of = tuple(sorted(users.get((own.metadata.namespace, own.metadata.name), ())))
        try:
            yield Line(own, tuple(_figures(own)), of)
        except HeteroSchedError as error:
            yield Line(own, (), of, str(error))


def _figures(profile: ThroughputProfile) -> Iterator[Figures]:
    used = {
        (device, training): figure.value
        for training in (False, True)
        for device, figure in profile_figures(profile, training).items()
    }
    rows: list[ProfileDevice | LearnedDevice] = [*profile.spec.devices, *profile.status.devices]
    for row in rows:
        values = (((row.device, False), row.seconds), ((row.device, True), row.samples_per_second))
        counts = any(
            value is not None and used.get(key) == parse_quantity(value, object=profile.label) for key, value in values
        )
        yield _row(row, counts)


def _row(row: ProfileDevice | LearnedDevice, used: bool) -> Figures:
    return Figures(
        row.device,
        LEARNED if isinstance(row, LearnedDevice) else GIVEN,
        row.seconds,
        row.samples_per_second,
        row.watts,
        row.origin,
        row.samples,
        row.confidence_percent if isinstance(row, LearnedDevice) else None,
        (row.updated_at or "") if isinstance(row, LearnedDevice) else "",
        len(row.caps) if isinstance(row, ProfileDevice) else 0,
        used,
    )


def cells(line: Line, now: float) -> list[str]:
    """The cells of a profile; `now` in epoch seconds, for its age. Origins are those of the figures in use."""
    rows = [own for own in line.figures if own.used]
    kinds = [
        *(["seconds"] if any(own.seconds is not None for own in rows) else []),
        *(["samples/s"] if any(own.samples_per_second is not None for own in rows) else []),
    ]
    origins = Counter(own.origin for own in rows)
    updated = line.profile.status.updated_at or max((own.at for own in line.figures), default="")
    return [
        line.profile.metadata.name,
        ", ".join(dict.fromkeys(own.device for own in rows)),
        ", ".join(kinds),
        "unusable" if line.problem else ", ".join(f"{count} {name}" for name, count in sorted(origins.items())),
        str(sum(own.runs for own in rows)),
        _age(updated, now),
        str(len(line.jobs)),
    ]


def detail(own: Figures, now: float) -> list[str]:
    """The cells of a device's figures."""
    confidence = "" if own.confidence is None else f"{own.confidence}%"
    quantities = ("" if value is None else str(value) for value in (own.seconds, own.samples_per_second, own.watts))
    runs = str(own.runs) if own.runs else ""
    return [
        own.device,
        own.source,
        *quantities,
        own.origin,
        runs,
        confidence,
        _age(own.at, now),
        "*" if own.used else "",
    ]


def _age(text: str, now: float) -> str:
    return format_duration(max(0.0, now - parse_time(text))) if text else ""


def data_of(line: Line) -> dict[str, Any]:
    """A profile as plain data."""
    metadata = line.profile.metadata
    return {
        "namespace": metadata.namespace,
        "name": metadata.name,
        "updatedAt": line.profile.status.updated_at,
        "jobs": list(line.jobs),
        "problem": line.problem,
        "devices": [
            {
                "device": own.device,
                "source": own.source,
                "seconds": None if own.seconds is None else str(own.seconds),
                "samplesPerSecond": None if own.samples_per_second is None else str(own.samples_per_second),
                "watts": None if own.watts is None else str(own.watts),
                "origin": own.origin,
                "runs": own.runs,
                "confidencePercent": own.confidence,
                "updatedAt": own.at or None,
                "used": own.used,
            }
            for own in line.figures
        ],
    }
