"""Counters of the hot path: plain numbers, because the loop is their only writer. `metrics` turns them into series."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from heterosched.policy.decide import Asked, Scores
from heterosched.policy.terms import Ask, runs_on

BUCKETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds of the latency histogram, seconds; the scheduler waits for at most its `httpTimeout`."""

VERBS = ("filter", "strict_filter", "prioritize", "preempt", "strict_preempt")


@dataclass(slots=True)
class Histogram:
    """Counts per bucket (the last one has no bound) and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def observe(self, value: float) -> None:
        """One more value, in seconds."""
        self.counts[bisect_left(BUCKETS, value)] += 1
        self.total += value


@dataclass(slots=True)
class Stats:
    """Since the process started."""

    seconds: dict[str, Histogram] = field(default_factory=lambda: {verb: Histogram() for verb in VERBS})
    candidates: Counter[str] = field(default_factory=Counter)
    neutral: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    absent: Counter[str] = field(default_factory=Counter)
    predicted_joules: dict[str, float] = field(default_factory=dict)
    hook_failures: Counter[str] = field(default_factory=Counter)
    bound_as_advised: int = 0
    bound_elsewhere: int = 0
    bound_without_advice: int = 0
    bound_undecided: int = 0

    def scored(self, asked: Asked, scores: Scores) -> None:
        """A pod got scores."""
        self.decisions[asked.ask.row.name] += 1
        if asked.hook is not None and asked.hook.problem:
            self.hook_failures[asked.hook.hook] += 1
        for term, weight in asked.ask.row.weights.items():
            if weight and scores.values.get(term) is None:
                self.absent[term] += 1

    def advised(self, ask: Ask, device: str) -> None:
        """A node with `device` was best: what the pod will take there by its own figures, where it has any."""
        runs = runs_on(device, ask.gpus, ask.seconds)
        seconds, watts = ask.seconds.get(runs), ask.watts.get(runs)
        if seconds is not None and watts is not None:
            self.predicted_joules[ask.row.name] = self.predicted_joules.get(ask.row.name, 0.0) + seconds * watts
