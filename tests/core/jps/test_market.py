"""The matching market finds the assignment of largest value, and its prices clear it."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.jps.market import clear, fill


@st.composite
def markets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Whole valuations of up to three buyers and an idle one for up to six workers, and how many each gets."""
    buyers, workers = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    values = np.zeros((buyers + 1, workers))
    for buyer in range(buyers):
        values[buyer] = draw(st.lists(st.integers(0, 20), min_size=workers, max_size=workers))
    cuts = sorted(draw(st.lists(st.integers(0, workers), min_size=buyers, max_size=buyers)))
    return values, np.diff([0, *cuts, workers])


def exhaustive(values: np.ndarray, sizes: np.ndarray) -> float:
    owners = np.repeat(np.arange(len(sizes)), sizes)
    return float(max(values[list(plan), range(len(plan))].sum() for plan in set(itertools.permutations(owners))))


def auction(values: np.ndarray, sizes: np.ndarray) -> float:
    """Bertsekas' auction with each buyer copied as often as he buys; whole values, step below 1/workers: optimal."""
    owners = np.repeat(np.arange(len(sizes)), sizes)
    taken: dict[int, int] = {}
    step, prices = 1.0 / (len(owners) + 1), np.zeros(len(owners))
    waiting = list(range(len(owners)))
    while waiting:
        copy = waiting.pop()
        net = values[owners[copy]] - prices
        good = int(net.argmax())
        second = np.partition(net, -2)[-2] if len(net) > 1 else net[good]
        prices[good] += net[good] - second + step
        if good in taken:
            waiting.append(taken[good])
        taken[good] = copy
    return float(sum(values[owners[copy], good] for good, copy in taken.items()))


@settings(max_examples=150, deadline=None)
@given(markets())
def test_clearing_equals_trying_everything_and_an_auction(market: tuple[np.ndarray, np.ndarray]) -> None:
    values, sizes = market
    count = np.ones(values.shape[1], dtype=np.int64)
    cleared = clear(values, fill(values, sizes, count))
    assert (cleared.holding.sum(axis=1) == sizes).all()
    assert (cleared.holding.sum(axis=0) == count).all()
    welfare = (values * cleared.holding).sum()
    assert welfare == exhaustive(values, sizes)
    assert welfare == auction(values, sizes)


@settings(max_examples=150, deadline=None)
@given(markets())
def test_at_the_prices_everybody_holds_what_he_likes_best(market: tuple[np.ndarray, np.ndarray]) -> None:
    values, sizes = market
    cleared = clear(values, fill(values, sizes, np.ones(values.shape[1], dtype=np.int64)))
    net = values - cleared.prices
    for buyer, own in enumerate(cleared.holding):
        held, others = net[buyer][own > 0], net[buyer][own == 0]
        if len(held) and len(others):
            assert held.min() >= others.max() - 1e-9
    assert cleared.prices.min() >= 0


def test_classes_of_many_workers_are_traded_in_bulk() -> None:
    values = np.array([[3.0, 1.0], [2.0, 2.0], [0.0, 0.0]])
    count, sizes = np.array([300, 300]), np.array([250, 250, 100])
    poor = np.array([[0, 250], [200, 50], [100, 0]])
    cleared = clear(values, poor)
    assert cleared.holding[0].tolist() == [250, 0]
    assert (cleared.holding.sum(axis=0) == count).all()
    assert (cleared.holding.sum(axis=1) == sizes).all()
    assert (values * cleared.holding).sum() == 250 * 3 + 250 * 2
