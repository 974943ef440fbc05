"""A plan for people and for programs: the same figures as a table and as data.

Times are seconds from the moment of planning. A figure that rests on nothing is absent: where a run time is missing the
plan still orders the work, but it has no makespan and no energy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from heterosched.algorithms.base import Objective
from heterosched.api import HeteroJob
from heterosched.model import NO_TELEMETRY, Assignment, Schedule, Telemetry
from heterosched.planning.planner import BASELINE, objective_of
from heterosched.planning.report import baseline_figures, verdict_of
from heterosched.planning.types import JobPlan
from heterosched.policy.rates import JOULES_PER_KWH, joules_by_node, rates_for
from heterosched.policy.table import PolicyRow
from heterosched.units import format_duration
from heterosched_cli.output import Format, joules, percent, write_data, write_table

COLUMNS = ("TASK", "DEVICE", "NODES", "WORKERS", "START", "FINISH", "SECONDS", "JOULES", "PATH", "ORIGIN")
WIDE_COLUMNS = (*COLUMNS, "VARIANT", "RANK", "SLACK")
ORIGINS: Final = ("measured", "simulated", "estimated")
"""From the strongest to the weakest."""
PRICED: Final = {"fixed": "", "query": " (measured price)", "mixed": " (price measured on some nodes)"}
"""Behind a cost, by the source of its price."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job with its plan; `row` is its policy (None where the policy is unknown), `now` when it was planned.

    `telemetry`: what was measured of the nodes, for the price of energy.
    """

    job: HeteroJob
    plan: JobPlan
    row: PolicyRow | None
    now: float
    telemetry: Telemetry = NO_TELEMETRY

    def slack(self) -> dict[str, float]:
        """Seconds by which each task may be late without making the job longer; empty where the plan has no times."""
        plan = self.plan
        if plan.graph is None or plan.missing or set(plan.graph.tasks) != set(plan.schedule.assignments):
            return {}
        return plan.graph.slack({name: own.option.seconds for name, own in plan.schedule.assignments.items()})


def write_plans(jobs: Sequence[PlannedJob], format: Format) -> None:
    """Print plans; of a job that could not be planned only data formats say something (the error)."""
    if format in (Format.JSON, Format.YAML):
        write_data({"jobs": [data_of(job) for job in jobs]}, format)
        return
    shown = [job for job in jobs if job.plan.error is None]
    if format is Format.NAME:
        for job in shown:
            print(f"heterojob/{job.job.metadata.name}")
        return
    for number, job in enumerate(shown):
        if number:
            print()
        _write_one(job, format is Format.WIDE)


def data_of(planned: PlannedJob) -> dict[str, Any]:
    """The plan as plain data. Seconds and joules are numbers, or None where nothing is known."""
    job, plan = planned.job, planned.plan
    data: dict[str, Any] = {
        "namespace": job.metadata.namespace,
        "name": job.metadata.name,
        "policy": job.spec.policy,
        "strategy": plan.strategy,
    }
    if plan.error is not None:
        return {**data, "error": str(plan.error), "verdict": plan.verdict}
    known, slack = not plan.missing, planned.slack()
    energy = plan.schedule.joules if known and plan.schedule.joules > 0 else None
    return {
        **data,
        "makespanSeconds": _number(makespan(plan.schedule, planned.now)) if known else None,
        "energyJoules": _number(energy),
        "energySource": _weakest(plan.schedule) if energy is not None else None,
        **_money(planned, energy),
        "against": against(planned),
        "verdict": plan.verdict,
        "sacrifice": plan.sacrifice,
        "estimatesMissing": list(plan.missing),
        "held": list(plan.held),
        "criticalPath": list(plan.critical_path) if known else [],
        "gapPercent": _number(plan.gap_percent),
        "frontier": [{"seconds": _number(own.seconds), "joules": _number(own.joules)} for own in plan.frontier],
        "avoided": dict(plan.avoided),
        "constants": dict(plan.constants),
        "tasks": [_task(assignment, planned, slack) for assignment in _in_order(plan.schedule)],
    }


def _money(planned: PlannedJob, energy: float | None) -> dict[str, Any]:
    """What the energy (joules) costs and emits, by the policy's queries where they have figures for the nodes."""
    row = planned.row
    if row is None or energy is None:
        return {
            "cost": None,
            "currency": None if row is None else row.currency,
            "priceSource": None,
            "carbonGrams": None,
        }
    rates = rates_for(planned.telemetry, row, joules_by_node(planned.plan.schedule), planned.now)
    kwh = energy / JOULES_PER_KWH
    return {
        "cost": round(kwh * rates.price, 9),
        "currency": row.currency,
        "priceSource": rates.source,
        "carbonGrams": None if rates.grams is None else round(kwh * rates.grams, 6),
    }


