"""The offline experiment: profile, generate, train where something learns, schedule, evaluate. Each step leaves a file.

What is learned from lies before what is scheduled: the first four fifths of the tasks teach, the last fifth is the
contest. So no strategy meets a task whose best fraction it was told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heterosched_lab.contest import profiler
from heterosched_lab.contest.batch import Contest, compete
from heterosched_lab.contest.entrants import Entrant
from heterosched_lab.contest.files import write_csv, write_json
from heterosched_lab.contest.generator import ContestTask, generate
from heterosched_lab.contest.history import History, Remembered
from heterosched_lab.contest.report import TOTALS, totals, write
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings
from heterosched_lab.contest.updates import entrants, updates
from heterosched_lab.runs.types import Progress

TRAINING_SHARE = 0.8
WORKLOAD = ("task_id", "size", "compute_intensity", "memory_required", "arrival_time", "duration_estimate", "parents")


@dataclass(frozen=True, slots=True)
class Experiment:
    """What an experiment found and where its files are."""

    profile: dict[str, Any]
    training: dict[str, Any]
    found: Contest
    files: tuple[Path, ...]


def experiment(settings: Settings, progress: Progress) -> Experiment:
    """Run all steps; ids go on where the history ends. Raises HeteroSchedError where a step fails, naming why."""
    profile = profiler.profile(settings.matrix_sizes, settings.matmul_runs, profiler.gpu_product())
    write_json(settings.profile, profile)
    history = History(settings.history)
    known = history.read()
    tasks = generate(settings, settings.seed, settings.num_tasks, known.next_id)
    settings.results.mkdir(parents=True, exist_ok=True)
    workload = settings.results / "workload.csv"
    write_csv(workload, WORKLOAD, (_line(task) for task in tasks))
    takers = entrants(settings, settings.seed)
    cut = int(len(tasks) * TRAINING_SHARE)
    training = train(settings, tasks[:cut], takers, history)
    training["history_rows_broken"] = list(known.broken)
    found = compete(replace(settings, num_tasks=len(tasks) - cut), settings.seed, tasks[cut:], takers, progress)
    history.append(
        _remembered(task, found.best.fraction[row], found.best.seconds[row]) for row, task in enumerate(tasks[cut:])
    )
    files = write(found, settings.results, settings.plots)
    written = (settings.profile, workload, settings.results / "training.json", settings.results / "evaluation.json")
    write_json(written[2], training)
    write_json(written[3], evaluation(found))
    return Experiment(profile, training, found, (*written, settings.history, *files))


def train(settings: Settings, tasks: list[ContestTask], takers: list[Entrant], history: History) -> dict[str, Any]:
    """Send the training tasks past all strategies, teach those that learn, and remember the best fractions."""
    told = list(updates(tasks, takers, Rig.of(settings), settings.retrain_interval))
    history.append(_remembered(own.task, own.best.fraction, own.best.seconds) for own in told)
    lessons: dict[str, int] = {}
    for own in told:
        for name in own.taught:
            lessons[name] = lessons.get(name, 0) + 1
    remark = "" if lessons else "no registered strategy learns: nothing was trained"
    return {"tasks": len(tasks), "retrain_interval": settings.retrain_interval, "lessons": lessons, "remark": remark}


def evaluation(found: Contest) -> dict[str, Any]:
    """The summary by strategy, and what it is a summary of."""
    return {
        "origin": "simulated",
        "model": found.settings.model,
        "seed": found.seed,
        "arrival_rate": found.settings.arrival_rate,
        "tasks": len(found.tasks),
        "strategies": {line[0]: dict(zip(TOTALS[1:], line[1:], strict=True)) for line in totals(found)},
    }


def _line(task: ContestTask) -> tuple[Any, ...]:
    split = task.split
    figures = (f"{split.size:.10g}", f"{split.intensity:.10g}", f"{split.memory_mb:.10g}", f"{task.arrival:.10g}")
    return (task.number, *figures, f"{split.seconds:.10g}", " ".join(str(parent) for parent in task.parents))


def _remembered(task: ContestTask, fraction: float, seconds: float) -> Remembered:
    split = task.split
    return Remembered(task.number, split.size, split.intensity, split.memory_mb, float(fraction), float(seconds))
