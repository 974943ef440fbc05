"""Every packing policy places only where a pod fits, alike for one node or many, and does what its paper says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.algorithms.base import strategies
from heterosched.algorithms.packing import (
    MILLI,
    Ask,
    Asks,
    Fleet,
    Outlook,
    Packing,
    Typical,
    WattTable,
    packing,
    packings,
    typical,
)
from heterosched.errors import InvalidInput
from heterosched.model.power import PowerModel

NAMES = sorted(packings())
MODELS = ("t4", "a10", "a100")
POWERS = (PowerModel(10.0, 70.0), PowerModel(30.0, 150.0), PowerModel(50.0, 400.0))
SHARE, ONE, TWO, CPU_ONLY = Ask(4000, 500, 1), Ask(8000, MILLI, 1), Ask(16000, MILLI, 2), Ask(8000)
POPULATION = [SHARE] * 5 + [ONE] * 4 + [TWO] + [CPU_ONLY] * 2


def some_fleet(*nodes: tuple[str, int, int]) -> Fleet:
    """Idle nodes as (model, GPUs, thousandths of cores)."""
    names, gpus, cores = zip(*nodes, strict=True)
    return Fleet.idle(MODELS, names, cores, [10**6] * len(nodes), gpus)


def outlook() -> Outlook:
    return Outlook(Typical(typical(POPULATION), MODELS), WattTable.of(POWERS))


def winner(policy: Packing, fleet: Fleet, ask: Ask) -> tuple[int, int]:
    """Node and GPU that the policy chooses."""
    ways = Asks([ask], MODELS).ways(fleet)
    rated = policy.rate(fleet, ways, outlook())
    best = ways.first_best(rated[0])
    place = best[int(np.argmax(policy.decide(rated[:, best], np.random.default_rng(1))))]
    return int(ways.node[place]), int(ways.gpu[place])


asks = st.one_of(
    st.builds(Ask, st.integers(0, 64000)),
    st.builds(lambda cores, milli: Ask(cores, milli, 1), st.integers(0, 64000), st.integers(1, 999)),
    st.builds(lambda cores, gpus: Ask(cores, MILLI, gpus), st.integers(0, 64000), st.integers(1, 4)),
)
nodes = st.tuples(st.sampled_from(MODELS), st.integers(0, 4), st.integers(0, 128000))


def test_the_published_policies_and_ours_are_registered() -> None:
    published = {"fgd", "pwr", "pwr_fgd", "best_fit", "dot_product", "gpu_packing", "gpu_clustering", "random"}
    assert set(NAMES) >= published | {"frugal"}
    assert set(strategies()) >= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_is_what_its_name_says(name: str) -> None:
    assert isinstance(packing(name), Packing)
    assert packing(name).name == name


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"unknown packing policy 'magic'; use one of .*fgd"):
        packing("magic")


@pytest.mark.parametrize(("milli", "gpus"), [(500, 2), (0, 1), (1001, 1), (5, 0)])
def test_a_request_that_makes_no_sense_is_refused(milli: int, gpus: int) -> None:
    with pytest.raises(InvalidInput, match="share of one GPU"):
        Ask(1000, milli, gpus)
    with pytest.raises(InvalidInput, match="negative"):
        Ask(-1)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(nodes, min_size=1, max_size=5), st.lists(asks, min_size=1, max_size=12))
def test_no_policy_uses_anything_twice(some: list[tuple[str, int, int]], pods: list[Ask]) -> None:
    for name in NAMES:
        fleet = some_fleet(*some)
        for ask in pods:
            if len(Asks([ask], MODELS).ways(fleet)):
                fleet.take(winner(packing(name), fleet, ask)[0], ask, winner(packing(name), fleet, ask)[1])
        assert (fleet.free_cores >= 0).all() and (fleet.free_memory >= 0).all(), name
        assert ((fleet.free >= 0) == (np.arange(fleet.free.shape[1]) < fleet.gpus[:, None])).all(), name


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(nodes, min_size=1, max_size=5), st.lists(asks, max_size=8), st.lists(asks, min_size=1, max_size=5))
def test_a_node_is_rated_alike_alone_and_among_others(
    some: list[tuple[str, int, int]], before: list[Ask], pods: list[Ask]
) -> None:
    """The simulator works out one changed node at a time, production all nodes for one pod: one figure."""
    fleet = some_fleet(*some)
    for ask in before:
        ways = Asks([ask], MODELS).ways(fleet)
        if len(ways):
            fleet.take(int(ways.node[0]), ask, int(ways.gpu[0]))
    several = Asks(pods, MODELS)
    for name in NAMES:
        policy, whole = packing(name), several.ways(fleet)
        rated = policy.rate(fleet, whole, outlook())
        for node in range(len(fleet)):
            row = fleet.row(node)
            alone = policy.rate(row, several.ways(row), outlook())
            np.testing.assert_array_equal(alone, rated[:, whole.node == node], err_msg=name)


def test_filters_let_through_only_what_fits() -> None:
    fleet = some_fleet(("t4", 2, 32000), ("a100", 1, 32000), ("a10", 2, 4000))
    assert Asks([TWO], MODELS).ways(fleet).node.tolist() == [0]
    assert Asks([Ask(1000, 500, 1, ("a100",))], MODELS).ways(fleet).node.tolist() == [1]
    assert Asks([Ask(1000, memory=10**7)], MODELS).ways(fleet).node.tolist() == []


def test_typical_are_the_most_frequent_shapes_with_weights_that_sum_to_one() -> None:
    found = typical([*POPULATION * 10, Ask(1)], covered=0.95)
    assert [ask for ask, _ in found][:2] == [SHARE, ONE]
    assert Ask(1) not in dict(found)
    assert sum(weight for _, weight in found) == pytest.approx(1.0)


def test_fgd_keeps_whole_gpus_for_those_who_need_them() -> None:
    fleet = some_fleet(("a10", 2, 64000), ("a10", 2, 64000))
    fleet.take(1, SHARE, 0)
    assert winner(packing("fgd"), fleet, SHARE) == (1, 0)


def test_pwr_prefers_what_draws_less_and_what_is_awake() -> None:
    fleet = some_fleet(("a100", 2, 64000), ("t4", 2, 64000))
    assert winner(packing("pwr"), fleet, ONE)[0] == 1
    fleet.take(0, SHARE, 1)
    assert winner(packing("pwr"), fleet, SHARE) == (0, 1)


def test_watts_are_idle_for_what_is_free_and_full_for_any_use() -> None:
    fleet, watts = some_fleet(("t4", 2, 64000)), WattTable.of(POWERS)
    assert watts.fleet(fleet).tolist() == [2 * 10.0 + 2 * 15.0]
    fleet.take(0, SHARE, 0)
    assert watts.fleet(fleet).tolist() == [10.0 + 70.0 + 120.0 + 15.0]


@given(st.lists(nodes, min_size=1, max_size=4), asks)
def test_watts_added_are_the_difference_that_the_placement_makes(some: list[tuple[str, int, int]], ask: Ask) -> None:
    fleet, watts = some_fleet(*some), WattTable.of(POWERS, curved=True)
    ways = Asks([ask], MODELS).ways(fleet)
    for place, added in enumerate(watts.increase(fleet, ways)):
        after = some_fleet(*some)
        after.take(int(ways.node[place]), ask, int(ways.gpu[place]))
        assert watts.fleet(after).sum() - watts.fleet(fleet).sum() == pytest.approx(added)


def test_best_fit_takes_the_node_and_the_gpu_with_the_least_left() -> None:
    fleet = some_fleet(("a10", 4, 96000), ("a10", 2, 64000))
    fleet.take(1, Ask(0, 300, 1), 1)
    assert winner(packing("best_fit"), fleet, SHARE) == (1, 1)


def test_packing_fills_shared_gpus_first_and_clustering_joins_its_kind() -> None:
    fleet = some_fleet(("a10", 2, 64000), ("a10", 2, 64000), ("a10", 2, 64000))
    fleet.take(1, ONE, -1)
    fleet.take(2, SHARE, 1)
    assert winner(packing("gpu_packing"), fleet, SHARE) == (2, 1)
    assert winner(packing("gpu_packing"), fleet, ONE)[0] == 1
    assert winner(packing("gpu_clustering"), fleet, SHARE)[0] == 2
    assert winner(packing("gpu_clustering"), fleet, ONE)[0] == 1


def test_frugal_sees_that_cores_will_be_short_before_they_are() -> None:
    """Both nodes have room for more pods of every shape, but in one of them cores are scarce beside eight GPUs."""
    fleet = some_fleet(("t4", 8, 64000), ("t4", 2, 64000))
    expected = outlook().typical
    ways = Asks([CPU_ONLY], MODELS).ways(fleet)
    assert expected.fragmented(fleet, ways).tolist() == [0.0, 0.0]
    lost = expected.lost(fleet, ways)
    assert lost[0] > 0.0 == lost[1]
    assert winner(packing("frugal"), fleet, CPU_ONLY)[0] == 1


def test_frugal_opens_a_socket_that_others_will_fill_rather_than_a_hungrier_gpu() -> None:
    """PWR would share the awake socket beside the A10 (120 W) and leave the T4 (60 W) whose socket (105 W) sleeps."""
    fleet = some_fleet(("a10", 2, 64000), ("t4", 2, 64000))
    fleet.take(0, CPU_ONLY, -1)
    assert winner(packing("pwr"), fleet, ONE)[0] == 0
    assert winner(packing("frugal"), fleet, ONE)[0] == 1
