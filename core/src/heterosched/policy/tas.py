"""TASPolicy objects of Intel's Telemetry Aware Scheduling, read as they are, and their rules over all nodes at once.

`telemetry.intel.com/v1alpha1` (intel/platform-aware-scheduling, telemetry-aware-scheduling: deploy/tas-policy-crd.yaml,
pkg/strategies): a strategy is violated on a node where any of its rules holds, with `logicalOperator: allOf` where all
do. A node without a figure violates nothing, as there: what is not known turns nobody away, the explanation says so.

What differs from Telemetry Aware Scheduling: a tie shares its place in the order (there the order of ties is chance),
a figure that is too old counts as none (there it counts until its series is gone), and nobody writes labels on nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec
import numpy as np

from heterosched.model.telemetry import TAS
from heterosched.policy.nodes import Flags, Floats, Scene

Operator = Literal["LessThan", "GreaterThan", "Equals"]
Read = Callable[[str], Floats | None]
"""The figures of a metric by its name in the policy, one per node (NaN: none); None where no node has one."""

THOUSANDTH: Final = 1e-3
"""The custom metrics API that the rules were written for counts in thousandths: closer figures are equal there."""

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")
"""What the schema of TASPolicy allows; the name becomes part of a query, so it is checked here again."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Holds on a node whose `metric` is below, above or at `target`. `labels` (key=value) belong to `labeling`."""

    metric: str
    operator: Operator
    target: float = 0.0
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.metric} {self.operator} {self.target:g}"


class Strategy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Violated where any rule holds, with `every` where all of them do; never without a rule."""

    rules: tuple[Rule, ...] = ()
    every: bool = False


NOTHING: Final = Strategy()


class TasPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One TASPolicy. `order` is the rule of `scheduleonmetric`: GreaterThan prefers high figures, LessThan low ones."""

    namespace: str
    name: str
    dontschedule: Strategy = NOTHING
    order: Rule | None = None
    deschedule: Strategy = NOTHING
    labeling: Strategy = NOTHING

    @property
    def key(self) -> str:
        """`TASPolicy namespace/name`."""
        return f"TASPolicy {self.namespace}/{self.name}"

    def metrics(self) -> frozenset[str]:
        """The metrics that any rule names."""
        rules = (*self.dontschedule.rules, *self.deschedule.rules, *self.labeling.rules)
        return frozenset(rule.metric for rule in (*rules, *(() if self.order is None else (self.order,))))


class _Rule(msgspec.Struct, frozen=True):
    metricname: str
    operator: Operator
    target: int | float = 0
    labels: tuple[str, ...] | None = None


# --- reading ----------------------------------------------------------------------------------------------------------


def tas_policy(namespace: str, name: str, strategies: Mapping[str, Any]) -> tuple[TasPolicy, tuple[str, ...]]:
    """The policy, and what of `spec.strategies` cannot be used: field and reason.

    Of a strategy that holds where any rule does, an unreadable rule is left out; one that needs all of them would hold
    more often without it, and is left out as a whole.
    """
    problems: list[str] = []
    read = {kind: _strategy(kind, given, problems) for kind, given in strategies.items()}
    for kind in sorted(read.keys() - {"dontschedule", "scheduleonmetric", "deschedule", "labeling"}):
        problems.append(f"spec.strategies.{kind}: there is no such strategy; it is not used")
    policy = TasPolicy(
        namespace=namespace,
        name=name,
        dontschedule=read.get("dontschedule", NOTHING),
        order=_order(read.get("scheduleonmetric", NOTHING), problems),
        deschedule=read.get("deschedule", NOTHING),
        labeling=read.get("labeling", NOTHING),
    )
    return policy, tuple(problems)


