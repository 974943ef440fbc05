"""The contest's files: a row per task and strategy, a summary that follows from those rows, and the two plots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from heterosched_lab.contest.batch import Contest, Standing
from heterosched_lab.contest.files import write_csv
from heterosched_lab.runs.plots import COLOURS, drawn

REPORT, SUMMARY = "heavy_simulation_report.csv", "heavy_simulation_summary.csv"
CDF, COST = "latency_cdf", "cost_comparison"
ROW = (
    "task_id",
    "strategy",
    "size",
    "compute_intensity",
    "memory_required",
    "arrival_time",
    "gpu_fraction",
    "time",
    "energy",
    "cost",
    "queued_gpu_fraction",
    "gpu_id",
    "start",
    "finish",
    "latency",
)
"""time, energy, cost: of the task alone (s, J, USD); from queued_gpu_fraction on: among all others."""
TOTALS = (
    "strategy",
    "tasks",
    "mean_gpu_fraction",
    "mean_time",
    "mean_energy",
    "mean_cost",
    "total_cost",
    "regret",
    "mean_latency",
    "p50_latency",
    "p95_latency",
    "p99_latency",
    "mean_waiting",
    "makespan",
    "throughput",
    "energy_with_idle",
    "total_cost_with_idle",
    "tasks_per_dollar",
    "speedup",
    "gpu_utilization",
    "cpu_utilization",
)


def rows(found: Contest) -> Iterator[tuple[Any, ...]]:
    """The report's rows, strategy by strategy; figures to ten digits."""
    for own in found.standings.values():
        alone, log = own.alone, own.log
        start = np.fmin(log.gpu_start, log.cpu_start)
        for row, task in enumerate(found.tasks):
            split = task.split
            figures = (task.arrival, alone.fraction[row], alone.seconds[row], alone.joules[row], alone.dollars[row])
            queue = (start[row], log.finish[row], log.finish[row] - task.arrival)
            yield (
                task.number,
                own.name,
                f"{split.size:.10g}",
                f"{split.intensity:.10g}",
                f"{split.memory_mb:.10g}",
                *(f"{value:.10g}" for value in figures),
                f"{log.fraction[row]:.10g}",
                log.gpu[row] if log.gpu[row] >= 0 else "",
                *(f"{value:.10g}" for value in queue),
            )


def totals(found: Contest) -> list[tuple[Any, ...]]:
    """The summary's rows, the least mean latency first."""
    order = sorted(found.standings.values(), key=lambda own: own.metrics.mean)
    return [_total(own) for own in order]


def _total(own: Standing) -> tuple[Any, ...]:
    alone, metrics = own.alone, own.metrics
    return (
        own.name,
        metrics.tasks,
        float(alone.fraction.mean()),
        float(alone.seconds.mean()),
        float(alone.joules.mean()),
        float(alone.dollars.mean()),
        float(alone.dollars.sum()),
        own.regret,
        metrics.mean,
        metrics.p50,
        metrics.p95,
        metrics.p99,
        metrics.waiting,
        metrics.makespan,
        metrics.throughput,
        metrics.busy_joules + metrics.idle_joules,
        metrics.dollars,
        metrics.per_dollar,
        own.speedup,
        metrics.gpu_busy,
        metrics.cpu_busy,
    )


def write(found: Contest, results: Path, plots: Path) -> tuple[Path, ...]:
    """All files of a contest; each is complete or is not there. Returns their paths."""
    for folder in (results, plots):
        folder.mkdir(parents=True, exist_ok=True)
    report, summary = results / REPORT, results / SUMMARY
    write_csv(report, ROW, rows(found))
    write_csv(summary, TOTALS, ([_short(cell) for cell in line] for line in totals(found)))
    latency_cdf(found, plots)
    cost_comparison(found, plots)
    return report, summary, plots / f"{CDF}.png", plots / f"{COST}.png"


def _short(cell: Any) -> Any:
    return f"{cell:.10g}" if isinstance(cell, float) else cell


def latency_cdf(found: Contest, folder: Path, name: str = CDF) -> None:
    """The share of tasks that are done within so many seconds of their arrival, by strategy."""
    arrival = np.array([task.arrival for task in found.tasks])
    share = np.arange(1, len(arrival) + 1) / len(arrival)
    with drawn(folder, name) as axes:
        for place, own in enumerate(found.standings.values()):
            style = "-" if place < len(COLOURS) else "--"
            latency = np.sort(own.log.finish - arrival)
            axes.plot(latency, share, style, label=own.name, color=COLOURS[place % len(COLOURS)], linewidth=1.3)
        axes.set_xscale("log")
        axes.set_xlabel("seconds from arrival to finish (simulated)")
        axes.set_ylabel("share of tasks")
        axes.set_ylim(0, 1)
        axes.set_title(f"{len(arrival)} tasks, {found.settings.model}, {found.settings.arrival_rate:g} per second")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def cost_comparison(found: Contest, folder: Path, name: str = COST) -> None:
    """What a million tasks cost: each alone, and among all others with the idle draw of the whole machine."""
    order = sorted(found.standings.values(), key=lambda own: own.metrics.dollars)
    places, million = np.arange(len(order)), 1e6 / len(found.tasks)
    with drawn(folder, name) as axes:
        alone = [float(own.alone.dollars.sum()) * million for own in order]
        queued = [own.metrics.dollars * million for own in order]
        axes.bar(places - 0.2, alone, 0.4, label="each task alone")
        axes.bar(places + 0.2, queued, 0.4, label="under arrivals, idle draw included")
        axes.set_xticks(places, [own.name for own in order], rotation=30, ha="right")
        axes.set_ylabel("USD per million tasks (simulated)")
        axes.set_title(f"{found.settings.model}, {found.settings.dollars_per_kwh:g} USD per kWh")
        axes.legend()
