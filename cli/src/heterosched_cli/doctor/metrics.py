"""Figures that a program tells in Prometheus' text form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

Labels: TypeAlias = tuple[str, ...]
Figures: TypeAlias = Mapping[str, Mapping[Labels, float]]
"""By name without a prefix of ours, and by the values of the labels in the order of their names."""

PREFIX = "heterosched_extender_"


def figures(text: str) -> Figures:
    """Raises ValueError for what is no such text."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name.removeprefix(PREFIX), {})[values] = float(sample.value)
    return found
