"""Why a task goes where it goes, in a line: its way, the best other one, and what weighed.

No times that pass stand in it, so that it changes only when the decision does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from heterosched.algorithms.base import Objective
from heterosched.model import Assignment, Option, Task

COMPARING = frozenset({"heft", "cpop", "peft", "lookahead_heft", "energy_heft", "portfolio", "edf", "greedy"})
"""Strategies that look for where a task finishes first, or best; others place by a rule of their own."""

WEIGHING = frozenset({"energy_heft", "portfolio"})
"""Those that weigh time against energy; to the others time alone counts."""

LIMIT = "limit"
"""The rule of a way that was taken for the sake of a deadline or an energy budget."""

DUE = "due"
"""The rule of a way of a job that has a deadline: the strategies that compare ways know it."""


def because(task: Task, own: Assignment, objective: Objective, strategy: str, rule: str = "") -> str:
    """The reason for an assignment that the strategy made, weighed as the strategy weighs time and energy."""
    if not task.known:
        return f"no run time is known: {strategy} took the first place that fits ({own.option.device})"
    reason = _compared(task, own.option, objective if strategy in WEIGHING else Objective(1.0, 0.0), strategy, rule)
    return f"{reason}; {_left_out(task)}" if task.unrated else reason


def _left_out(task: Task) -> str:
    return f"not on {', '.join(task.unrated)}, where no run time is known"


def _compared(task: Task, chosen: Option, objective: Objective, strategy: str, rule: str) -> str:
    others = [option for option in task.options if option != chosen]
    if not others:
        return f"{_told(chosen)}; it is the only way to run it"
    soonest = min(option.seconds for option in task.options)
    least = min(option.joules for option in task.options)

    def worth(option: Option) -> float:
        economy = least / option.joules if option.joules > 0 else 1.0
        return objective.time * soonest / option.seconds + objective.energy * economy

    second = max(others, key=worth)
    weights = f"time {objective.time:g} and energy {objective.energy:g}" if objective.energy else "time"
    if worth(chosen) >= worth(second):
        return f"{_told(chosen)}; better by {weights} than {_told(second)}"
    if rule == LIMIT:
        why = "the deadline or the energy budget asked for this one"
    elif strategy in COMPARING:
        late = " or too slow for the deadline" if rule == DUE else ""
        why = f"{strategy} found it taken, farther off, of more use to another task{late}"
    else:
        why = f"{strategy} does not compare them"
    return f"{_told(chosen)}; {_told(second)} would be better by {weights} but {why}"


def because_sized(own: Assignment, devices: Mapping[str, str], equal_seconds: float, sentence: str) -> str:
    """The reason for a training task that JPS has sized. `devices`: type of each node; `sentence`: of the answer."""
    kinds = Counter(devices[node] for node in own.nodes)
    parts = " and ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    told = f"{parts}: {own.option.seconds:.6g} s{_doubt(own.option)}, {own.option.joules:.6g} J"
    told += f"; an equal split: {equal_seconds:.6g} s"
    return f"{told}. {sentence}"


def _told(option: Option) -> str:
    many = f"{option.workers} x " if option.workers > 1 else ""
    joules = f", {option.joules:.6g} J" if option.joules > 0 else ""
    cap = f" capped at {option.cap_watts:g} W" if option.cap_watts else ""
    return f"{many}{option.device}{cap} ({option.seconds:.6g} s{_doubt(option)}{joules})"


def _doubt(option: Option) -> str:
    """A mark on seconds that were concluded from another device type, or learned from runs."""
    if option.scaled_from:
        return f", low confidence: scaled from {option.scaled_from}"
    return "" if option.percent is None else f" by finished runs, {option.percent} % sure"
