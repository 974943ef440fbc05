"""`heterosched jobs`: HeteroJobs with what was planned and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from heterosched.api import HeteroJob
from heterosched.api.status import HeteroJobStatus, TaskStatus, state_of, status_of
from heterosched.errors import HeteroSchedError
from heterosched.units import format_duration, format_time, parse_time
from heterosched_cli.absent import absent
from heterosched_cli.kubeconfig import namespace_of
from heterosched_cli.output import Format, joules, note, warn, write_data, write_table

COLUMNS = ("NAME", "POLICY", "STATE", "TASKS", "PLANNED", "FINISH", "ENERGY", "AGE")
WIDE_COLUMNS = (*COLUMNS, "STRATEGY", "COST", "SOURCE", "ACTUAL", "VERDICT", "CONDITIONS")
TASK_COLUMNS = ("TASK", "STATE", "DEVICE", "NODES", "START", "PLANNED", "ACTUAL", "ENERGY", "PATH")


LATE_SECONDS = 5.0
"""The end of a task is seen and written this much later than it happened."""


class NoSuchJob(HeteroSchedError):
    """A job that was asked for by name is not there."""


@dataclass(frozen=True, slots=True)
class Line:
    """A job as the list shows it."""

    job: HeteroJob
    status: HeteroJobStatus
    raw: dict[str, Any]


def list_jobs(
    names: Sequence[str], namespace: str, everywhere: bool, kubeconfig: Path | None, context: str, format: Format
) -> None:
    """Print the list, or the named jobs with their tasks. Raises InvalidInput, Unavailable, NotInstalled, NoSuchJob."""
    from heterosched_cli.live import ask, list_ours

    place = "" if everywhere else namespace_of(namespace, kubeconfig, context)
    objects = ask(lambda kube: list_ours(kube, "heterojobs", place), kubeconfig, context)
    lines = [line for line in map(line_of, objects) if line is not None]
    if names:
        lines = named(lines, names, "any namespace" if everywhere else f"namespace {place}")
    if format in (Format.JSON, Format.YAML):
        write_data([data_of(line) for line in lines], format)
    elif format is Format.NAME:
        for line in lines:
            print(f"heterojob/{line.job.metadata.name}")
    elif not lines:
        note(f"no HeteroJobs in {'any namespace' if everywhere else f'namespace {place}; -A lists those of all'}")
    else:
        wide, now = format is Format.WIDE, time.time()
        columns = WIDE_COLUMNS if wide else COLUMNS
        rows = [row(line, wide, now) for line in lines]
        if everywhere:
            columns = ("NAMESPACE", *columns)
            rows = [(line.job.metadata.namespace, *cells) for line, cells in zip(lines, rows, strict=True)]
        write_table(columns, rows)
        if names:
            from heterosched_cli.waiting import pending_pods, waiting

            pods = pending_pods(names, place, kubeconfig, context)
            for line in lines:
                metadata = line.job.metadata
                print(f"\ntasks of {line.job.key}")
                write_table(TASK_COLUMNS, [task_row(task) for task in line.status.tasks])
                for sentence in (*sentences(line.status, wide), *waiting(pods, metadata.namespace, metadata.name)):
                    print(sentence)


def named(lines: Sequence[Line], names: Sequence[str], place: str) -> list[Line]:
    """The lines of these jobs, in the order of the names. Raises NoSuchJob, which names all that are not there."""
    if missing := absent(names, (line.job.metadata.name for line in lines)):
        raise NoSuchJob(f"no HeteroJob {missing} in {place}; list them with heterosched jobs -A")
    return [line for name in dict.fromkeys(names) for line in lines if line.job.metadata.name == name]


GOOD = {
    "Accepted": "True",
    "Planned": "True",
    "Running": "",
    "Completed": "",
    "Suspended": "False",
    "Failed": "False",
    "DeadlineAtRisk": "False",
    "Blocked": "False",
}
"""Conditions that go without saying while they have this status, or (empty) whatever it is."""


def sentences(status: HeteroJobStatus, wide: bool = False) -> Iterator[str]:
    """What the operator says of the job and of the tasks that wait or have failed, each message once.

    `wide`: also what goes without saying, with the condition's status, so that nothing seems to be what it is not.
    """
    told: set[str] = set()
    for own in status.conditions:
        if wide:
            told.add(own.message)
            yield f"{own.type} is {own.status}: {own.message or own.reason}"
            continue
        quiet = GOOD.get(own.type)
        plain = own.message in ("", "graph, deadline and templates are valid") or own.type == "TelemetryAvailable"
        if quiet == "" or plain or (own.status == quiet and ";" not in own.message):
            continue
        told.add(own.message)
        yield f"{own.type}{'' if own.status == 'True' else f' is {own.status}'}: {own.message}"
    for task in status.tasks:
        if task.message and task.state in ("Waiting", "Ready", "Failed", "Created") and task.message not in told:
            told.add(task.message)
            yield f"{task.name}: {task.message}"


def task_row(task: TaskStatus) -> tuple[str, ...]:
    """The cells of a task. Its nodes are those of its workers, and until there are any the planned one."""
    nodes = sorted({worker.node or worker.planned_node for worker in task.workers} - {""})
    return (
        task.name,
        f"{task.state}: {task.reason}" if task.reason else task.state,
        task.planned.device,
        ",".join(nodes) or task.planned.node,
        moment(task.planned.start),
        _seconds(task.planned.seconds),
        _seconds(task.actual.seconds),
        _joules(task.energy_joules or task.planned.energy_joules),
        "*" if task.on_critical_path else "",
    )


def line_of(raw: dict[str, Any]) -> Line | None:
    """The job of an object; None, with a warning, where it cannot be read."""
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
        state_of(status),
        status.progress or f"0/{len(job.spec.tasks)}",
        _seconds(plan.makespan_seconds),
        finish_of(status, now),
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


def finish_of(status: HeteroJobStatus, now: float) -> str:
    """When the job ended, else when it is expected to; a prediction that has passed is none."""
    if status.completion_time or not status.plan.finish:
        return moment(status.completion_time)
    return moment(status.plan.finish) if parse_time(status.plan.finish) > now - LATE_SECONDS else "overdue"


def moment(text: str) -> str:
    """A time of a status in whole seconds: some have milliseconds there, and a column needs one form for all."""
    return format_time(int(parse_time(text))) if text else ""


def data_of(line: Line) -> dict[str, Any]:
    """A job as plain data."""
    status = line.raw.get("status") or {}
    return {
        "namespace": line.job.metadata.namespace,
        "name": line.job.metadata.name,
        "policy": line.job.spec.policy,
        "state": state_of(line.status),
        "tasks": line.status.progress or f"0/{len(line.job.spec.tasks)}",
        "plan": status.get("plan"),
        "outcome": status.get("outcome"),
        "conditions": status.get("conditions") or [],
    }


def _seconds(text: str) -> str:
    return format_duration(float(text)) if text else ""


def _joules(text: str) -> str:
    return joules(float(text)) if text else ""
