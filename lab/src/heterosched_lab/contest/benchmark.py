"""B9, the strategies' contest as a benchmark: seeds x models x arrival rates, every log checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from heterosched.errors import InvalidInput
from heterosched_lab.contest.check import Metrics
from heterosched_lab.contest.entrants import GRID_ORACLE, ORACLE, OURS
from heterosched_lab.contest.report import REPORT, ROW, write
from heterosched_lab.contest.rounds import Answer, Round, play
from heterosched_lab.contest.settings import MODELS, MODES, Settings, read_settings
from heterosched_lab.runs.plots import COLOURS, drawn
from heterosched_lab.runs.types import Context, Figure, Outcome, Table
from heterosched_lab.spread import spread

SHORT_TASKS = 1000
RATES = (6.0, 100.0)
"""Arrivals per second beside the settings' (2, that of the live simulation): near what four GPUs can do, and the
original's batch rate, at which all tasks are there almost at once.
"""
SIMPLE = ("round_robin", "random", "greedy")
CASES = (("parallel", "plain"), ("legacy_linear", "plain"), ("parallel", "realistic"))


class Contest:
    """The benchmark."""

    name = "contest"
    title = "The strategies' contest: round robin, random, greedy, oracle, HEFT, JPS and ours"
    needs: tuple[str, ...] = ()
    options: Mapping[str, str] = {
        "tasks": "tasks per seed and model (default 10000)",
        "config": "a config.yaml with the machine, the workload and the prices",
    }

    def run(self, context: Context) -> Outcome:
        """Play all rounds and gather. Raises HeteroSchedError where a setting or a strategy is bad."""
        base = _settings(context)
        rounds = [
            Round(replace(base, model=model, mode=mode), seed, RATES, keep=seed == context.seeds[0])
            for seed in context.seeds
            for model, mode in CASES
        ]
        context.progress.start("contest", len(rounds))
        answers = spread(play, rounds, scheduler=context.scheduler, progress=context.progress)
        figures = [figure for model, mode in CASES for figure in _figures(_of(answers, model, mode))]
        plots = [*_files(context.folder, answers), *_rate_plots(context.folder, answers, base)]
        return Outcome(
            tuple([*figures, *_report_figures(context.folder, answers)]),
            (_standings(answers), _alone(answers)),
            tuple(plots),
            _remarks(answers),
        )


def _settings(context: Context) -> Settings:
    config = context.options.get("config")
    base = read_settings(Path(config) if config else None)
    if context.short:
        base = replace(base, num_tasks=SHORT_TASKS)
    wanted = context.options.get("tasks", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise InvalidInput("benchmark contest", "tasks", f"{wanted!r}", "give a whole number above zero")
        base = replace(base, num_tasks=int(wanted))
    return base


def _of(answers: Iterable[Answer], model: str, mode: str) -> list[Answer]:
    return [own for own in answers if own.round.settings.model == model and own.round.settings.mode == mode]


def _case(answers: Sequence[Answer]) -> str:
    settings = answers[0].round.settings
    return settings.model if settings.mode == MODES[0] else f"{settings.model}, {settings.mode} tasks"


def _figure(name: str, values: Sequence[float], unit: str, **more: Any) -> Figure:
    return Figure(name, float(np.mean(values)), unit, more.pop("origin", "simulated"), values=tuple(values), **more)


def _figures(answers: Sequence[Answer]) -> list[Figure]:
    case = _case(answers)
    figures = [
        _figure(
            f"{case}: tasks that any strategy runs faster than the oracle",
            [float(own.faster) for own in answers],
            "tasks",
            origin="counted",
            goal=0.0,
            relation="==",
        ),
        _figure(
            f"{case}: largest deviation from the formulas",
            [own.deviation for own in answers],
            "",
            goal=1e-12,
            note="relative, over time, energy and cost of all tasks and strategies",
        ),
        *(_alone_figure(answers, case, kind) for kind in ("seconds", "joules")),
    ]
    for rate in answers[0].queued:
        figures += _rate_figures(answers, case, rate)
    return figures


def _alone_figure(answers: Sequence[Answer], case: str, kind: str) -> Figure:
    """Ours beside the best of the simple three, each task alone."""

    def of(name: str) -> list[float]:
        return [float(getattr(own.alone[name], kind)) for own in answers]

    rival = min(SIMPLE, key=lambda name: sum(of(name)))
    name, unit = ("mean time", "s") if kind == "seconds" else ("mean energy", "J")
    peer = float(np.mean(of(rival)))
    note = f"best simple strategy: {rival}; oracle {np.mean(of(ORACLE)):.4g} {unit}"
    beside = {"goal": peer, "peer": peer, "peer_name": rival, "note": note}
    return _figure(f"{case}: {name} of {OURS}, each task alone", of(OURS), unit, **beside)


def _rate_figures(answers: Sequence[Answer], case: str, rate: float) -> list[Figure]:
    """Ours beside the best of all others in latency and, without a goal, in energy; and beside the floors."""
    where = f"{case}, {rate:g} arrivals/s"
    names = [name for name in answers[0].queued[rate] if name != OURS]

    def of(name: str, kind: Callable[[Metrics], float]) -> list[float]:
        return [kind(own.queued[rate][name]) for own in answers]

    def latency(metrics: Metrics) -> float:
        return metrics.mean

    def joules(metrics: Metrics) -> float:
        return metrics.busy_joules + metrics.idle_joules

    rival = min(names, key=lambda name: sum(of(name, latency)))
    thrifty = min(names, key=lambda name: sum(of(name, joules)))
    peer, least = float(np.mean(of(rival, latency))), float(np.mean(of(thrifty, joules)))
    floor, makespan_floor = (
        float(np.mean([getattr(own, key) for own in answers])) for key in ("latency_floor", "makespan_floor")
    )
    spans = of(OURS, lambda metrics: metrics.makespan)
    note = f"oracle {np.mean(of(ORACLE, latency)):.4g} s; nobody comes below {floor:.4g} s"
    beside = {"goal": peer, "peer": peer, "peer_name": rival, "note": note}
    thrift = {"peer": least, "peer_name": thrifty, "note": "no goal: time is what it goes for; idle draw included"}
    span = {"note": f"nobody comes below {makespan_floor:.4g} s, nor below the last arrival"}
    return [
        _figure(f"{where}: mean latency of {OURS}", of(OURS, latency), "s", **beside),
        _figure(f"{where}: energy of {OURS}", of(OURS, joules), "J", **thrift),
        _figure(f"{where}: makespan of {OURS}", spans, "s", **span),
    ]


def _files(folder: Path, answers: Sequence[Answer]) -> list[tuple[str, str]]:
    """Report and plots of the first seed, the other models' in folders of their own."""
    plots: list[tuple[str, str]] = []
    for own in answers:
        if own.contest is None:
            continue
        settings = own.round.settings
        below = "" if (settings.model, settings.mode) == CASES[0] else f"{settings.model}_{settings.mode}/"
        paths = write(own.contest, folder / below, folder / below)
        told = f"{_case([own])}, seed {own.round.seed}, {settings.arrival_rate:g} arrivals/s"
        for path in paths:
            if path.suffix == ".png":
                plots.append((f"{below}{path.name}", f"{path.stem.replace('_', ' ')}: {told}"))
    return plots


