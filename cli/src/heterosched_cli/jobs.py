"""`heterosched jobs`: HeteroJobs with what was planned and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from heterosched.api import HeteroJob
from heterosched.api.status import HeteroJobStatus, status_of
from heterosched.units import format_duration, parse_time
from heterosched_cli.kubeconfig import namespace_of
from heterosched_cli.output import Format, joules, note, warn, write_data, write_table

COLUMNS = ("NAME", "POLICY", "STATE", "TASKS", "PLANNED", "FINISH", "ENERGY", "AGE")
WIDE_COLUMNS = (*COLUMNS, "STRATEGY", "COST", "SOURCE", "ACTUAL", "VERDICT", "CONDITIONS")


@dataclass(frozen=True, slots=True)
class Line:
    """A job as the list shows it."""

    job: HeteroJob
    status: HeteroJobStatus
    raw: dict[str, Any]


def list_jobs(namespace: str, everywhere: bool, kubeconfig: Path | None, context: str, format: Format) -> None:
    """Print the list. Raises InvalidInput, Unavailable, NotInstalled."""
    from heterosched_cli.live import ask, list_ours

    place = "" if everywhere else namespace_of(namespace, kubeconfig, context)
    objects = ask(lambda kube: list_ours(kube, "heterojobs", place), kubeconfig, context)
    lines = [line for line in map(_line, objects) if line is not None]
    if format in (Format.JSON, Format.YAML):
        write_data([_data(line) for line in lines], format)
    elif format is Format.NAME:
        for line in lines:
            print(f"heterojob/{line.job.metadata.name}")
    elif not lines:
        note("no HeteroJobs in any namespace" if everywhere else f"no HeteroJobs in namespace {place}")
    else:
        wide, now = format is Format.WIDE, time.time()
        columns = WIDE_COLUMNS if wide else COLUMNS
        rows = [row(line, wide, now) for line in lines]
        if everywhere:
            columns = ("NAMESPACE", *columns)
            rows = [(line.job.metadata.namespace, *cells) for line, cells in zip(lines, rows, strict=True)]
        write_table(columns, rows)


def _line(raw: dict[str, Any]) -> Line | None:
    try:
        job = msgspec.convert(raw, HeteroJob)
        return Line(job, status_of(job), raw)
    except msgspec.ValidationError as error:
        metadata = raw.get("metadata", {})
        warn(f"HeteroJob {metadata.get('namespace')}/{metadata.get('name')} cannot be read, left out: {error}")
        return None


def row(line: Line, wide: bool, now: float) -> tuple[str, ...]:
    """The cells of a job; empty where the operator has not said anything yet. `now` in epoch seconds, for the age."""
    job, status, plan, outcome = line.job, line.status, line.status.plan, line.status.outcome
    created = job.metadata.creation_timestamp
    cells = (
        job.metadata.name,
        job.spec.policy,
        state(status),
        status.progress or f"0/{len(job.spec.tasks)}",
        _seconds(plan.makespan_seconds),
        status.completion_time or plan.finish,
        _joules(outcome.energy_joules or plan.energy_joules),
        format_duration(now - parse_time(created)) if created else "",
    )
    if not wide:
        return cells
    holding = ",".join(condition.type for condition in status.conditions if condition.status == "True")
    cost = outcome.cost or plan.cost
    money = f"{cost} {outcome.currency or plan.currency}" if cost else ""
    source = outcome.energy_source or plan.energy_source
    return (*cells, plan.strategy, money, source, _seconds(outcome.seconds), outcome.verdict, holding)


def state(status: HeteroJobStatus) -> str:
    """The condition that says most, in one word; with its reason where the job does not go on."""
    for type in ("Failed", "Completed", "Suspended", "Running"):
        found = status.condition(type)
        if found is not None and found.status == "True":
            return f"{type}: {found.reason}" if type == "Failed" else type
    for type, otherwise in (("Accepted", "Rejected"), ("Planned", "Unplanned")):
        found = status.condition(type)
        if found is not None and found.status == "False":
            return f"{otherwise}: {found.reason}"
    planned = status.condition("Planned")
    if planned is not None and planned.status == "True":
        return "EstimatesMissing" if planned.reason == "EstimatesMissing" else "Planned"
    return "Pending"


def _data(line: Line) -> dict[str, Any]:
    status = line.raw.get("status") or {}
    return {
        "namespace": line.job.metadata.namespace,
        "name": line.job.metadata.name,
        "policy": line.job.spec.policy,
        "state": state(line.status),
        "tasks": line.status.progress or f"0/{len(line.job.spec.tasks)}",
        "plan": status.get("plan"),
        "outcome": status.get("outcome"),
        "conditions": status.get("conditions") or [],
    }


def _seconds(text: str) -> str:
    return format_duration(float(text)) if text else ""


def _joules(text: str) -> str:
    return joules(float(text)) if text else ""
