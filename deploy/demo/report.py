"""What the demo found out: a table for people, `report.json` for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console, JustifyMethod
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fleet import short_name
from heterosched.units import parse_time
from truth import SPREAD
from watch import Job, condition

COLUMNS: Mapping[str, JustifyMethod] = {
    "job": "left",
    "policy": "left",
    "pods on": "left",
    "creation to end, s\nplanned / actual": "right",
    "energy, kJ\nplanned / actual": "right",
    "energy is": "left",
    "on planned\nnode": "right",
    "saved against FIFO, %\ntime / energy": "right",
    "verdict": "left",
}
"""Header -> where its cells stand."""

Reason = Callable[[Job, dict[str, Any], dict[str, Any]], str]
"""(job, task, worker) -> why the worker is not on its planned node."""


def build_row(job: Job, reason: Reason) -> dict[str, Any]:
    """The figures of one job, as its status has them; fractions stay the decimal strings of the API."""
    status = job.get("status", {})
    plan, outcome = status.get("plan", {}), status.get("outcome", {})
    workers = [(task, worker) for task in status.get("tasks", []) for worker in task.get("workers", [])]
    elsewhere = Counter(reason(job, t, w) for t, w in workers if not _as_planned(w))
    planned = len(workers) - elsewhere.total()
    return {
        "job": job["metadata"]["name"],
        "policy": job["spec"].get("policy", ""),
        "strategy": plan.get("strategy", ""),
        "completed": condition(job, "Completed") is not None,
        "tasks": len(job["spec"]["tasks"]),
        "pods": len(workers),
        "devices": dict(Counter(worker.get("device", "") for _, worker in workers)),
        "podsOnPlannedNode": planned,
        "shareOnPlannedNode": round(planned / len(workers), 4) if workers else None,
        "elsewhere": dict(elsewhere),
        "handoverSeconds": handover(status.get("tasks", []), job["spec"]["tasks"]),
        "makespanSeconds": {"planned": outcome.get("plannedSeconds"), "actual": outcome.get("seconds")},
        "energyJoules": {
            "planned": outcome.get("plannedEnergyJoules"),
            "actual": outcome.get("energyJoules"),
            "source": outcome.get("energySource"),
        },
        "against": {
            "strategy": outcome.get("against"),
            "savedSecondsPercent": outcome.get("savedSecondsPercent"),
            "savedEnergyPercent": outcome.get("savedEnergyPercent"),
            "verdict": outcome.get("verdict"),
        },
    }


def handover(records: list[dict[str, Any]], tasks: list[dict[str, Any]]) -> float | None:
    """Mean seconds from the end of a task's predecessors to its own start; None where no task has any."""
    actual = {record["name"]: record.get("actual", {}) for record in records}
    gaps = []
    for task in tasks:
        ends = [actual.get(name, {}).get("finish") for name in task.get("dependsOn", ())]
        start = actual.get(task["name"], {}).get("start")
        if start and ends and all(ends):
            gaps.append(parse_time(start) - max(map(parse_time, ends)))
    return round(fmean(gaps), 2) if gaps else None


def reason_in(decision: Mapping[str, Any], planned: str) -> str:
    """Why a decision about a pod did not favour its planned node, by the term that spoke most against it."""
    if decision.get("askedAnswer"):
        return str(decision["askedAnswer"]).replace(planned, "the planned node")
    best, asked = decision.get("best") or {}, decision.get("asked") or {}
    if best.get("node") == planned:
        return "the planned node scored highest, yet the scheduler bound elsewhere"
    parts = {share["term"]: share["part"] for share in asked.get("terms", ())}
    ahead = {share["term"]: share["part"] - parts.get(share["term"], 0.0) for share in best.get("terms", ())}
    term = max(ahead, key=ahead.__getitem__, default="")
    return f"scored higher elsewhere, by {term}" if term and ahead[term] > 0 else "tie"


def _as_planned(worker: Mapping[str, Any]) -> bool:
    """Whether a worker ran, on a node that was planned for it: two gaps are no agreement."""
    return bool(worker.get("node")) and worker.get("node") == worker.get("plannedNode")


