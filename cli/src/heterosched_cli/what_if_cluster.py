"""`heterosched what-if --cluster`: all jobs of a recorded cluster planned as it is and as it could be, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heterosched.api import SchedulingPolicy
from heterosched.api.status import status_of
from heterosched.device_file import read_device_file
from heterosched.errors import InvalidInput
from heterosched.model import DeviceTable, Node
from heterosched.planning.planner import HELD_SECONDS, plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest, job_key
from heterosched.policy.table import PolicyRow, row_of
from heterosched.units import format_duration
from heterosched_cli.cluster_changes import ClusterChanges, changed, parse_added
from heterosched_cli.decode import decode
from heterosched_cli.files import read_documents
from heterosched_cli.output import Format, joules, note, warn, write_data, write_table
from heterosched_cli.plan import policy_rows
from heterosched_cli.snapshot import Snapshot, read_snapshot
from heterosched_cli.snapshot_world import request_of

COLUMNS = ("JOB", "WAITING", "WHAT IF", "FINISH", "WHAT IF", "ENERGY", "WHAT IF")
SHOWN = 5


@dataclass(frozen=True, slots=True)
class ClusterQuestion:
    """The options of this form of the command; empty ones are not given."""

    snapshot: Path
    policy: str = ""
    files: Sequence[Path] = ()
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    devices: Path | None = None
    plot: Path | None = None


@dataclass(frozen=True, slots=True)
class JobOutlook:
    """A job in one of the two plans: seconds from the snapshot to its first start and last finish, joules of what is
    left of it. None where that is not known; then `trouble` says why.
    """

    key: str
    waiting: float | None
    finish: float | None
    joules: float | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """One of the two plans. `idle_joules`: what GPUs draw until `makespan` while no planned task has them; `nodes`:
    where tasks are planned.
    """

    jobs: tuple[JobOutlook, ...]
    makespan: float
    waiting: float
    joules: float
    idle_joules: float
    nodes: frozenset[str]


def answer(question: ClusterQuestion, format: Format) -> None:
    """Print both outlooks, and draw them where that is asked for. Raises BadParameter, InvalidInput."""
    added = parse_added(question.added)
    snapshot = read_snapshot(question.snapshot)
    table = read_device_file(question.devices)
    request = request_of(snapshot, _policies(question, snapshot), table)
    changes = ClusterChanges(question.policy, added, tuple(dict.fromkeys(question.removed)))
    other = changed(request, changes)
    now, then = outlook(request), outlook(other)
    if format in (Format.JSON, Format.YAML):
        write_data(_data(snapshot, changes, now, then), format)
    elif format is Format.NAME:
        print("\n".join(f"heterojob/{own.key}" for own in now.jobs))
    else:
        _write(now, then)
    for remark in remarks(request, other, now, then):
        note(remark)
    if question.plot is not None:
        from heterosched_cli.what_if_plot import draw

        draw(now, then, question.plot)
        note(f"drawn into {question.plot}")


def _policies(question: ClusterQuestion, snapshot: Snapshot) -> dict[str, PolicyRow]:
    """Of the files, else of the cluster as recorded, else of this program."""
    documents = [document for file in question.files for document in read_documents(file)]
    for document in documents:
        if document.kind != "SchedulingPolicy":
            problem = f"{document.kind or '(none)'} is no policy"
            raise InvalidInput(document.where, "kind", problem, "give SchedulingPolicies alone")
    own = [row_of(decode(document, SchedulingPolicy, warn)) for document in documents]
    return {**policy_rows(snapshot.scheduling_policies), **{row.name: row for row in own}}


def outlook(request: PlanRequest) -> Outlook:
    """The planner's answer in figures."""
    plans = plan(request)
    keyed = [(own.job.key, plans[job_key(own.job)]) for own in request.jobs]
    refused = {own.job.key: _refusal(own) for own in request.jobs}
    found = (_of_job(key, own, request.now, refused[key]) for key, own in keyed)
    jobs = tuple(sorted(found, key=lambda own: own.key))
    makespan = max((own.finish for own in jobs if own.finish is not None), default=0.0)
    return Outlook(
        jobs,
        makespan,
        sum(own.waiting for own in jobs if own.waiting is not None),
        sum(own.joules for own in jobs if own.joules is not None),
        _idle(request, [own for _, own in keyed], makespan),
        frozenset(name for _, own in keyed for place in own.schedule.assignments.values() for name in place.nodes),
    )


def _refusal(state: JobState) -> str:
    """What the operator says against a job of which nothing has begun: nothing will, whatever a plan makes of it."""
    if state.holds or any(own.state != "Waiting" for own in state.progress.values()):
        return ""
    said = status_of(state.job).condition("Accepted")
    if said is None or said.status != "False":
        return ""
    return f"{said.reason}: {said.message.removeprefix(f'{state.job.label}: ')}"


