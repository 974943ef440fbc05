"""The fraction strategies that learn nothing: the contest's baselines and its oracle (the Hybrid ML Scheduler)."""

from __future__ import annotations

import random

from heterosched.algorithms.fractions.model import SplitModel, SplitTask

STEPS = 10
"""The oracle tries 0, 1/STEPS, ... 1."""


class RoundRobinFraction:
    """Half of every other task, nothing of those between, whatever they are."""

    name = "round_robin"

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        """0.5 for even numbers, else 0."""
        return 0.5 if task.number % 2 == 0 else 0.0


class RandomFraction:
    """Any fraction; a function of the seed and the task's number alone."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        """Uniform over 0 to 1."""
        return random.Random(f"{self._seed}/{task.number}").random()


class GreedyFraction:
    """As much as the task is suited to a GPU."""

    name = "greedy"

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        """The task's intensity."""
        return task.intensity


class OracleFraction:
    """The fastest of eleven fractions: what a strategy that knew the model would choose on that grid."""

    name = "oracle"

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        """The fraction of the least time; the smallest of equals."""
        return min((step / STEPS for step in range(STEPS + 1)), key=lambda fraction: model.seconds(task, fraction))
