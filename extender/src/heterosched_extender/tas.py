"""What TASPolicies say of the nodes at this moment: a report, on which nobody acts.

Telemetry Aware Scheduling marks nodes by labels, for a descheduler that evicts and for others that read them. Here the
marks are told (`/v1/tas`, a metric): labels on nodes are written by nothing that has to answer within a millisecond.
"""

from __future__ import annotations

import msgspec
import numpy as np

from heterosched.model.telemetry import TAS
from heterosched.policy.table import DEFAULT
from heterosched.policy.tas import Read, Strategy, TasPolicy, reader, violations, without_figure
from heterosched_extender.snapshot import Snapshot

MOST_NAMED = 20
"""Nodes that are named of any number."""

STRATEGIES = ("dontschedule", "deschedule", "labeling")
"""Those that are violated or not; `scheduleonmetric` only puts nodes in an order."""


class _Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Camel case, as everywhere in our JSON."""


class Violated(_Wire, frozen=True, kw_only=True):
    """A strategy: how many nodes violate it, some of them with the rules at fault, and how many have no figure.

    `labels`: by node of these, what Telemetry Aware Scheduling would write there (`labeling`, `deschedule`).
    """

    strategy: str
    nodes: int
    examples: dict[str, str]
    labels: dict[str, list[str]]
    unknown: dict[str, int]


class PolicyReport(_Wire, frozen=True, kw_only=True):
    """A TASPolicy. `order` is the rule of `scheduleonmetric` in words."""

    namespace: str
    name: str
    order: str
    strategies: tuple[Violated, ...]


class TasReport(_Wire, frozen=True, kw_only=True):
    """All TASPolicies. `telemetry_error`: why figures may be missing."""

    policies: tuple[PolicyReport, ...]
    telemetry_error: str


def tas_report(snapshot: Snapshot, now: float) -> TasReport:
    """As of `now` (epoch seconds), by figures as fresh as the default policy wants them."""
    read = _reader(snapshot, now)
    found = tuple(_report(snapshot, policy, read) for _, policy in sorted(snapshot.tas.items()))
    refused = (f"{metric}: {why}" for metric, why in snapshot.refused.items() if metric.startswith(TAS))
    why = "; ".join(filter(None, (snapshot.telemetry_error, *refused)))
    return TasReport(policies=found, telemetry_error=why)


def violating(snapshot: Snapshot, now: float) -> dict[tuple[str, str, str], int]:
    """By namespace, name and strategy, how many nodes violate it; strategies without rules are left out."""
    read = _reader(snapshot, now)
    return {
        (policy.namespace, policy.name, kind): int(_broken(strategy, read, len(snapshot.nodes))[0].sum())
        for policy in snapshot.tas.values()
        for kind in STRATEGIES
        if (strategy := getattr(policy, kind)).rules
    }


def _reader(snapshot: Snapshot, now: float) -> Read:
    return reader(snapshot, now, snapshot.policies[DEFAULT].max_age_seconds)


def _report(snapshot: Snapshot, policy: TasPolicy, read: Read) -> PolicyReport:
    strategies = []
    for kind in STRATEGIES:
        strategy = getattr(policy, kind)
        if strategy.rules:
            strategies.append(_violated(snapshot, policy, kind, strategy, read))
    order = "" if policy.order is None else f"{policy.order.metric} {policy.order.operator}"
    return PolicyReport(namespace=policy.namespace, name=policy.name, order=order, strategies=tuple(strategies))


def _violated(snapshot: Snapshot, policy: TasPolicy, kind: str, strategy: Strategy, read: Read) -> Violated:
    count, names = len(snapshot.nodes), snapshot.roster.names
    broken, why = _broken(strategy, read, count)
    rows = np.flatnonzero(broken)[:MOST_NAMED].tolist()
    missing = without_figure(strategy.rules, read, count)
    return Violated(
        strategy=kind,
        nodes=int(broken.sum()),
        examples={names[row]: "; ".join(text for mask, text in why if mask[row]) for row in rows},
        labels={names[row]: found for row in rows if (found := _labels(policy, kind, strategy, read, row))},
        unknown={metric: int(mask.sum()) for metric, mask in missing.items()},
    )


def _broken(strategy: Strategy, read: Read, count: int) -> tuple[np.ndarray, list[tuple[np.ndarray, str]]]:
    why = list(violations(strategy, read))
    broken = np.zeros(count, dtype=np.bool_)
    for mask, _ in why:
        broken |= mask
    return broken, why


def _labels(policy: TasPolicy, kind: str, strategy: Strategy, read: Read, row: int) -> list[str]:
    """`deschedule` marks with the policy's name, `labeling` with the labels of its rules that hold on the node.

    Of rules that set the same key the one with the most extreme figure counts (README of Telemetry Aware Scheduling).
    """
    if kind == "deschedule":
        return [f"{policy.name}=violating"]
    extreme: dict[str, tuple[float, str]] = {}
    for rule in strategy.rules:
        for mask, _ in violations(Strategy(rules=(rule,)), read):
            values = read(rule.metric)
            if not mask[row] or values is None:
                continue
            figure = -float(values[row]) if rule.operator == "LessThan" else float(values[row])
            for label in rule.labels:
                key = label.partition("=")[0]
                if key not in extreme or figure > extreme[key][0]:
                    extreme[key] = (figure, label)
    return [f"telemetry.aware.scheduling.{policy.name}/{label}" for _, label in extreme.values()]
