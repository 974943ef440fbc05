"""What a Gantt chart shows, before it is drawn: bars by node and lane, the critical path, power over time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heterosched.model import Assignment
from heterosched.units import format_duration
from heterosched_cli.output import joules
from heterosched_cli.plan_view import PlannedJob


@dataclass(frozen=True, slots=True)
class Bar:
    """A task on one node, from `start` to `finish` in seconds from the moment of planning; `workers` of it are there.

    `step` is its place on the critical path of its job, None where it is not on it. `about` is the text on hover.
    """

    job: str
    task: str
    node: str
    device: str
    start: float
    finish: float
    workers: int
    step: int | None
    about: str


@dataclass(frozen=True, slots=True)
class Row:
    """A node with its bars in lanes, so that bars in one lane do not overlap."""

    node: str
    device: str
    lanes: tuple[tuple[Bar, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn. `power` are (seconds, watts) from which the next value holds; `left_out` says what is not."""

    rows: tuple[Row, ...]
    jobs: tuple[str, ...]
    captions: tuple[str, ...]
    seconds: float
    power: tuple[tuple[float, float], ...]
    left_out: tuple[str, ...]


def chart_of(planned: Sequence[PlannedJob]) -> Chart:
    """The chart of all jobs that have a plan in time, on one axis."""
    shown = [job for job in planned if job.plan.error is None and not job.plan.missing]
    bars: list[Bar] = []
    drawn: list[tuple[PlannedJob, Assignment]] = []
    for job in shown:
        for own in _timed(job):
            drawn.append((job, own))
            bars.extend(_bars(job, own))
    captions = [_caption(job) for job in shown]
    power = _power(drawn)
    seconds = max((bar.finish for bar in bars), default=0.0)
    names = tuple(job.job.key for job in shown if any(bar.job == job.job.key for bar in bars))
    return Chart(tuple(_rows(bars)), names, tuple(captions), seconds, power, tuple(_left_out(planned)))


def _timed(planned: PlannedJob) -> list[Assignment]:
    """Tasks that wait for a node until further notice, and those behind them, have no time that could be drawn."""
    held = [own.start for name, own in planned.plan.schedule.assignments.items() if name in planned.plan.held]
    limit = min(held, default=float("inf"))
    return [own for own in planned.plan.schedule.assignments.values() if own.start < limit]


def _left_out(planned: Iterable[PlannedJob]) -> Iterable[str]:
    for job in planned:
        if job.plan.error is not None:
            yield f"{job.job.key}: cannot be planned"
        elif job.plan.missing:
            yield f"{job.job.key}: no run time is known for {_some(job.plan.missing)} (EstimatesMissing)"
        elif job.plan.held:
            yield f"{job.job.key}: waiting for a node until further notice: {_some(job.plan.held)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _caption(planned: PlannedJob) -> str:
    job, schedule = planned.job, planned.plan.schedule
    energy = f", {joules(schedule.joules)}" if schedule.joules > 0 else ""
    makespan = format_duration(max(0.0, schedule.finish - planned.now)) if not planned.plan.held else "not known"
    return f"{job.key}: policy {job.spec.policy}, strategy {planned.plan.strategy}, makespan {makespan}{energy}"


def _bars(planned: PlannedJob, own: Assignment) -> Iterable[Bar]:
    path = planned.plan.critical_path
    start, finish = own.start - planned.now, own.finish - planned.now
    option = own.option
    places = Counter(own.nodes)
    about = [
        f"{own.task} of {planned.job.key}",
        f"{format_duration(max(0.0, start))} to {format_duration(max(0.0, finish))}: {option.seconds:g} s "
        f"({option.origin}{', low confidence' if option.scaled_from else ''})",
        f"{len(own.nodes)} worker(s) on {option.device}: {_some([f'{node} x{n}' for node, n in places.items()])}",
    ]
    if option.joules > 0:
        about.append(f"{joules(option.joules)} at {option.watts * option.workers:g} W")
    if own.task in path:
        about.append("on the critical path")
    for node, workers in places.items():
        step = path.index(own.task) if own.task in path else None
        yield Bar(planned.job.key, own.task, node, option.device, start, finish, workers, step, "\n".join(about))


def _rows(bars: Sequence[Bar]) -> list[Row]:
    """Nodes by what they are used as, then by name; GPUs above CPUs."""
    by_node: dict[str, list[Bar]] = {}
    for bar in bars:
        by_node.setdefault(bar.node, []).append(bar)
    rows = []
    for node, own in by_node.items():
        devices = Counter(bar.device for bar in own)
        gpus = [device for device in devices if device != "cpu"]
        rows.append(Row(node, max(gpus, key=devices.__getitem__) if gpus else "cpu", _lanes(own)))
    return sorted(rows, key=lambda row: (row.device == "cpu", row.device, _natural(row.node)))


def _natural(name: str) -> tuple[str, int]:
    """`t4-2` before `t4-10`."""
    head = name.rstrip("0123456789")
    return head, int(name[len(head) :] or 0)


def _lanes(bars: Sequence[Bar]) -> tuple[tuple[Bar, ...], ...]:
    lanes: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda bar: (bar.start, bar.finish, bar.task)):
        lane = next((lane for lane in lanes if lane[-1].finish <= bar.start + 1e-6), None)
        if lane is None:
            lanes.append([bar])
        else:
            lane.append(bar)
    return tuple(tuple(lane) for lane in lanes)


def _power(drawn: Iterable[tuple[PlannedJob, Assignment]]) -> tuple[tuple[float, float], ...]:
    """Watts that the tasks add, over time; a task draws its power while it computes, at the end of its time."""
    changes: defaultdict[float, float] = defaultdict(float)
    for planned, own in drawn:
        watts = own.option.watts * own.option.workers
        finish = own.finish - planned.now
        if watts > 0:
            changes[max(own.start - planned.now, finish - own.option.seconds)] += watts
            changes[finish] -= watts
    level, steps = 0.0, []
    for moment in sorted(changes):
        level += changes[moment]
        steps.append((moment, max(0.0, level)))
    return tuple(steps)
