"""Follows the demo's HeteroJobs until all are done, with a progress bar on a terminal and plain lines in a pipe."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cluster import ControlPlane

Job = dict[str, Any]


def read_jobs(plane: ControlPlane, namespace: str) -> list[Job]:
    """The HeteroJobs of a namespace as they are now."""
    listed = json.loads(plane.kubectl("get", "heterojobs", "--namespace", namespace, "--output", "json"))
    jobs: list[Job] = listed["items"]
    return jobs


def condition(job: Job, type: str) -> dict[str, str] | None:
    """The condition of this type when it is true."""
    conditions = job.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == type and c["status"] == "True"), None)


def ended(job: Job) -> bool:
    """Whether the job has completed with its outcome reported, or failed."""
    if condition(job, "Completed"):
        return bool(job["status"].get("outcome"))
    accepted = next((c for c in job.get("status", {}).get("conditions", []) if c["type"] == "Accepted"), None)
    return condition(job, "Failed") is not None or (accepted is not None and accepted["status"] == "False")


def tasks_done(job: Job) -> int:
    """Tasks that have ended, well or not."""
    return sum(task["state"] in ("Succeeded", "Failed", "Skipped") for task in job.get("status", {}).get("tasks", []))


def follow(
    read: Callable[[], list[Job]],
    console: Console,
    limit_s: float,
    healthy: Callable[[], None],
    more: Callable[[list[Job]], bool] = lambda jobs: False,
) -> list[Job]:
    """Poll until every job has ended; returns them. Raises TimeoutError with what is still open after `limit_s`.

    `healthy` raises when a process that the demo needs is gone, so that nobody waits in vain. `more` may apply further
    jobs at each look; it is True as long as one is to come.
    """
    deadline = time.monotonic() + limit_s
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    said: dict[str, int] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}
        while True:
            healthy()
            jobs = read()
            coming = more(jobs)
            for job in jobs:
                name, done, total = job["metadata"]["name"], tasks_done(job), len(job["spec"]["tasks"])
                if name not in bars:
                    bars[name] = progress.add_task(name, total=None)
                progress.update(bars[name], total=total, completed=done)
                if not console.is_terminal and said.get(name) != done:
                    console.print(f"   {name}: {done}/{total} tasks")
                    said[name] = done
            if not coming and all(ended(job) for job in jobs):
                return jobs
            if time.monotonic() > deadline:
                left = ", ".join(job["metadata"]["name"] for job in jobs if not ended(job)) or "what is to follow"
                raise TimeoutError(f"not done after {limit_s:.0f} s: {left}")
            time.sleep(0.5)
