"""Demands add up and fit without rounding noise deciding; links and nodes cost and offer what they say."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.errors import InvalidInput
from heterosched.model import CPU, Cluster, Demand, Link, Node, Reservation

AMOUNTS = st.floats(min_value=0, max_value=1e6)
DEMANDS = st.builds(Demand, AMOUNTS, AMOUNTS, AMOUNTS)


def test_ten_tenths_of_a_core_fit_on_one_core() -> None:
    total = sum((Demand(cpu=0.1) for _ in range(10)), Demand())
    assert total.fits(Demand(cpu=1))
    assert (Demand(cpu=1) - total).fits(Demand())


@pytest.mark.parametrize("demand", [Demand(cpu=1.01), Demand(memory=1.01), Demand(gpus=1.01)])
def test_a_demand_that_exceeds_one_resource_does_not_fit(demand: Demand) -> None:
    assert not demand.fits(Demand(1, 1, 1))


@given(DEMANDS, DEMANDS)
def test_a_demand_fits_where_it_and_more_was_free(one: Demand, more: Demand) -> None:
    assert one.fits(one + more)
    assert one.fits(one)


@given(DEMANDS, st.integers(min_value=0, max_value=50))
def test_times_is_repeated_addition(demand: Demand, count: int) -> None:
    total = sum((demand for _ in range(count)), Demand())
    multiplied = demand.times(count)
    assert (multiplied.cpu, multiplied.memory, multiplied.gpus) == pytest.approx((total.cpu, total.memory, total.gpus))


def test_every_node_offers_its_device_and_its_cpu() -> None:
    node = Node("t4-0", "nvidia-t4", Demand(8, 1e9, 1))
    assert node.offers("nvidia-t4")
    assert node.offers(CPU)
    assert not node.offers("nvidia-v100")


def test_a_transfer_takes_latency_and_size_over_bandwidth() -> None:
    assert Link(0.5, 100.0).seconds(200.0) == 2.5


def test_nothing_to_move_takes_no_time() -> None:
    assert Link(0.5, 100.0).seconds(0.0) == 0.0


def test_a_cluster_finds_its_nodes_by_name() -> None:
    node = Node("cpu-0", CPU, Demand(8))
    assert Cluster((node,)).node("cpu-0") is node
    assert Cluster((node,)).node("cpu-1") is None


def test_reservations_are_added_without_changing_the_cluster() -> None:
    link = Link(1.0, 2.0)
    cluster = Cluster((Node("a", CPU, Demand(8)),), (Reservation("a", Demand(1), 0, 1),), link)
    more = cluster.with_reservations([Reservation("a", Demand(2), 1, 2)])
    assert [reservation.demand.cpu for reservation in more.reservations] == [1, 2]
    assert len(cluster.reservations) == 1
    assert more.link == link


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Node("n", CPU, Demand(math.nan)), "Node n: allocatable"),
        (lambda: Node("n", CPU, Demand(1, -1)), "Node n: allocatable"),
        (lambda: Node("n", CPU, Demand(gpus=math.inf)), "Node n: allocatable"),
        (lambda: Node("n", CPU, Demand(), idle_watts=-1.0), "Node n: power"),
        (lambda: Node("n", CPU, Demand(), wake_joules=math.nan), "Node n: power"),
        (lambda: Link(math.nan), "link: latency"),
        (lambda: Link(-1.0), "link: latency"),
        (lambda: Link(0.0, 0.0), "link: rate"),
        (lambda: Link(0.0, math.nan), "link: rate"),
        (lambda: Reservation("n", Demand(), math.nan, 1.0), "reservation on n: time"),
        (lambda: Reservation("n", Demand(), 0.0, math.nan), "reservation on n: time"),
    ],
)
def test_figures_that_make_no_sense_are_refused(build: Callable[[], object], named: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{named}: .*; give "):
        build()


def test_a_link_may_be_infinitely_fast_and_a_reservation_without_end() -> None:
    assert Link(0.0, math.inf).seconds(1e9) == 0.0
    assert Reservation("n", Demand(), 0.0, math.inf).finish == math.inf


@given(st.floats(0, 1e15), st.floats(0, 1e15), st.floats(0, 10), st.floats(1, 1e12))
def test_more_bytes_never_arrive_sooner(one: float, other: float, latency: float, rate: float) -> None:
    link = Link(latency, rate)
    assert link.seconds(min(one, other)) <= link.seconds(max(one, other))
