"""How far a HeteroJob has got, as a line for a pipe and as a row with a bar for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from heterosched.api.status import state_of
from heterosched.units import format_duration, format_time, parse_time
from heterosched_cli.jobs import Line, finish_of

if TYPE_CHECKING:
    from rich.table import Table

STATES: Final = {"Succeeded": "done", "Running": "running", "Failed": "failed", "Skipped": "skipped"}
"""What a task's state counts as; every other one waits."""
KINDS: Final = ("done", "running", "failed", "skipped", "waiting")
STYLES: Final = {"done": "green", "running": "yellow", "failed": "red", "skipped": "red dim", "waiting": "dim"}
BAR: Final = 24
"""Characters of a bar."""
COLUMNS: Final = ("JOB", "STATE", "PROGRESS", "TASKS", "ELAPSED", "FINISH")


@dataclass(frozen=True, slots=True)
class Progress:
    """A job as it stands: `counts` of tasks by kind (`KINDS`), seconds `elapsed` since its start or None before it."""

    key: str
    state: str
    counts: dict[str, int]
    elapsed: float | None
    finish: str

    @property
    def tasks(self) -> str:
        """`3/8 done, 2 running, 3 waiting`."""
        total = sum(self.counts.values())
        rest = [f"{self.counts[kind]} {kind}" for kind in KINDS[1:] if self.counts[kind]]
        return ", ".join([f"{self.counts['done']}/{total} done", *rest])


def progress_of(line: Line, now: float) -> Progress:
    """`now` in epoch seconds. A task that the status does not name yet waits."""
    counts = dict.fromkeys(KINDS, 0)
    for task in line.status.tasks:
        counts[STATES.get(task.state, "waiting")] += 1
    counts["waiting"] += max(0, len(line.job.spec.tasks) - len(line.status.tasks))
    start, end = line.status.start_time, line.status.completion_time
    elapsed = max(0.0, (parse_time(end) if end else now) - parse_time(start)) if start else None
    return Progress(line.job.key, state_of(line.status), counts, elapsed, finish_of(line.status, now))


def sentence(progress: Progress, now: float) -> str:
    """A line of its own, with the time."""
    finish = f", finish {progress.finish}" if progress.finish else ""
    return f"{format_time(int(now))} {progress.key} {progress.state}: {progress.tasks}{finish}"


def table(jobs: Sequence[Progress], remark: str) -> Table:
    """All jobs with bars; `remark` stands below them."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold cyan", caption=remark)
    drawn.caption_justify = "left"
    for column in COLUMNS:
        drawn.add_column(column, no_wrap=column in ("PROGRESS", "ELAPSED"))
    for own in jobs:
        elapsed = "" if own.elapsed is None else format_duration(own.elapsed)
        drawn.add_row(Text(own.key), Text(own.state), bar(own.counts), Text(own.tasks), elapsed, own.finish)
    return drawn


def bar(counts: dict[str, int]) -> Any:
    """Green for what is done, yellow for what runs, red for what failed, dim for the rest; every kind shows."""
    from rich.text import Text

    total = sum(counts.values())
    drawn, reached, place = Text(), 0, 0
    for kind in KINDS:
        reached += counts[kind]
        until = round(BAR * reached / total) if total else 0
        drawn.append(("━" if kind != "waiting" else "─") * (until - place), style=STYLES[kind])
        place = until
    return drawn
