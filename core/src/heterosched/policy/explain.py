"""From a case to its explanation: the decision is made again on the very same input, with every term shown.

The parts of a node add up to exactly its weighted mean, the figure behind the score that went over the wire: both come
from the same arithmetic (`heterosched.policy.score`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from heterosched.policy.decide import Case, Scores
from heterosched.policy.decision import Alternative, Decision, NodeScore, Rejection, TermShare
from heterosched.policy.inputs import Columns, Provenance, constants, inputs_at, provenance, raw_inputs
from heterosched.policy.nodes import Floats
from heterosched.policy.remarks import remarks
from heterosched.policy.score import node_weights
from heterosched.policy.staleness import stale_samples, with_stale
from heterosched.policy.table import TERMS, PolicyRow
from heterosched.policy.terms import runs_on
from heterosched.units import format_time

MOST_ALTERNATIVES: Final = 5
"""Candidates that lost and are named all the same."""


def explain(case: Case, node: str = "") -> Decision:
    """The decision for a pod; with `node` also why it was, or was not, that one."""
    asked, scores = case.asked, case.scores()
    told = _Teller(case, scores)
    ranked = _ranked(scores)
    best, rest = (ranked[0], ranked[1:]) if ranked else (None, [])
    first = told.at(best) if best is not None else None
    second = told.at(rest[0]) if rest else None
    score, answer = _about(node, told) if node else (None, "")
    return Decision(
        namespace=asked.namespace,
        pod=asked.name,
        uid=asked.uid,
        at=format_time(case.at),
        policy=asked.ask.row.name,
        candidates=len(case.rows) + len(case.rejected) + len(case.unknown),
        best=first,
        tied=int((scores.integers == scores.integers[best]).sum()) if best is not None else 0,
        runner_up=second,
        difference=None if first is None or second is None else (first.mean or 0.0) - (second.mean or 0.0),
        decisive={} if first is None or second is None else difference_by_term(first, second),
        rejected=group_rejections(case.rejected.items()),
        bound=case.bound,
        asked=score,
        asked_answer=answer,
        remarks=remarks(case),
        alternatives=() if first is None else tuple(told.lost(first, position) for position in rest),
        planned=_planned(case),
        hook=asked.hook,
    )


def node_score(
    node: str,
    device: str,
    score: int,
    position: int,
    values: Mapping[str, Floats | None],
    row: PolicyRow,
    sources: Mapping[str, Provenance],
    raw: Mapping[str, Columns] | None = None,
) -> NodeScore:
    """Explain the candidate at `position` of the term arrays. Terms without a weight are shown, at weight 0."""
    at = {term: _at(values.get(term), position) for term in TERMS}
    weights = node_weights(at, row.weights)
    shares = []
    mean = 0.0
    for term in TERMS:
        inputs = inputs_at((raw or {}).get(term, {}), position)
        share = _share(term, at[term], weights.get(term, 0.0), position, sources.get(term, Provenance()), inputs, row)
        shares.append(share)
        mean += share.part
    return NodeScore(node=node, device=device, score=score, mean=mean if weights else None, terms=tuple(shares))


def _at(column: Floats | None, position: int) -> float | None:
    if column is None or np.isnan(column[position]):
        return None
    return float(column[position])


def _share(
    term: str,
    value: float | None,
    weight: float,
    position: int,
    source: Provenance,
    inputs: dict[str, float],
    row: PolicyRow,
) -> TermShare:
    own = row.weights.get(term, 0)
    if value is None:
        return TermShare(
            term=term,
            value=None,
            weight=0.0,
            part=0.0,
            absent=source.absent or "no data for this node",
            policy_weight=own,
            inputs=inputs,
            constants=constants(term, row),
        )
    age = None if source.ages is None or np.isnan(source.ages[position]) else float(source.ages[position])
    return TermShare(
        term=term,
        value=value,
        weight=weight,
        part=weight * value,
        origin=source.origin,
        age_seconds=age,
        policy_weight=own,
        inputs=inputs,
        constants=constants(term, row),
    )


def difference_by_term(best: NodeScore, other: NodeScore) -> dict[str, float]:
    """How much of the difference of two means each term makes, largest first; terms that make none are left out."""
    parts = {a.term: a.part - b.part for a, b in zip(best.terms, other.terms, strict=True)}
    return {term: part for term, part in sorted(parts.items(), key=lambda item: -abs(item[1])) if part}


def group_rejections(reasons: Iterable[tuple[str, str]], examples: int = 3) -> tuple[Rejection, ...]:
    """Rejected (node, reason) pairs by reason, most frequent first."""
    grouped: dict[str, list[str]] = {}
    for node, reason in reasons:
        grouped.setdefault(reason, []).append(node)
    return tuple(
        Rejection(reason=reason, count=len(nodes), examples=tuple(nodes[:examples]))
        for reason, nodes in sorted(grouped.items(), key=lambda item: -len(item[1]))
    )


class _Teller:
    """Explains single candidates of one case."""

    def __init__(self, case: Case, scores: Scores) -> None:
        self.case = case
        self._scores = scores
        self._sources = provenance(case)
        self._raw = raw_inputs(case, scores)
        self._stale = stale_samples(case)

    def at(self, position: int) -> NodeScore:
        """The candidate at this position of the rows."""
        scene, row = self.case.scene, int(self.case.rows[position])
        score = node_score(
            node=scene.roster.names[row],
            device=scene.nodes.devices[scene.nodes.device[row]],
            score=int(self._scores.integers[position]),
            position=position,
            values=self._scores.values,
            row=self.case.asked.ask.row,
            sources=self._sources,
            raw=self._raw,
        )
        return with_stale(score, self._stale, position)

    def lost(self, best: NodeScore, position: int) -> Alternative:
        """The candidate at this position beside the best one."""
        own = self.at(position)
        mean = own.mean or 0.0
        return Alternative(
            node=own.node,
            device=own.device,
            score=own.score,
            mean=mean,
            difference=(best.mean or 0.0) - mean,
            decisive=difference_by_term(best, own),
        )


def _ranked(scores: Scores) -> list[int]:
    """Positions of the best candidate and of those behind it by their means; empty where no term says anything."""
    if scores.best < 0:
        return []
    order = np.argsort(-scores.raw, kind="stable")  # NaN, a candidate without any term, comes last
    known = [int(position) for position in order[: MOST_ALTERNATIVES + 2] if not np.isnan(scores.raw[position])]
    return [scores.best, *[position for position in known if position != scores.best][:MOST_ALTERNATIVES]]


def _about(node: str, told: _Teller) -> tuple[NodeScore | None, str]:
    case = told.case
    if node in case.rejected:
        return None, f"{node} was turned down: {case.rejected[node]}"
    row = case.scene.roster.index.get(node)
    if row is None:
        return None, f"{node} was not known when the pod was scheduled: check the name"
    found = np.flatnonzero(case.rows == row)
    if not len(found):
        return None, f"{node} was no candidate: {_why_not_asked(case, row)}"
    return told.at(int(found[0])), ""


def _why_not_asked(case: Case, row: int) -> str:
    """The likely reason for which kube-scheduler did not ask about a node."""
    ask, nodes = case.asked.ask, case.scene.nodes
    device = runs_on(nodes.devices[int(nodes.device[row])], ask.gpus, ask.seconds)
    if ask.planned_device and device not in (*ask.seconds, ask.planned_device):
        able = ", ".join(sorted({*ask.seconds, ask.planned_device}))
        return f"it offers {device}, and the plan's node affinity asks for {able}"
    return (
        "kube-scheduler's own filters had ruled it out: its capacity, taints, or the pod's node affinity and selector"
    )


def _planned(case: Case) -> str:
    """The plan's word and its grounds: the planner's own, else what the task takes on each device type it may use."""
    asked, ask = case.asked, case.asked.ask
    if not ask.planned:
        return ""
    names = [case.scene.roster.names[row] for row in ask.planned if row >= 0] or ["a node that is gone"]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    task = f"task {asked.task} of {asked.job}" if asked.task else "the pod"
    there = f"planned for {task}: {shown}" + (f" ({ask.planned_device})" if ask.planned_device else "")
    if asked.because:
        return f"{there}: {asked.because}"
    own = _figures(case, ask.planned_device)
    others = [f"{device} {_figures(case, device)}" for device in ask.seconds if device != ask.planned_device]
    return there + (f", {own}" if own else "") + (f"; elsewhere {', '.join(sorted(others))}" if others else "")


def _figures(case: Case, device: str) -> str:
    ask = case.asked.ask
    seconds, watts = ask.seconds.get(device), ask.watts.get(device)
    if seconds is None:
        return ""
    return f"{seconds:g} s" if watts is None else f"{seconds:g} s and {seconds * watts:g} J"
