"""`heterosched bench run jps`: JPS, its peers and the optimum over many instances, and what its parameters do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from heterosched.errors import InvalidInput
from heterosched.jps import solve
from heterosched_lab.jps_experiment import plots, sweep_plots, tables
from heterosched_lab.jps_experiment.effort import SPACE, EffortProblem, point_of
from heterosched_lab.jps_experiment.families import FAMILIES, Kind, instance, kinds
from heterosched_lab.jps_experiment.figures import figures, tuning_figures
from heterosched_lab.jps_experiment.strategies import TIME_ONLY, Compared, checked
from heterosched_lab.jps_experiment.tasks import FULL, SHORT, TRAINING_SEED, Run, Size, Task, tasks
from heterosched_lab.readers.gavel import read_throughputs
from heterosched_lab.runs.types import Context, Outcome, Table
from heterosched_lab.search.history import draw_trials, history
from heterosched_lab.search.problem import Tuned, tune
from heterosched_lab.search.study import Spreading
from heterosched_lab.spread import spread

TABLE = "gavel/simulation_throughputs.json"
PLOTS = (
    ("sampler_comparison.png", "Gap to the optimum by strategy, with 95 % intervals; every instance is a dot"),
    ("jct_cdf.png", "Completion times of the jobs of all instances"),
    ("gap_vs_n.png", "Gap by number of samples: the sampler alone, and JPS as shipped"),
    ("grid_heatmap.png", "Gap by alpha and N, sampler alone"),
    ("fairness_tradeoff.png", "Completion time and fairness by beta"),
    ("pareto_front.png", "Completion time against fairness over beta"),
    ("category_variance.png", "Unlike completion times by the largest part of a category"),
    ("category_entropy.png", "Gap by the entropy of a category"),
    ("worker_heatmap.png", "Who has which worker; no worker serves two jobs"),
    ("jct_vs_workers.png", "Completion time by number of workers, the same jobs of Gavel's table"),
    ("autotune_trials.png", "Trials of the tuner: categories placed, gap within 2.04 % at the 95th percentile"),
)
Found = dict[tuple[str, str], list[Any]]


class JpsExperiment:
    """JPS against random, uniform and equal sizing and the optimum, on the prototype's generator and Gavel's table."""

    name = "jps"
    title = "JPS: sizing and placement of training jobs against the optimum"
    needs: tuple[str, ...] = ("gavel",)
    options: Mapping[str, str] = {}

    def run(self, context: Context) -> Outcome:
        """Run it. Raises InvalidInput for options, for no seeds, and where Gavel's table cannot be read."""
        if context.options:
            name = next(iter(context.options))
            raise InvalidInput("benchmark jps", name, "it has no such option", "leave it out")
        if not context.seeds:
            raise InvalidInput("benchmark jps", "seeds", "none is given", "give at least one")
        known = kinds(read_throughputs(context.data / TABLE))
        size = SHORT if context.short else FULL
        asked = tasks(context.seeds, size, context.short)
        context.progress.start("instances", len(asked))
        answers = spread(
            Run(known),
            asked,
            scheduler=context.scheduler,
            workers=1 if context.short else None,
            progress=context.progress,
        )
        found: Found = defaultdict(list)
        for task, answer in zip(asked, answers, strict=True):
            found[task.piece, _key(task)].append(answer)
        return _told(context, known, found, size)


def _key(task: Task) -> str:
    if task.piece == "workers":
        return str(task.count)
    return (
        f"{task.family} {'training' if task.seed == TRAINING_SEED else 'unseen'}"
        if task.piece == "case"
        else task.family
    )


def _told(context: Context, known: tuple[Kind, ...], found: Found, size: Size) -> Outcome:
    """Tables, plots and figures of what was found."""
    by_family = {family: found["compared", family] for family in FAMILIES}
    everything: list[Compared] = [own for family in FAMILIES for own in by_family[family]]
    tuned = _tuned(context, found, size)
    told = [tables.summary(everything), tables.instances(everything), *_sweeps(context, found)]
    told.append(history("auto_tune_history", tuned.trials, TRAINING_SEED))
    draw_trials(context.folder, tuned.trials, "categories placed (mean)")
    shown = {}
    for family in FAMILIES:
        made = instance(family, known, context.seeds[0], 0)
        guided = replace(TIME_ONLY, mode="guided")
        shown[family] = made, checked(solve(made, guided, np.random.default_rng(context.seeds[0])), made)
    plots.worker_heatmap(context.folder, shown)
    plots.jct_cdf(context.folder, by_family)
    plots.sampler_comparison(context.folder, by_family)
    (context.folder / "fairness_metrics.txt").write_text(tables.fairness_text(everything), encoding="utf-8")
    return Outcome(
        (*figures(everything, context.seeds), *tuning_figures(tuned)),
        tuple(told),
        PLOTS,
        _remarks(everything, tuned),
    )


def _tuned(context: Context, found: Found, size: Size) -> Tuned:
    """The tuner on Gavel's jobs; unseen: other seeds of them, then the prototype's instances."""
    own, other = (EffortProblem(tuple(found["case", f"{family} unseen"])) for family in reversed(FAMILIES))
    unseen = {"other seeds": own, "the prototype's instances": other}
    context.progress.start("tuner", size.trials)
    where = Spreading(context.scheduler, 1 if context.short else None, context.progress)
    training = EffortProblem(tuple(found["case", f"{FAMILIES[-1]} training"]))
    return tune(SPACE, training, unseen, point_of(TIME_ONLY), trials=size.trials, seed=TRAINING_SEED, spreading=where)


def _sweeps(context: Context, found: Found) -> list[Table]:
    """Tables of the sweeps, and their plots in the folder."""
    swept = {family: found["swept", family] for family in FAMILIES if found["swept", family]}
    samples = {family: [own.by_samples for own in each] for family, each in swept.items()}
    grid = {family: [own.grid for own in each] for family, each in swept.items()}
    front = {family: [own.front for own in each] for family, each in swept.items()}
    visited = {family: [row for own in each for row in own.visited] for family, each in swept.items()}
    sweep_plots.gap_vs_n(context.folder, samples)
    sweep_plots.grid_heatmap(context.folder, grid)
    sweep_plots.fairness_tradeoff(context.folder, front)
    sweep_plots.pareto_front(context.folder, front)
    sweep_plots.category_variance(context.folder, visited)
    sweep_plots.category_entropy(context.folder, visited)
    told = [tables.by_samples(samples), tables.by_grid(grid), tables.by_beta(front)]
    workers = {int(key): each for (piece, key), each in found.items() if piece == "workers"}
    plots.jct_vs_workers(context.folder, workers)
    return [*told, tables.by_workers(workers)]


def _remarks(found: Sequence[Compared], tuned: Tuned) -> tuple[str, ...]:
    unproven = sum(not own.proven for own in found)
    return (
        "Simulated by the model of Liu et al. (2024) as written in heterosched.jps; nothing ran on GPUs. "
        "The prototype's throughput is drawn at random, Gavel's is measured; its bytes per iteration are inferred.",
        f"The optimum is proven on {len(found) - unproven} of {len(found)} instances; elsewhere gaps are upper bounds.",
        "2.04 % is what the paper's abstract states for its own testbed, which is not public: a yardstick, no re-run.",
        f"Tuner: {tuned.verdict}. Effort is counted in categories placed, so that trials are reproducible.",
    )