def makespan(schedule: Schedule, now: float) -> float:
    """Seconds from the moment of planning to the end of the last task: waiting for a node counts."""
    return schedule.finish - now


def against(planned: PlannedJob) -> dict[str, Any] | None:
    """The same work by the baseline strategy on the same cost model; None where there are no figures to compare."""
    plan, base = planned.plan, planned.plan.baseline
    if base is None or plan.missing or not plan.schedule.assignments:
        return None
    span, joules = baseline_figures(base)
    base_seconds = base.start - planned.now + span
    seconds = _saved(makespan(plan.schedule, planned.now), base_seconds)
    energy = _saved(plan.schedule.joules, joules)
    objective = objective_of(planned.row) if planned.row is not None else Objective()
    return {
        "strategy": BASELINE,
        "makespanSeconds": _number(base_seconds),
        "energyJoules": _number(joules) if joules > 0 else None,
        "savedSecondsPercent": round(seconds, 3),
        "savedEnergyPercent": round(energy, 3),
        "verdict": verdict_of(seconds, energy, objective),
    }


def _saved(own: float, base: float) -> float:
    return (base - own) / base * 100 if base > 0 else 0.0


def _in_order(schedule: Schedule) -> list[Assignment]:
    return sorted(schedule.assignments.values(), key=lambda own: (own.start, own.finish, own.task))


def _task(own: Assignment, planned: PlannedJob, slack: Mapping[str, float]) -> dict[str, Any]:
    plan = planned.plan
    known = own.task not in plan.missing
    timed = not plan.missing
    rank = plan.schedule.ranks.get(own.task)
    return {
        "name": own.task,
        "device": own.option.device,
        "variant": own.option.variant,
        "nodes": list(own.nodes),
        "workers": len(own.nodes),
        "startSeconds": _number(own.start - planned.now) if timed else None,
        "finishSeconds": _number(own.finish - planned.now) if timed else None,
        "seconds": _number(own.option.seconds) if known else None,
        "joules": _number(own.option.joules) if known and own.option.joules > 0 else None,
        "origin": own.option.origin if known else None,
        "confidence": own.option.confidence if known else None,
        "scaledFrom": own.option.scaled_from if known else "",
        "because": plan.because.get(own.task, ""),
        "waiting": plan.waiting.get(own.task, ""),
        "shares": list(plan.shares.get(own.task, ())),
        "slackSeconds": _number(slack.get(own.task)),
        "onCriticalPath": timed and own.task in plan.critical_path,
        "rank": _number(rank) if timed else None,
    }


def _number(value: float | None) -> float | None:
    """Microseconds are beyond any estimate, and epoch seconds as floats do not hold more."""
    return None if value is None else round(value, 6)


def _weakest(schedule: Schedule) -> str:
    return max((own.option.origin for own in schedule.assignments.values()), key=ORIGINS.index, default="estimated")


def _write_one(planned: PlannedJob, wide: bool) -> None:
    data = data_of(planned)
    print(f"{data['namespace']}/{data['name']}: policy {data['policy']}, strategy {data['strategy']}")
    write_table(WIDE_COLUMNS if wide else COLUMNS, [_cells(task, wide) for task in data["tasks"]])
    print("\n".join([*_totals(data), *(_grounds(data) if wide else ())]))


