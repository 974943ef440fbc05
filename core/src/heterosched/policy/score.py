"""From terms to a score: a weighted mean over the terms that have data, and the integers that go over the wire.

A term that is absent on a node gives its weight to that node's other terms, in proportion to theirs. It is done per
node, not per term: one node whose exporter is down does not take the temperature of all others out of the decision.
The price is that such a node is judged as if the missing figure were as good as its own average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from heterosched.policy.nodes import Floats, Ints
from heterosched.policy.table import TERMS

MAX_SCORE = 10
"""Largest score that the scheduler's extender protocol knows (`MaxExtenderPriority`)."""

SAME = 1e-9
"""Weighted means that differ by less are the same: sums of floats carry rounding noise."""


def node_weights(values: Mapping[str, float | None], weights: Mapping[str, int]) -> dict[str, float]:
    """Weight of each term on one node after redistribution, by term in their order; empty where no term has data."""
    present = [term for term in TERMS if weights.get(term, 0) and _given(values.get(term))]
    total = float(sum(weights[term] for term in present))
    return {term: weights[term] / total for term in present}


def _given(value: float | None) -> bool:
    return value is not None and not np.isnan(value)


def weigh(values: Mapping[str, Floats | None], weights: Mapping[str, int], count: int) -> Floats:
    """Weighted mean of the terms on each of `count` nodes, in [0, 1]; NaN where a node has no term at all.

    The sum runs over the terms in the order of the table with the weights of `node_weights`, so that the shares of an
    explanation add up to exactly this figure.
    """
    used = [
        (float(weights[term]), column)
        for term in TERMS
        if weights.get(term, 0) and (column := values.get(term)) is not None
    ]
    if not used:
        return np.full(count, np.nan)
    total = sum(weight for weight, _ in used)
    raw = np.zeros(count)
    for weight, column in used:
        raw += weight / total * column
    return _weigh_with_gaps(used, count) if np.isnan(raw).any() else raw


def _weigh_with_gaps(used: Sequence[tuple[float, Floats]], count: int) -> Floats:
    gaps = [np.isnan(column) for _, column in used]
    total = np.zeros(count)
    for (weight, _), gap in zip(used, gaps, strict=True):
        total += np.where(gap, 0.0, weight)
    nothing = total == 0
    total[nothing] = np.nan
    raw = np.zeros(count)
    for (weight, column), gap in zip(used, gaps, strict=True):
        raw += np.where(gap, 0.0, weight / total * column)
    raw[nothing] = np.nan
    return raw


def integers(raw: Floats) -> Ints:
    """Scores 0..10 that keep the winner: 10 for the best node(s) alone, the others by their share of the best, 9 at
    most.

    The order is kept (equal scores for close nodes). Nodes without any term get 0; so do all when none has one.
    """
    if not len(raw):
        return np.zeros(0, dtype=np.int64)
    if np.isnan(raw.max()):
        known = ~np.isnan(raw)
        scores: Ints = np.zeros(len(raw), dtype=np.int64)
        scores[known] = integers(raw[known])
        return scores
    best = raw.max()
    share = raw * (MAX_SCORE / best) if best > SAME else np.zeros(len(raw))
    scores = np.minimum(share.astype(np.int64), MAX_SCORE - 1)
    scores[raw >= best - SAME] = MAX_SCORE
    return scores


def single_best(scores: Ints) -> Ints:
    """The same scores with one best node, the first of several: the scheduler would choose among them at random."""
    best = np.flatnonzero(scores == MAX_SCORE)
    if len(best) > 1:
        scores[best[1:]] = MAX_SCORE - 1
    return scores
