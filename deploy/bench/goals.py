"""The figures of the decision core beside their goals, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A figure by its keys, the limit that it is to keep and how it is found: measured times, or simulated plans."""

    figure: str
    relation: str
    limit: float
    origin: str

    def met(self, value: float) -> bool:
        """Whether the figure keeps its limit."""
        return value <= self.limit if self.relation == "<=" else value >= self.limit


GOALS = (
    Goal("wfinstances.default.mean_ratio", "<=", 0.98, "simulated"),
    Goal("wfinstances.default.worst_ratio", "<=", 1.02, "simulated"),
    Goal("wfinstances.portfolio.mean_ratio", "<=", 0.98, "simulated"),
    Goal("wfinstances.portfolio.worst_ratio", "<=", 1.02, "simulated"),
    Goal("held_out.mean_ratio", "<=", 0.98, "simulated"),
    Goal("held_out.worst_ratio", "<=", 1.02, "simulated"),
    Goal("heft.speedup_1000x8", ">=", 7.0, "measured"),
    Goal("heft.speedup_5000x8", ">=", 30.0, "measured"),
    Goal("heft.seconds_10000x1000", "<=", 5.0, "measured"),
    Goal("jps.mean_gap_percent", "<=", 0.2, "simulated"),
    Goal("jps.worst_gap_percent", "<=", 2.04, "simulated"),
    Goal("jps.exact_gap_percent", "<=", 0.0, "simulated"),
    Goal("jps.seconds_20x64", "<=", 1.5, "measured"),
    Goal("jps.seconds_100x1000", "<=", 10.0, "measured"),
    Goal("planner.seconds_1000x1000", "<=", 1.0, "measured"),
)

PLAIN = (
    ("jps.bound_gap_percent_100x1000", "simulated"),
    ("jps.enumeration.categories", "counted"),
    ("jps.enumeration.seconds_enumeration", "measured"),
    ("jps.enumeration.seconds_exact", "measured"),
    ("jps.enumeration.seconds_guided", "measured"),
    ("jps.enumeration.enumeration_gap_percent", "simulated"),
    ("jps.enumeration.guided_gap_percent", "simulated"),
)
"""Figures without a goal, and how they are found."""

UNITS = (("seconds", "s"), ("percent", "%"), ("ratio", "x"), ("speedup", "x"))
"""By a word of the figure's name."""


def value(result: Mapping[str, Any], figure: str) -> float | None:
    """The figure by its keys, joined by dots; None where it was left out."""
    found: Any = result
    for key in figure.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return None if found is None else float(found)


def rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each goal with its figure (None: left out), for whoever reads core.json."""
    return [
        {
            "figure": goal.figure,
            "value": (own := value(result, goal.figure)),
            "relation": goal.relation,
            "goal": goal.limit,
            "met": None if own is None else goal.met(own),
            "origin": goal.origin,
            "unit": next((unit for word, unit in UNITS if word in goal.figure), ""),
        }
        for goal in GOALS
    ]


def missed(result: Mapping[str, Any]) -> list[str]:
    """Figures that are there and do not keep their limit."""
    return [goal.figure for goal in GOALS if (own := value(result, goal.figure)) is not None and not goal.met(own)]


def table(result: Mapping[str, Any], expected: Mapping[str, float], wrong: list[str]) -> str:
    """One line for each figure: value, goal, whether it is met, and how it was found."""
    return "\n".join(_lines(result, expected, wrong))


def _lines(result: Mapping[str, Any], expected: Mapping[str, float], wrong: list[str]) -> Iterator[str]:
    yield _row("FIGURE", "VALUE", "GOAL", "", "ORIGIN")
    for name, own in result["exact"].items():
        yield _row(f"exact.{name}", f"{own:.9g}", f"= {expected[name]:.9g}", _word(name not in wrong), "simulated")
    for goal in GOALS:
        own = value(result, goal.figure)
        told, met = ("left out", "") if own is None else (f"{own:.4g}", _word(goal.met(own)))
        yield _row(goal.figure, told, f"{goal.relation} {goal.limit:g}", met, goal.origin)
    for figure, origin in PLAIN:
        own = value(result, figure)
        yield _row(figure, "left out" if own is None else f"{own:.4g}", "", "", origin)
    for part, reason in result["left_out"].items():
        yield f"left out: {part}: {reason}"


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


def _row(*cells: str) -> str:
    figure, own, goal, met, origin = cells
    return f"{figure:<42}{own:>14}  {goal:<14}{met:<8}{origin}"
