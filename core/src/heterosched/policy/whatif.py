"""A recorded decision made again with something else: another policy, other nodes, other measurements.

Nothing else changes: the moment, the pod, the free capacity and the cores of pods just advised are those of the record.
With no change at all the answer is the recorded one, byte for byte.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from heterosched.errors import InvalidInput
from heterosched.policy.decide import Case, reject
from heterosched.policy.decision import Decision, NodeScore
from heterosched.policy.explain import explain
from heterosched.policy.hooks import Occasion, PolicyHook, adjusted
from heterosched.policy.nodes import SENSED, Ints, Sensor
from heterosched.policy.rates import queries_of
from heterosched.policy.table import PolicyRow


@dataclass(frozen=True)
class Changes:
    """What is to be different. `without`, `added`: nodes that are no candidates, or are in any case.

    `telemetry`: (metric, node) -> value as if it had just been measured; NaN: as if it had never been.
    """

    policy: PolicyRow | None = None
    without: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    telemetry: Mapping[tuple[str, str], float] = field(default_factory=dict)


class Comparison(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Both decisions and, in words, what is different; `changed` is empty where they are the same."""

    recorded: Decision
    replayed: Decision
    changed: tuple[str, ...]


def what_if(case: Case, changes: Changes, hooks: Mapping[str, PolicyHook]) -> Comparison:
    """Decide again. Raises InvalidInput (a node or metric that the record does not know, no candidate left)."""
    changed = apply(case, changes, hooks)
    recorded, replayed = explain(case), explain(changed)
    asked = explain(changed, recorded.best.node) if recorded.best is not None else replayed
    words = differences(recorded, replayed, asked, changes.without)
    return Comparison(recorded=recorded, replayed=replayed, changed=words)


def apply(case: Case, changes: Changes, hooks: Mapping[str, PolicyHook]) -> Case:
    """The case with the changes made. Raises InvalidInput."""
    new = _measured(case, changes)
    if changes.policy is not None:
        new = _by_policy(new, changes.policy, hooks)
    return _on_nodes(new, case, changes)


def _by_policy(case: Case, row: PolicyRow, hooks: Mapping[str, PolicyHook]) -> Case:
    asked, effect = case.asked, None
    if row.hook:
        ask = asked.ask
        occasion = Occasion(asked.namespace, case.at, ask.gpus, ask.cores, ask.seconds, ask.watts, ask.planned_device)
        row, effect = adjusted(row, occasion, hooks)
    return replace(case, asked=replace(asked, ask=replace(asked.ask, row=row), hook=effect))


def _measured(case: Case, changes: Changes) -> Case:
    telemetry, settable = changes.telemetry, _settable(case, changes)
    sensors = dict(case.scene.sensors)
    nothing = np.full(len(case.scene.nodes), np.nan)
    for (metric, node), value in telemetry.items():
        if metric not in settable:
            raise InvalidInput("--set", metric, "no score term reads this metric", f"use one of {', '.join(settable)}")
        row = _row(case, node, "--set")
        old = sensors.get(metric)
        values = nothing.copy() if old is None else old.values.copy()
        sampled = nothing.copy() if old is None else old.sampled.copy()
        values[row], sampled[row] = value, np.nan if np.isnan(value) else case.at
        sensor = Sensor.of(values, sampled, "" if old is None else old.origin)
        if sensor is None:
            sensors.pop(metric, None)
        else:
            sensors[metric] = sensor
    return replace(case, scene=replace(case.scene, sensors=sensors)) if telemetry else case


def _settable(case: Case, changes: Changes) -> tuple[str, ...]:
    """What terms read anyway, and what policies ask for: those of the record's cluster and the one to be tried."""
    rows = (*case.scene.policies.values(), *(() if changes.policy is None else (changes.policy,)))
    asked = sorted({*queries_of(rows), *case.scene.sensors} - {*SENSED})
    return (*SENSED, *asked)


