"""The explanation of a decision: every term, its weight after redistribution, where its data came from, and the sum.

The parts of a node add up to exactly its weighted mean, the figure behind the score that went over the wire: both come
from the same arithmetic (`heterosched.policy.score`). `Decision` is what `/v1/decisions` answers; `render` is for
people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from heterosched.policy.score import node_weights
from heterosched.policy.table import TERMS, PolicyRow
from heterosched.policy.terms import Floats


@dataclass(frozen=True)
class Provenance:
    """Where a term's data came from, how old it is on each candidate (seconds; None: no sample), why it is absent."""

    origin: str = ""
    ages: Floats | None = None
    absent: str = ""


class TermShare(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One term on one node: `part` = `weight` x `value`. `absent` says why there is no value; then weight and part are
    0.
    """

    term: str
    value: float | None
    weight: float
    part: float
    origin: str = ""
    age_seconds: float | None = None
    absent: str = ""


class NodeScore(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A candidate: the integer that the scheduler got, the weighted mean behind it (None: no term had data), its
    parts.
    """

    node: str
    device: str
    score: int
    mean: float | None
    terms: tuple[TermShare, ...]


class Rejection(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Nodes that the extender's filter turned down for one reason; `examples` names a few of the `count`."""

    reason: str
    count: int
    examples: tuple[str, ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why a pod was advised to a node. `best` is the advice, `bound` where the pod went, `asked` the node in question.

    `candidates` are the nodes that kube-scheduler's own filters had left; `difference` is best less runner-up, of the
    means. `decisive` gives that difference by term, largest first.
    """

    namespace: str
    pod: str
    uid: str
    at: str
    policy: str
    candidates: int
    best: NodeScore | None = None
    tied: int = 0
    runner_up: NodeScore | None = None
    difference: float | None = None
    decisive: dict[str, float] = {}
    rejected: tuple[Rejection, ...] = ()
    bound: str = ""
    asked: NodeScore | None = None
    asked_answer: str = ""
    remarks: tuple[str, ...] = ()


def node_score(
    node: str,
    device: str,
    score: int,
    position: int,
    values: Mapping[str, Floats | None],
    row: PolicyRow,
    provenance: Mapping[str, Provenance],
) -> NodeScore:
    """Explain the candidate at `position` of the term arrays. Terms without a weight are shown, at weight 0."""
    at = {term: _at(values.get(term), position) for term in TERMS}
    weights = node_weights(at, row.weights)
    shares = tuple(_share(term, at[term], weights.get(term, 0.0), position, provenance.get(term)) for term in TERMS)
    mean = 0.0
    for share in shares:
        mean += share.part
    return NodeScore(node=node, device=device, score=score, mean=mean if weights else None, terms=shares)


def _at(column: Floats | None, position: int) -> float | None:
    if column is None or np.isnan(column[position]):
        return None
    return float(column[position])


def _share(term: str, value: float | None, weight: float, position: int, source: Provenance | None) -> TermShare:
    source = source or Provenance()
    if value is None:
        return TermShare(term=term, value=None, weight=0.0, part=0.0, absent=source.absent or "no data for this node")
    age = None if source.ages is None or np.isnan(source.ages[position]) else float(source.ages[position])
    return TermShare(term=term, value=value, weight=weight, part=weight * value, origin=source.origin, age_seconds=age)


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


def render(decision: Decision) -> str:
    """The decision as text for people, a few lines wide enough for a terminal of 100 columns."""
    pod, count = f"{decision.namespace}/{decision.pod}", decision.candidates
    lines = [f"pod {pod}, policy {decision.policy}, {count} candidates, {decision.at}"]
    if decision.best is None:
        lines.append("no node was advised")
    else:
        tied = f", tied with {decision.tied - 1} more" if decision.tied > 1 else ""
        lines.append(f"advised {_title(decision.best)}{tied}")
        lines.extend(_table(decision.best))
    if decision.runner_up is not None and decision.difference is not None:
        why = ", ".join(f"{term} {part:+.4f}" for term, part in decision.decisive.items()) or "no term differs"
        lines.append(f"runner-up {_title(decision.runner_up)}: {decision.difference:.4f} behind ({why})")
    if decision.asked is not None:
        lines.append(f"asked about {_title(decision.asked)}")
        lines.extend(_table(decision.asked))
    if decision.asked_answer:
        lines.append(decision.asked_answer)
    for rejection in decision.rejected:
        more = ", ..." if rejection.count > len(rejection.examples) else ""
        lines.append(f"filtered {rejection.count}: {rejection.reason} ({', '.join(rejection.examples)}{more})")
    if decision.bound:
        lines.append(f"bound to {decision.bound}")
    lines.extend(decision.remarks)
    return "\n".join(lines)


def _title(node: NodeScore) -> str:
    mean = "no term has data" if node.mean is None else f"mean {node.mean:.4f}"
    return f"{node.node} ({node.device}): score {node.score}, {mean}"


def _table(node: NodeScore) -> list[str]:
    rows = []
    for share in node.terms:
        if share.value is None:
            rows.append(f"  {share.term:<8} absent: {share.absent}")
            continue
        age = "" if share.age_seconds is None else f", {share.age_seconds:.0f} s old"
        figures = f"{share.value:6.4f} x {share.weight:6.4f} = {share.part:6.4f}"
        rows.append(f"  {share.term:<8} {figures}  {share.origin}{age}")
    return rows