def _of_job(key: str, own: JobPlan, now: float, refused: str) -> JobOutlook:
    if refused:
        return JobOutlook(key, None, None, None, f"the operator refuses it, {refused}")
    if own.error is not None:
        return JobOutlook(key, None, None, None, str(own.error).removeprefix(f"HeteroJob {key}: "))
    places = own.schedule.assignments.values()
    if own.missing:
        return JobOutlook(key, None, None, None, f"no run time is known for {_some(own.missing)} (EstimatesMissing)")
    if own.held or any(place.start >= now + HELD_SECONDS / 2 for place in places):
        return JobOutlook(key, None, None, None, f"waits for a node until further notice: {_some(own.held)}")
    waiting = max(0.0, min((place.start for place in places), default=now) - now)
    finish = max(0.0, max((place.finish for place in places), default=now) - now)
    return JobOutlook(key, waiting, finish, sum(place.option.joules for place in places))


def _idle(request: PlanRequest, plans: Sequence[JobPlan], makespan: float) -> float:
    """Idle watts of all GPUs until the end, less those that tasks have: whose own watts contain the idle draw."""
    table, total = request.cluster.devices, 0.0
    watts = {node.name: _idle_watts(node, table) for node in request.cluster.nodes}
    for node in request.cluster.nodes:
        total += watts[node.name] * node.allocatable.gpus / node.shares * makespan
    for own in plans:
        for place in own.schedule.assignments.values():
            spent = min(place.finish, request.now + makespan) - max(place.start, request.now)
            for name in place.nodes if spent > 0 else ():
                total -= watts.get(name, 0.0) * place.option.demand.gpus * spent
    return max(0.0, total)


def _idle_watts(node: Node, table: DeviceTable) -> float:
    """Of one GPU of the node; nothing where the table does not know it."""
    known = table.whole(node.device) if node.allocatable.gpus > 0 else None
    return 0.0 if known is None else known.idle_watts


def remarks(request: PlanRequest, other: PlanRequest, now: Outlook, then: Outlook) -> Iterator[str]:
    """What the figures do not say: jobs that have none, and devices that nobody can use."""
    if not request.jobs:
        yield "no HeteroJob of the snapshot is left to be done: there is nothing to plan"
    yield from _troubles(now, then)
    had = {node.name for node in request.cluster.nodes}
    fresh: dict[str, set[str]] = {}
    for node in other.cluster.nodes:
        if node.name not in had:
            fresh.setdefault(node.device, set()).add(node.name)
    for device, names in fresh.items():
        if not names & then.nodes:
            yield f"{device}: no job is planned there; jobs use it where devices.allow, a variant or a figure names it"


def _troubles(now: Outlook, then: Outlook) -> Iterator[str]:
    """Each trouble once, with all jobs that have it: many jobs of one kind are often refused for one reason."""
    whose: dict[tuple[str, str], list[str]] = {}
    for one, two in zip(now.jobs, then.jobs, strict=True):
        same = one.trouble == two.trouble
        for when, own in (("", one),) if same else ((", as it is", one), (", what if", two)):
            if own.trouble:
                whose.setdefault((when, own.trouble), []).append(own.key)
    for (when, trouble), keys in whose.items():
        name, count = ("HeteroJob", "it counts") if len(keys) == 1 else ("HeteroJobs", "they count")
        yield f"{name} {_some(keys)}{when}: {trouble}; {count} in no total"


def _write(now: Outlook, then: Outlook) -> None:
    rows = []
    for one, two in zip(now.jobs, then.jobs, strict=True):
        times = (_time(one.waiting), _time(two.waiting), _time(one.finish), _time(two.finish))
        rows.append([one.key, *times, _energy(one.joules), _energy(two.joules)])
    write_table(COLUMNS, rows)
    print()
    totals = [
        [name, show(one), show(two), _change(one, two)]
        for name, show, one, two in (
            ("makespan", _time, now.makespan, then.makespan),
            ("waiting, all jobs", _time, now.waiting, then.waiting),
            ("energy of tasks", _energy, now.joules, then.joules),
            ("idle GPUs until the end", _energy, now.idle_joules, then.idle_joules),
        )
    ]
    write_table(("", "AS IT IS", "WHAT IF", "CHANGE"), totals)


def _time(seconds: float | None) -> str:
    return "" if seconds is None else format_duration(seconds)


def _energy(own: float | None) -> str:
    return "" if own is None else joules(own)


def _change(one: float, two: float) -> str:
    return f"{100 * (two - one) / one:+.1f}%" if one > 0 else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _data(snapshot: Snapshot, changes: ClusterChanges, now: Outlook, then: Outlook) -> dict[str, Any]:
    return {
        "takenAt": snapshot.taken_at,
        "changes": {"policy": changes.policy, "add": dict(changes.added), "remove": list(changes.removed)},
        "now": _outlook_data(now),
        "whatIf": _outlook_data(then),
        "origin": "estimated",
    }


def _outlook_data(own: Outlook) -> dict[str, Any]:
    return {
        "makespanSeconds": round(own.makespan, 3),
        "waitingSeconds": round(own.waiting, 3),
        "energyJoules": round(own.joules, 3),
        "idleJoules": round(own.idle_joules, 3),
        "jobs": [
            {
                "job": job.key,
                "waitingSeconds": _rounded(job.waiting),
                "finishSeconds": _rounded(job.finish),
                "energyJoules": _rounded(job.joules),
                "trouble": job.trouble,
            }
            for job in own.jobs
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
