"""The slowest link of a group of workers, and bounds of it, by classes and by enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.jps.links import attached, optimistic, slowest


@st.composite
def clusters(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Links between up to four classes (the diagonal inside them) and the workers of each."""
    classes = draw(st.integers(1, 4))
    rates = st.sampled_from([1.0, 2.0, 5.0, math.inf])
    link = np.zeros((classes, classes))
    for one, other in itertools.combinations_with_replacement(range(classes), 2):
        link[one, other] = link[other, one] = draw(rates)
    return link, np.array([draw(st.integers(1, 3)) for _ in range(classes)])


def by_pairs(link: np.ndarray, counts: np.ndarray) -> float:
    own = np.repeat(np.arange(len(counts)), counts)
    return float(min((link[one, other] for one, other in itertools.combinations(own, 2)), default=math.inf))


@settings(max_examples=100, deadline=None)
@given(clusters())
def test_all_groups_have_the_slowest_link_of_their_pairs(cluster: tuple[np.ndarray, np.ndarray]) -> None:
    link, count = cluster
    groups = np.array(list(itertools.product(*(range(number + 1) for number in count))))
    found = slowest(link, groups)
    assert found.tolist() == [by_pairs(link, own) for own in groups]
    joined = attached(link, groups)
    best = optimistic(link, count)
    for own, rates, rate in zip(groups, joined, found, strict=True):
        assert best[own.sum()] >= rate
        for good in range(len(count)):
            more = own.copy()
            more[good] += 1
            assert min(rate, rates[good]) == by_pairs(link, more)