def _grounds(data: dict[str, Any]) -> list[str]:
    """Why each task goes where it goes, and the columns of the policy table behind it."""
    lines = [f"{task['name']}: {task['because']}" for task in data["tasks"] if task["because"]]
    lines += [f"{task['name']}: {task['waiting']}" for task in data["tasks"] if task["waiting"]]
    lines += [f"{node}: {reason}" for node, reason in data["avoided"].items()]
    figures = (f"{value:g}" if isinstance(value, float) else str(value) for value in data["constants"].values())
    named = (f"{name} {figure}" for name, figure in zip(data["constants"], figures, strict=True))
    return [*lines, f"by {data['policy']}: {', '.join(named)}"]


def _cells(task: dict[str, Any], wide: bool) -> list[str]:
    def duration(key: str) -> str:
        return "" if task[key] is None else format_duration(task[key])

    cells = [
        task["name"],
        task["device"],
        ",".join(f"{node} x{count}" if count > 1 else node for node, count in Counter(task["nodes"]).items()),
        str(task["workers"]),
        duration("startSeconds"),
        duration("finishSeconds"),
        "" if task["seconds"] is None else f"{task['seconds']:.1f}",
        "" if task["joules"] is None else f"{task['joules']:.0f}",
        "*" if task["onCriticalPath"] else "",
        _origin(task),
    ]
    if not wide:
        return cells
    return [*cells, task["variant"], "" if task["rank"] is None else f"{task['rank']:.1f}", duration("slackSeconds")]


def _origin(task: dict[str, Any]) -> str:
    """Where the run time comes from; one that was concluded from another device type is marked."""
    return f"{task['origin']}, low confidence" if task["scaledFrom"] else task["origin"] or ""


def _totals(data: dict[str, Any]) -> list[str]:
    missing = data["estimatesMissing"]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        return [f"EstimatesMissing: no run time is known for {shown}; give work.runtimeOn, training or a profile"]
    lines = [f"makespan {format_duration(data['makespanSeconds'])}"]
    if data["energyJoules"] is not None:
        lines[0] += f", energy {joules(data['energyJoules'])} ({data['energySource']})"
        if data["cost"] is not None:
            lines[0] += f", cost {data['cost']:.4g} {data['currency']}{PRICED[data['priceSource']]}"
        if data["carbonGrams"] is not None:
            lines[0] += f", {data['carbonGrams']:.4g} g CO2"
    base = data["against"]
    if base is not None:
        energy = f", energy {joules(base['energyJoules'])}" if base["energyJoules"] is not None else ""
        saved = f"saved {percent(base['savedSecondsPercent'])} time, {percent(base['savedEnergyPercent'])} energy"
        lines.append(
            f"against {base['strategy']} (makespan {format_duration(base['makespanSeconds'])}{energy}): {saved}"
        )
        lines.append(
            f"{base['verdict']} than {base['strategy']}" if base["verdict"] != "Neutral" else "Neutral: no gain"
        )
    if data["verdict"]:
        lines.append(f"deadline and budget: {data['verdict']}")
    if data["frontier"]:
        ways = (f"{format_duration(own['seconds'])} for {joules(own['joules'])}" for own in data["frontier"])
        lines.append(f"possible: {', '.join(ways)}")
    if data["sacrifice"]:
        lines.append(data["sacrifice"])
    lines += _heat(data)
    if data["held"]:
        lines.append(f"waiting for a node to become free, at an unknown time: {', '.join(data['held'])}")
    return lines


def _heat(data: dict[str, Any]) -> list[str]:
    """Nodes that the plan goes round, and those that it has to use although something is held against them."""
    used = {node for task in data["tasks"] for node in task["nodes"]} & data["avoided"].keys()
    lines = [f"used although too hot or faulty, no other was left: {', '.join(sorted(used))}"] if used else []
    avoided = [node for node in data["avoided"] if node not in used]
    if avoided:
        lines.append(f"avoided for heat or faults: {', '.join(avoided)}")
    return [f"{line} (-o wide says why)" for line in lines]
