"""Training that does not fit now keeps its place free, and what JPS leaves to a strategy is told with the reason."""

from __future__ import annotations

import pytest

from clusters import a_cluster
from heterosched.errors import Unplaceable
from heterosched.model import Demand, Reservation
from heterosched.planning.types import Quota, TaskProgress
from loops import Loop
from manifests import JobBuilder, a_job
from planned import NOW, a_state, a_training, nodes, planned, start


def fat(name: str, cores: str, most: int = 1) -> JobBuilder:
    """A training that asks for many cores beside each of its GPUs."""
    limits = {"limits": {"nvidia.com/gpu": 1}, "requests": {"cpu": cores}}
    job = a_job(name).task("t").variant("nvidia-t4", resources=limits).workers(1, most, gang=True)
    return job.training({"nvidia-t4": "100"}, globalBatch=64, iterations=10, gradientBytes="10Mi")


@pytest.mark.parametrize("load", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("namespace", ["ns", "other"])
def test_a_gang_starts_beside_a_stream_of_small_training(load: float, namespace: str) -> None:
    builders = [a_training(f"s{number:03}", 1, 2, "nvidia-t4", iterations=100) for number in range(30)]
    small = [(number * 16.0 / load, own, "ns") for number, own in enumerate(builders)]
    gang = a_training("gang", 4, 4, "nvidia-t4", iterations=200)
    loop = Loop([*small, (52.0, gang, namespace)], a_cluster(t4=2))
    assert loop.rounds_until_started("gang", most=40) <= 25


def test_a_gang_that_only_fits_on_several_types_starts_beside_a_stream_of_small_training() -> None:
    builders = [a_training(f"s{number:03}", 1, 2, iterations=100) for number in range(60)]
    small = [(number * 8.0, own, "ns") for number, own in enumerate(builders)]
    gang = a_training("gang", 4, 4, iterations=200)
    loop = Loop([*small, (52.0, gang, "ns")], a_cluster(t4=1, v100=1))
    assert loop.rounds_until_started("gang", most=40) <= 25


def test_small_training_that_ends_before_the_gang_starts_or_runs_beside_it_goes_on() -> None:
    held = Reservation("t4-0", Demand(gpus=2), NOW - 5, NOW + 600)
    gang = a_state(a_training("gang", 4, 4, "nvidia-t4"), age=500)
    short = a_state(a_training("short", 1, 1, "nvidia-t4", iterations=100), age=10)
    long = a_state(a_training("long", 1, 1, "nvidia-t4", iterations=2000), age=9)
    found = planned(gang, short, long, cluster=a_cluster(held, t4=2))
    assert (start(found["gang"]), start(found["short"])) == (600.0, 0.0)
    assert start(found["long"]) > 600.0
    beside = planned(
        gang, long, a_state(a_training("other", 1, 1, "nvidia-v100")), cluster=a_cluster(held, t4=2, v100=1)
    )
    assert (start(beside["gang"]), start(beside["other"]), beside["other"].strategy) == (600.0, 0.0, "jps")


def test_of_training_that_fits_the_first_in_turn_is_admitted_before_older_training() -> None:
    own = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-2", "t4-2"), 2, NOW - 1)
    states = [
        a_state(a_training("runs", 2, 2, "nvidia-t4", iterations=9000), {"t": own}, namespace="many"),
        a_state(a_training("old", 4, 4, "nvidia-t4"), namespace="many", age=20),
        a_state(a_training("new", 4, 4, "nvidia-t4"), namespace="few", age=10),
    ]
    found = planned(*states, cluster=a_cluster(t4=3))
    assert (start(found["new"]), found["new"].strategy, start(found["old"]) > 0) == (0.0, "jps", True)


@pytest.mark.parametrize(("age", "first"), [(1000.0, "gang"), (500.0, "new")])
def test_a_gang_that_waits_for_long_keeps_its_place_free_even_behind_training_that_fits(age: float, first: str) -> None:
    own = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-2", "t4-2"), 2, NOW - 1)
    states = [
        a_state(a_training("runs", 2, 2, "nvidia-t4", iterations=9000), {"t": own}, namespace="many"),
        a_state(a_training("gang", 4, 4, "nvidia-t4"), namespace="many", age=age),
        a_state(a_training("new", 1, 1, "nvidia-t4", iterations=2000), namespace="few", age=10),
    ]
    held = Reservation("t4-0", Demand(gpus=1), NOW - 5, NOW + 100)
    found = planned(*states, cluster=a_cluster(held, t4=3))
    starts = {name: start(found[name]) for name in ("gang", "new")}
    assert min(starts, key=lambda name: starts[name]) == first
    assert starts[first] == {"gang": 100.0, "new": 0.0}[first]


def test_one_that_no_node_could_hold_leaves_the_others_to_jps() -> None:
    others = [a_training("x", 1, 4), a_training("y", 1, 4)]
    alone = planned(*others, cluster=a_cluster(t4=1, v100=1))
    found = planned(*others, fat("big", "64", most=2), cluster=a_cluster(t4=1, v100=1))
    assert isinstance(found["big"].error, Unplaceable)
    assert {name: found[name] for name in alone} == alone
    assert {own.strategy for own in alone.values()} == {"jps"}


def test_a_neighbour_that_asks_for_many_cores_takes_no_slots_from_slim_training() -> None:
    found = planned(a_training("x", 4, 8, "nvidia-t4"), fat("fat", "30"), cluster=a_cluster(t4=3, gpus=4))
    assert (len(nodes(found["x"])), start(found["x"]), found["x"].strategy) == (8, 0.0, "jps")
    assert (start(found["fat"]), found["fat"].strategy) == (0.0, "jps")


def test_training_that_is_left_to_its_strategy_says_why() -> None:
    held = Reservation("t4-0", Demand(gpus=2), NOW - 5, NOW + 60)
    blocked = planned(a_training("gang", 4, 4, "nvidia-t4"), cluster=a_cluster(held, t4=2))["gang"]
    assert blocked.because["t"].endswith("not sized by JPS: the 4 workers that it needs are not free together")
    full = [a_training("a", 4, 4, "nvidia-t4"), a_training("b", 4, 4, "nvidia-t4")]
    second = planned(*full, cluster=a_cluster(t4=2))["b"]
    assert "not sized by JPS: needs 4 of 4 workers that jobs before it hold" in second.because["t"]
    dear = a_training("a").policy("Performance").spec(energyBudgetJoules=60_000)
    told = planned(dear, cluster=a_cluster(t4=2, v100=2))["a"].because["t"]
    assert told.endswith("not sized by JPS: the size found would pass a cap or its energy budget")
    quota = {"ns": (Quota("q", Demand(1e9, 1e15, 2)),)}
    runs = [a_training("a", 2, 2, "nvidia-t4"), a_training("b", 2, 2, "nvidia-t4")]
    told = planned(*runs, cluster=a_cluster(t4=2), quotas=quota)["b"].because["t"]
    assert "not sized by JPS" in told