def _strategy(kind: str, given: Any, problems: list[str]) -> Strategy:
    where = f"spec.strategies.{kind}"
    body = given if isinstance(given, Mapping) else {}
    operator = body.get("logicalOperator") or "anyOf"
    if operator not in ("anyOf", "allOf"):
        problems.append(f"{where}.logicalOperator: {operator!r} is neither anyOf nor allOf; taken as anyOf")
    listed = body.get("rules")
    if not isinstance(listed, list | tuple):
        problems.append(f"{where}.rules: it is no list of rules; the strategy is not used")
        return NOTHING
    found: list[Rule] = []
    lost = False
    for number, entry in enumerate(listed):
        try:
            found.append(_rule(entry))
        except (ValueError, OverflowError) as error:  # of msgspec too
            lost = True
            problems.append(f"{where}.rules[{number}]: {error}; the rule is not used")
    if operator == "allOf" and lost:
        problems.append(f"{where}: allOf with a rule that cannot be read; the strategy is not used")
        return NOTHING
    return Strategy(rules=tuple(found), every=operator == "allOf")


def _rule(entry: Any) -> Rule:
    given = msgspec.convert(entry, _Rule)
    if not _NAME.fullmatch(given.metricname):
        raise ValueError(f"metricname {given.metricname!r} has other characters than letters, digits, _ and -")
    return Rule(metric=given.metricname, operator=given.operator, target=float(given.target), labels=given.labels or ())


def _order(strategy: Strategy, problems: list[str]) -> Rule | None:
    where = "spec.strategies.scheduleonmetric"
    if len(strategy.rules) > 1:
        problems.append(f"{where}.rules: it takes one rule; the first one counts")
    rule = next(iter(strategy.rules), None)
    if rule is not None and rule.operator == "Equals":
        problems.append(f"{where}.rules[0].operator: Equals puts nodes in no order; use LessThan or GreaterThan")
        return None
    return rule


# --- evaluation -------------------------------------------------------------------------------------------------------


def reader(scene: Scene, now: float, max_age: float) -> Read:
    """Figures of all nodes not older than `max_age` seconds at `now` (epoch seconds)."""

    def read(metric: str) -> Floats | None:
        sensor = scene.sensors.get(TAS + metric)
        return None if sensor is None else sensor.fresh(now, max_age)

    return read


def holds(rule: Rule, values: Floats) -> Flags:
    """On which nodes the rule holds; never where there is no figure (NaN)."""
    if rule.operator == "LessThan":
        found: Flags = values < rule.target
    elif rule.operator == "GreaterThan":
        found = values > rule.target
    else:
        found = np.abs(values - rule.target) < THOUSANDTH
    return found


def violations(strategy: Strategy, read: Read) -> Iterator[tuple[Flags, str]]:
    """Nodes that violate the strategy, with the rules at fault in words; a node may come more than once."""
    columns = [(rule, read(rule.metric)) for rule in strategy.rules]
    known = [(rule, values) for rule, values in columns if values is not None]
    if not strategy.every:
        yield from ((holds(rule, values), str(rule)) for rule, values in known)
    elif known and len(known) == len(columns):
        every = np.logical_and.reduce([holds(rule, values) for rule, values in known])
        yield every, " and ".join(str(rule) for rule, _ in known)


def without_figure(rules: Iterable[Rule], read: Read, count: int) -> dict[str, Flags]:
    """By metric of the rules the nodes, of `count`, that have no figure for it; metrics that all have are left out."""
    found: dict[str, Flags] = {}
    for metric in dict.fromkeys(rule.metric for rule in rules):
        values = read(metric)
        missing = np.ones(count, dtype=np.bool_) if values is None else np.isnan(values)
        if missing.any():
            found[metric] = missing
    return found


def ordinal(rule: Rule, values: Floats | None) -> Floats | None:
    """The place of each node in the order of `scheduleonmetric`: 1 the first, 0 the last, equal figures share one.

    Ordinal as in Telemetry Aware Scheduling: by how much the figures differ does not matter. NaN without a figure.
    """
    if values is None:
        return None
    known = ~np.isnan(values)
    if not known.any():
        return None
    places, place = np.unique(values[known], return_inverse=True)
    share = place / max(len(places) - 1, 1)
    found = np.full(len(values), np.nan)
    found[known] = share if rule.operator == "GreaterThan" else 1.0 - share
    if len(places) == 1:
        found[known] = 1.0
    return found
