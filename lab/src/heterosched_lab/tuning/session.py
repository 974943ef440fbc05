"""One session of the tuner: cases, search, verdict, files. A policy is written only where the gain is one."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from heterosched.api.policy import SchedulingPolicySpec
from heterosched.errors import InvalidInput
from heterosched_lab.runs.folder import write_outcome
from heterosched_lab.runs.types import Figure, Outcome
from heterosched_lab.search.history import draw_trials, history
from heterosched_lab.search.problem import Gain, Problem, Tuned, tune
from heterosched_lab.search.space import Dimension, Values
from heterosched_lab.search.study import Spreading
from heterosched_lab.tuning.manifest import Base, text

LEAST_CASES = 2
MOST_CASES, MOST_TRIALS = 10_000, 100_000
TIMED_CASES = 6
NAME, LONGEST_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"), 253
SEEDS_APART = 1_000_000
"""Added to the seed: no case of the tuner is one of a benchmark, whose seeds are small."""


@dataclass(frozen=True)
class Asked:
    """What the user asks for, whatever is tuned. training, unseen: cases of each; `options`: the command's others."""

    what: str
    base: str
    name: str
    trials: int
    training: int
    unseen: int
    seed: int
    folder: Path
    write_anyway: bool = False
    spreading: Spreading = field(default_factory=Spreading)
    options: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Raises InvalidInput where a number or the name cannot be used."""
        if not NAME.fullmatch(self.name) or len(self.name) > LONGEST_NAME:
            raise InvalidInput("option --name", "", f"{self.name!r} is no name of an object", "use a-z, 0-9, - and .")
        for name, least, most in (
            ("trials", 2, MOST_TRIALS),
            ("training", LEAST_CASES, MOST_CASES),
            ("unseen", LEAST_CASES, MOST_CASES),
            ("seed", 0, SEEDS_APART // 2 - 1),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise InvalidInput(f"option --{name}", "", f"{value} is not within {least}..{most}")

    @property
    def training_seed(self) -> int:
        """The seed of the training cases."""
        return SEEDS_APART + 2 * self.seed

    @property
    def unseen_seed(self) -> int:
        """The seed of the cases that only the verdict sees."""
        return self.training_seed + 1

    @property
    def command(self) -> str:
        """The command that repeats the session."""
        shown = {
            **self.options,
            "base": self.base,
            "name": self.name,
            "trials": self.trials,
            "training": self.training,
            "unseen": self.unseen,
            "seed": self.seed,
        }
        parts = [f"--{key} {shlex.quote(str(value))}" for key, value in shown.items()]
        return f"heterosched bench tune {self.what} {' '.join(parts)}"


@dataclass(frozen=True)
class Work:
    """What is tuned: where, from where, on which cases; `cost` labels the plot; `spec` puts a point into the policy.

    timed: a few cases whose decisions are timed; none where nothing is.
    """

    space: Sequence[Dimension]
    first: Values
    training: Problem
    unseen: Mapping[str, Problem]
    cost: str
    spec: Callable[[Base, Values], SchedulingPolicySpec]
    timed: Problem | None = None


@dataclass(frozen=True)
class Ended:
    """How a session ended: the search with its verdict, and the manifest if one was written."""

    tuned: Tuned
    manifest: Path | None
    lines: tuple[str, ...]


def carry_out(asked: Asked, present: Base, work: Work) -> Ended:
    """Search, judge, write trials and plot into the folder, and the manifest where it is due."""
    asked.check()
    text(asked.name, present.spec, ())  # a name that cannot be used is told before the search, not after it
    asked.spreading.progress.start(f"tune {asked.what}", asked.trials)
    found = tune(
        work.space,
        work.training,
        work.unseen,
        work.first,
        trials=asked.trials,
        seed=asked.training_seed,
        spreading=asked.spreading,
    )
    asked.folder.mkdir(parents=True, exist_ok=True)
    draw_trials(asked.folder, found.trials, work.cost)
    lines = provenance(asked, found, work.cost)
    due = found.claimed or asked.write_anyway
    path = asked.folder / f"{asked.name}.yaml"
    if due:
        path.write_text(text(asked.name, work.spec(present, found.chosen.values), lines), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)  # one of an earlier session would pass for this one's
    figures = [_figure(index, own) for index, own in enumerate(found.gains)] + list(_measured(work, found))
    table = history("auto_tune_history", found.trials, asked.training_seed)
    plots = (("autotune_trials.png", f"Trials: {work.cost}"),)
    write_outcome(asked.folder, f"Tuning: {asked.what}", Outcome(tuple(figures), (table,), plots, lines))
    return Ended(found, path if due else None, lines)


def provenance(asked: Asked, found: Tuned, cost: str) -> tuple[str, ...]:
    """Where the parameters come from and what may be said of them, by line. No times: equal sessions, equal text."""
    present, chosen = found.trials[0], found.chosen
    changed = [f"{name} {present.values[name]:g} -> {value:g}" for name, value in chosen.values.items()]
    lines = [
        f"{found.verdict}.",
        f"Present policy {asked.base}; {', '.join(changed)}.",
        f"Cost: {cost}; training {present.told} -> {chosen.told} over {asked.training} cases,"
        f" trial {chosen.number + 1} of {len(found.trials)}.",
    ]
    for own in found.gains:
        lines.append(f"Unseen, {own}.")
        lines += [
            f"  {name}: {own.present.figures[name]:.6g} -> {value:.6g}" for name, value in own.chosen.figures.items()
        ]
    lines.append(
        f"Seeds: training and search {asked.training_seed}, unseen {asked.unseen_seed}. Simulated, nothing ran."
    )
    lines.append(f"Repeat: {asked.command} (heterosched-lab {version('heterosched-lab')})")
    return tuple(lines)


def _figure(index: int, own: Gain) -> Figure:
    name = "gain_other_seeds" if index == 0 else f"gain_other_trace_{index}"
    note = f"{own.where}; {'claimed' if own.claimed else 'not claimed'}"
    return Figure(name, own.percent, "%", "simulated", lower=own.lower, upper=own.upper, note=note)


def _measured(work: Work, found: Tuned) -> Sequence[Figure]:
    """CPU milliseconds per case with the present and the chosen parameters: told, but decisive for nothing."""
    if work.timed is None:
        return ()
    told = []
    for name, trial in (("present", found.trials[0]), ("chosen", found.chosen)):
        begin = time.process_time()
        cases = len(work.timed.sheet(trial.values).costs)
        each = (time.process_time() - begin) / cases * 1e3
        told.append(Figure(f"cpu_ms_per_decision_{name}", each, "ms", "measured", note=f"mean over {cases} cases"))
    return told
