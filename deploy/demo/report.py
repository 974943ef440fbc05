"""What the demo found out: a table for people, `report.json` for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from watch import Job, condition

Reason = Callable[[Job, dict[str, Any], dict[str, Any]], str]
"""(job, task, worker) -> why the worker is not on its planned node."""


def build_row(job: Job, reason: Reason) -> dict[str, Any]:
    """The figures of one job, as its status has them; fractions stay the decimal strings of the API."""
    status = job.get("status", {})
    plan, outcome = status.get("plan", {}), status.get("outcome", {})
    workers = [(task, worker) for task in status.get("tasks", []) for worker in task.get("workers", [])]
    elsewhere = Counter(reason(job, t, w) for t, w in workers if w.get("node") != w.get("plannedNode"))
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


def write(path: Path, rows: list[dict[str, Any]], facts: Mapping[str, Any]) -> None:
    """Write report.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**facts, "jobs": rows}, indent=2) + "\n")


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """The table."""
    table = Table("job", "policy", "devices", "makespan s\nplanned / actual", "energy J\nplanned / actual (source)")
    table.add_column("on planned\nnode", justify="right")
    table.add_column("against FIFO\ntime, energy saved")
    for row in rows:
        makespan, energy, against = row["makespanSeconds"], row["energyJoules"], row["against"]
        share = row["shareOnPlannedNode"]
        table.add_row(
            row["job"],
            row["policy"],
            ", ".join(f"{count} {device}" for device, count in row["devices"].items()),
            f"{makespan['planned']} / {makespan['actual']}",
            f"{energy['planned']} / {energy['actual']} ({energy['source']})",
            "-" if share is None else f"{share:.0%}",
            f"{against['savedSecondsPercent']} %, {against['savedEnergyPercent']} %: {against['verdict']}",
        )
    console.print(table)
    for row in rows:
        for why, count in row["elsewhere"].items():
            console.print(f"   {row['job']}: {count} pod(s) elsewhere: {why}")
