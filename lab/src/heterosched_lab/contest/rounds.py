"""One round of the benchmark: the same tasks alone and at several arrival rates, and whether the formulas hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heterosched_lab.contest.batch import Contest, compete, faster_than_oracle, settled
from heterosched_lab.contest.check import Metrics, check
from heterosched_lab.contest.entrants import Entrant
from heterosched_lab.contest.generator import ContestTask, generate
from heterosched_lab.contest.queueing import Floats, run
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings
from heterosched_lab.contest.updates import entrants


@dataclass(frozen=True, slots=True)
class Round:
    """What one worker does: tasks of `settings` and `seed`, alone, at the settings' rate and at `rates` more."""

    settings: Settings
    seed: int
    rates: tuple[float, ...] = ()
    keep: bool = False


@dataclass(frozen=True, slots=True)
class AloneMeans:
    """Means of a strategy's outcomes for tasks that run alone: s, J, USD."""

    fraction: float
    seconds: float
    joules: float
    dollars: float
    regret: float


@dataclass(frozen=True)
class Answer:
    """What a round found. `queued`: by arrival rate and strategy. `contest` only where the round was to keep it.

    `latency_floor`: mean seconds below which no strategy comes, since no task is faster than alone with the oracle;
    `makespan_floor`: see there. `faster`: tasks that any strategy ran faster than the oracle; `deviation`: the largest
    relative difference of time, energy or cost from the formulas, reckoned anew.
    """

    round: Round
    alone: Mapping[str, AloneMeans]
    queued: Mapping[float, Mapping[str, Metrics]]
    faster: int
    deviation: float
    latency_floor: float
    makespan_floor: float
    contest: Contest | None = None


def play(own: Round) -> Answer:
    """Play a round. Raises FailedStrategy or BrokenLog, which name the strategy."""
    settings = own.settings
    tasks = generate(settings, own.seed, settings.num_tasks)
    takers = entrants(settings, own.seed)
    found = compete(settings, own.seed, tasks, takers)
    queued = {settings.arrival_rate: {name: standing.metrics for name, standing in found.standings.items()}}
    ready = [settled(taker, tasks, found.standings[taker.name].alone.fraction) for taker in takers]
    for rate in own.rates:
        queued[rate] = at_rate(settings, tasks, ready, rate)
    alone = {
        name: AloneMeans(
            float(standing.alone.fraction.mean()),
            float(standing.alone.seconds.mean()),
            float(standing.alone.joules.mean()),
            float(standing.alone.dollars.mean()),
            standing.regret,
        )
        for name, standing in found.standings.items()
    }
    floors = (float(found.best.seconds.mean()), makespan_floor(tasks, Rig.of(settings)))
    kept = found if own.keep else None
    return Answer(own, alone, queued, faster_than_oracle(found), formula_deviation(found), *floors, kept)


def at_rate(
    settings: Settings, tasks: Sequence[ContestTask], takers: Sequence[Entrant], rate: float
) -> dict[str, Metrics]:
    """The same tasks, arriving `rate` per second in the same pattern."""
    rig, scale = Rig.of(settings), settings.arrival_rate / rate
    moved = [replace(task, arrival=task.arrival * scale) for task in tasks]
    return {taker.name: check(run(moved, taker, rig), moved, rig) for taker in takers}


def makespan_floor(tasks: Sequence[ContestTask], rig: Rig) -> float:
    """Seconds that no strategy can do with less, however the tasks arrive: all devices busy with what suits them best.

    The optimum of the linear programme that shares each task between the CPU and the GPUs as one pool: the tasks that
    gain least from a GPU go to the CPU, until both are busy for equally long.
    """
    cpu = np.array([rig.model.parts(task.split, 0.0)[1] for task in tasks])
    gpu = np.array([rig.model.parts(task.split, 1.0)[0] for task in tasks]) / rig.gpus
    order = np.argsort(cpu / gpu, kind="stable")
    cpu, gpu = cpu[order], gpu[order]
    before = np.concatenate(([0.0], np.cumsum(cpu)))
    behind = gpu.sum() - np.concatenate(([0.0], np.cumsum(gpu)))
    last = int(np.argmax(before[1:] >= behind[1:]))
    part = (behind[last] - before[last]) / (cpu[last] + gpu[last])
    return float(before[last] + part * cpu[last])


def formula_deviation(found: Contest) -> float:
    """Time, energy and cost of every row against the model's formulas, written out once more on arrays."""
    settings = found.settings
    columns = [(own.split.seconds, own.split.intensity, own.split.memory_mb) for own in found.tasks]
    cpu, intensity, memory = np.array(columns).T
    gpu, transfer = cpu / (1 + 3 * intensity), memory / 16_000
    worst = 0.0
    for standing in found.standings.values():
        part = standing.alone.fraction
        moved = transfer * (part > 0)
        if settings.model == "legacy_linear":
            seconds = part * (gpu + moved) + (1 - part) * cpu
            joules = (part * settings.gpu_power_watts + (1 - part) * settings.cpu_power_watts) * seconds
        else:
            on_gpu, on_cpu = part * gpu + moved, (1 - part) * cpu
            seconds = np.maximum(on_gpu, on_cpu)
            joules = on_gpu * settings.gpu_power_watts + on_cpu * settings.cpu_power_watts
            joules += (seconds - on_gpu) * settings.gpu_idle_watts + (seconds - on_cpu) * settings.cpu_idle_watts
        dollars = joules / 3.6e6 * settings.dollars_per_kwh
        for mine, own in (
            (seconds, standing.alone.seconds),
            (joules, standing.alone.joules),
            (dollars, standing.alone.dollars),
        ):
            worst = max(worst, _deviation(mine, own))
    return worst


def _deviation(one: Floats, other: Floats) -> float:
    return float((np.abs(one - other) / np.maximum(np.abs(other), 1e-300)).max())