def overall(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many pods of all jobs were on their planned node."""
    pods, planned = (sum(row[name] for row in rows) for name in ("pods", "podsOnPlannedNode"))
    return {
        "pods": pods,
        "podsOnPlannedNode": planned,
        "shareOnPlannedNode": round(planned / pods, 4) if pods else None,
    }


def write(path: Path, rows: list[dict[str, Any]], facts: Mapping[str, Any]) -> None:
    """Write report.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**facts, **overall(rows), "jobs": rows}, indent=2) + "\n")


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """The table; where it is too wide for the console, cells wrap and nothing is cut."""
    table = Table()
    for header, justify in COLUMNS.items():
        table.add_column(header, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    total = overall(rows)
    if total["pods"]:
        share = f"{total['shareOnPlannedNode']:.1%}"
        note(console, f"{total['podsOnPlannedNode']} of {total['pods']} pods ({share}) on their planned node")
    note(
        console,
        "saved: our placements and FIFO's (mean of its lots), both replayed on the run times and watts that the run "
        "showed, without what the control plane takes",
    )
    for row in rows:
        for why, count in row["elsewhere"].items():
            note(console, f"{row['job']}: {count} pod(s) elsewhere: {why}")


def note(console: Console, text: str) -> None:
    """A sentence below a table, indented however often it wraps."""
    console.print(Padding(Text(text), (0, 0, 0, 3)))


def explain(rows: list[dict[str, Any]], figures: list[dict[str, str]], console: Console) -> None:
    """Why planned and actual differ, and why two policies may choose alike. `figures`: of the jobs that differ in
    their policy only.
    """
    handed = "; ".join(
        f"{row['job']} needed {row['handoverSeconds']:.1f} s" for row in rows if row["handoverSeconds"] is not None
    )
    note(
        console,
        f"planned and actual differ: true run times and watts lie some {SPREAD:.0%} off the figures that the plan has, "
        "ends are stamped in whole seconds, and the plan counts 1 s for what the control plane takes from one task to "
        "the next" + (f" ({handed} on average)" if handed else ""),
    )
    devices = {row["policy"]: set(row["devices"]) for row in rows if row["job"].startswith("shufflenet-")}
    if devices and devices.get("Balanced") == devices.get("Energy") != devices.get("Performance"):
        note(console, why_alike(figures))


def why_alike(figures: list[dict[str, str]]) -> str:
    """Why Balanced and Energy take the same device: what it costs in time and saves in energy against the fastest."""
    taken = {row["device"]: (float(row["seconds_per_epoch"]), float(row["watts"])) for row in figures}
    fastest = min(taken, key=lambda device: taken[device][0])
    thrifty = min(taken, key=lambda device: taken[device][0] * taken[device][1])
    slower = taken[thrifty][0] / taken[fastest][0] - 1.0
    saved = 1.0 - taken[thrifty][0] * taken[thrifty][1] / (taken[fastest][0] * taken[fastest][1])
    return (
        f"Balanced and Energy choose alike here: the {short_name(thrifty)} takes {slower:.0%} longer than the fastest, "
        f"the {short_name(fastest)}, and {saved:.0%} fewer joules: worth it even where time and energy count the same"
    )


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table as text, in the order of `COLUMNS`."""
    makespan, energy, against = row["makespanSeconds"], row["energyJoules"], row["against"]
    share, saved = row["shareOnPlannedNode"], (against["savedSecondsPercent"], against["savedEnergyPercent"])
    return (
        row["job"],
        row["policy"],
        ", ".join(f"{count} {short_name(device)}" for device, count in row["devices"].items()),
        f"{_number(makespan['planned'])} / {_number(makespan['actual'])}",
        f"{_number(energy['planned'], 1e3)} / {_number(energy['actual'], 1e3)}",
        energy["source"] or "-",
        "-" if share is None else f"{share:.0%}",
        f"{_number(saved[0])} / {_number(saved[1])}",
        against["verdict"] or ("-" if row["completed"] else "not completed"),
    )


def _number(text: str | None, unit: float = 1.0) -> str:
    return "-" if text is None else f"{float(text) / unit:.1f}"