def _on_nodes(new: Case, old: Case, changes: Changes) -> Case:
    """Candidates and rejections: what the filter says of the changed case less what it said of the recorded one."""
    without = {_row(old, node, "--without") for node in changes.without}
    added = {_row(old, node, "--with") for node in changes.added}
    names, index = old.scene.roster.names, old.scene.roster.index
    turned_down = [index[node] for node in old.rejected if node in index]
    offered = sorted(({*old.rows.tolist(), *turned_down} | added) - without)
    rows = np.array(offered, dtype=np.int64)
    when = old.filtered_at or old.at
    before = reject(old.scene, old.asked, rows, old.strict, when)
    after = reject(new.scene, new.asked, rows, new.strict, when)
    gone = {names[row] for row in without} | {names[row] for row in added}
    kept = {node: why for node, why in old.rejected.items() if node not in gone}
    rejected = {node: why for node, why in kept.items() if node in after or node not in before}
    rejected.update({node: str(why) for node, why in after.items() if before.get(node) != why and node not in gone})
    left = [row for row in offered if names[row] not in rejected]
    if not left:
        raise InvalidInput("what-if", "", "no candidate is left", "take fewer nodes away, or add some with --with")
    return replace(new, rows=_same(old.rows, left), rejected=rejected)


def _same(rows: Ints, left: list[int]) -> Ints:
    return rows if rows.tolist() == left else np.array(left, dtype=np.int64)


def _row(case: Case, node: str, option: str) -> int:
    row = case.scene.roster.index.get(node)
    if row is None:
        names = case.scene.roster.names
        known = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise InvalidInput(option, node, "the record knows no such node", f"it knows {known}")
    return row


def differences(
    recorded: Decision, replayed: Decision, about_best: Decision, without: Collection[str] = ()
) -> tuple[str, ...]:
    """What is different, most important first; `about_best`: the replay asked about the node that was best before.

    `without`: the nodes that were taken away.
    """
    found = [*_advice(recorded, replayed, about_best, without)]
    if recorded.policy != replayed.policy:
        found.append(f"policy {recorded.policy} -> {replayed.policy}")
    if recorded.candidates != replayed.candidates:
        found.append(f"candidates {recorded.candidates} -> {replayed.candidates}")
    old, new = ({reason.reason: reason for reason in decision.rejected} for decision in (recorded, replayed))
    for reason in {**old, **new}:
        if (was := old[reason].count if reason in old else 0) != (now := new[reason].count if reason in new else 0):
            found.append(f"turned down because a node {reason}: {was} -> {now}")
    if not found and msgspec.json.encode(recorded) != msgspec.json.encode(replayed):
        found.append("the advice is the same, on other figures")
    return tuple(found)


def _advice(recorded: Decision, replayed: Decision, about_best: Decision, without: Collection[str]) -> list[str]:
    old, new = recorded.best, replayed.best
    if old is None or new is None:
        words = [f"{best.node} advised" if best is not None else "no node advised" for best in (old, new)]
        return [f"{words[0]} -> {words[1]}"] if words[0] != words[1] else []
    if old.node == new.node:
        lead = "" if recorded.difference == replayed.difference else _lead(recorded, replayed)
        return [f"{old.node} is still advised{lead}"] if lead or old.mean != new.mean else []
    moved = f"advised {old.node} -> {new.node}"
    if old.node in without:
        return [moved, f"{old.node} is no candidate any more: it was taken out by --without"]
    return [moved, *_fall(old, new, about_best)]


def _lead(recorded: Decision, replayed: Decision) -> str:
    was, now = (decision.difference for decision in (recorded, replayed))
    shown = ["no other" if lead is None else f"{lead:.4f}" for lead in (was, now)]
    return f", ahead of the next by {shown[1]} instead of {shown[0]}"


def _fall(old: NodeScore, new: NodeScore, about_best: Decision) -> list[str]:
    """Why the node that was best no longer is."""
    own = about_best.asked
    if own is None:
        return [about_best.asked_answer]
    parts = {a.term: a.part - b.part for a, b in zip(new.terms, own.terms, strict=True)}
    decisive = sorted(parts.items(), key=lambda item: -abs(item[1]))
    words = ", ".join(f"{term} {part:+.4f}" for term, part in decisive if part)
    behind = (new.mean or 0.0) - (own.mean or 0.0)
    if not words:
        return [
            f"{old.node} now is as good as {new.node}: score {own.score}, mean {own.mean or 0.0:.4f}, by every term"
        ]
    return [f"{old.node} now has score {own.score}, mean {own.mean or 0.0:.4f}, {behind:.4f} behind ({words})"]
