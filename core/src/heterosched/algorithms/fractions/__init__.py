"""Which part of one task a GPU should take: a second, smaller kind of strategy (the Hybrid ML Scheduler's contest)."""

from heterosched.algorithms.fractions.base import FractionStrategy, fraction_strategies, fraction_strategy
from heterosched.algorithms.fractions.model import Outcome, SplitModel, SplitTask, estimated_seconds

__all__ = [
    "FractionStrategy",
    "Outcome",
    "SplitModel",
    "SplitTask",
    "estimated_seconds",
    "fraction_strategies",
    "fraction_strategy",
]
