"""The interface of fraction strategies, and the registry that finds them by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from heterosched.algorithms.fractions.model import SplitModel, SplitTask
from heterosched.errors import InvalidInput

ENTRY_POINTS = "heterosched.fractions"


@runtime_checkable
class FractionStrategy(Protocol):
    """Decides which part of a task a GPU takes."""

    name: str

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        """From 0 (CPU alone) to 1 (GPU alone)."""
        ...


@cache
def fraction_strategies() -> Mapping[str, type[FractionStrategy]]:
    """All installed fraction strategies by name; what is installed is looked up once."""
    return MappingProxyType({point.name: point.load() for point in entry_points(group=ENTRY_POINTS)})


def fraction_strategy(name: str, object: str = "strategy") -> FractionStrategy:
    """A fraction strategy by its name. Raises InvalidInput with the known names."""
    known = fraction_strategies()
    if name not in known:
        problem = f"unknown fraction strategy {name!r}"
        raise InvalidInput(object, "name", problem, f"use one of {', '.join(sorted(known))}")
    return known[name]()