def _rate_plots(folder: Path, answers: Sequence[Answer], base: Settings) -> list[tuple[str, str]]:
    rates = sorted(answers[0].queued)
    found = []
    for model in MODELS:
        mine = _of(answers, model, MODES[0])
        with drawn(folder, f"latency_by_rate_{model}") as axes:
            for place, name in enumerate(mine[0].queued[rates[0]]):
                means = [np.mean([own.queued[rate][name].mean for own in mine]) for rate in rates]
                style = "o-" if place < len(COLOURS) else "o--"
                axes.plot(rates, means, style, label=name, color=COLOURS[place % len(COLOURS)], markersize=4)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel("arrivals per second")
            axes.set_ylabel("mean latency in s (simulated)")
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        caption = f"Mean latency over the arrival rate: {model}, {base.num_tasks} tasks, mean of {len(mine)} seeds"
        found.append((f"latency_by_rate_{model}.png", caption))
    return found


def _report_figures(folder: Path, answers: Sequence[Answer]) -> list[Figure]:
    kept = next(own.contest for own in answers if own.contest is not None)
    with (folder / REPORT).open(encoding="utf-8") as file:
        next(file)
        sums: dict[str, float] = {}
        count = 0
        place = ROW.index("time")
        for line in file:
            cells = line.rstrip("\n").split(",")
            sums[cells[1]] = sums.get(cells[1], 0.0) + float(cells[place])
            count += 1
    wanted = float(len(kept.tasks) * len(kept.standings))
    apart = max(
        abs(sums[name] / len(kept.tasks) / float(own.alone.seconds.mean()) - 1) for name, own in kept.standings.items()
    )
    return [
        Figure("rows of the report", float(count), "rows", "counted", goal=wanted, relation="=="),
        Figure("means of the report's rows against the summary", apart, "", "counted", goal=1e-8, note="relative"),
    ]


STANDING = ("makespan", "mean", "p50", "p95", "p99", "waiting", "throughput", "busy_joules", "idle_joules", "dollars")
MORE = ("per_dollar", "gpu_busy", "cpu_busy", "mean_fraction")


def _standings(answers: Sequence[Answer]) -> Table:
    """Means over the seeds, under arrivals."""
    columns = ("model", "mode", "arrival_rate", "strategy", *STANDING, *MORE)
    rows = []
    for model, mode in CASES:
        mine = _of(answers, model, mode)
        for rate, by_name in mine[0].queued.items():
            for name in by_name:
                metrics = [own.queued[rate][name] for own in mine]
                means = (float(np.mean([getattr(one, key) for one in metrics])) for key in (*STANDING, *MORE))
                rows.append((model, mode, rate, name, *means))
    return Table("standings", columns, rows)


def _alone(answers: Sequence[Answer]) -> Table:
    """Means over the seeds, each task alone."""
    keys = ("fraction", "seconds", "joules", "dollars", "regret")
    rows = []
    for model, mode in CASES:
        mine = _of(answers, model, mode)
        for name in mine[0].alone:
            means = (float(np.mean([getattr(own.alone[name], key) for own in mine])) for key in keys)
            rows.append((model, mode, name, *means))
    return Table("alone", ("model", "mode", "strategy", *keys), rows)


def _remarks(answers: Sequence[Answer]) -> tuple[str, ...]:
    remarks = [
        "Everything is simulated by the contest's own model; nothing ran on a device.",
        "Graph strategies: heft places whole tasks (fractions 0 and 1), all that wait whenever a device is idle; jps "
        "gives a task a GPU, the CPU or both, as many of the oldest tasks as devices are idle.",
        f"In the parallel model {ORACLE} also tries the fraction at which both sides end together; the eleven points "
        f"alone are {GRID_ORACLE}. Under arrivals neither sees the queues, so neither is best there by construction.",
        f"{OURS} knows the model as the oracle does: alone it equals the oracle; the contest is decided in the queues.",
        "In legacy_linear the published energy formula counts no idle draw; its figures are not comparable with those "
        "of the parallel model.",
    ]
    taught = {name: count for own in answers if own.contest for name, count in own.contest.lessons.items()}
    remarks += [f"{name} was taught {count} times." for name, count in sorted(taught.items())]
    return tuple(remarks)
