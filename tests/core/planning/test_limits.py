"""Where the policy's plan breaks a deadline or budget, another one is looked for, and the choice is laid open."""

from __future__ import annotations

import pytest

from clusters import a_cluster
from heterosched.model import Reservation
from heterosched.model.cluster import Demand
from heterosched.planning.due import reasons
from heterosched.planning.placing import frontier
from heterosched.planning.types import JobPlan, Point
from manifests import JobBuilder, a_job
from planned import NOW, nodes, planned, start

BOTH = a_cluster(t4=2, v100=2)


def a_choice(policy: str = "Balanced") -> JobBuilder:
    """100 s and 7 kJ on a T4, 40 s and 12 kJ on a V100."""
    job = a_job("a").policy(policy).task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    return job.runtime({"nvidia-t4": 100, "nvidia-v100": 40})


def one(job: JobBuilder) -> JobPlan:
    return planned(job, cluster=BOTH)["a"]


def test_an_energy_policy_hurries_where_the_deadline_asks_for_it() -> None:
    assert nodes(one(a_choice("Energy")))[0].startswith("t4")
    hurried = one(a_choice("Energy").deadline(within="150s"))
    assert (nodes(hurried)[0][:4], hurried.verdict, hurried.frontier) == ("v100", "Feasible", ())


def test_a_performance_policy_saves_where_the_budget_asks_for_it() -> None:
    saving = one(a_choice("Performance").spec(energyBudgetJoules=8000))
    assert (nodes(saving)[0][:2], saving.verdict) == ("t4", "Feasible")


def test_the_cheapest_way_is_taken_where_even_it_is_too_dear() -> None:
    found = one(a_choice("Performance").spec(energyBudgetJoules=5000))
    assert (nodes(found)[0][:2], found.verdict) == ("t4", "OverBudget by 2000 J")
    assert found.frontier == (Point(40, 12000), Point(100, 7000))
    assert found.sacrifice == (
        "the energy budget comes before time: this way takes 60 s longer than the fastest one; "
        "for that one raise spec.energyBudgetJoules to what it draws or remove it"
    )


def test_of_two_limits_that_exclude_each_other_the_budget_is_kept() -> None:
    found = one(a_choice().deadline(within="150s").spec(energyBudgetJoules=8000))
    assert (nodes(found)[0][:2], found.verdict) == ("t4", "LateBy 50 s")
    assert [(point.seconds, point.joules) for point in found.frontier] == [(40, 12000), (100, 7000)]
    assert "takes 60 s longer than the fastest one" in found.sacrifice


def test_a_hopeless_deadline_says_what_hurrying_costs() -> None:
    found = one(a_choice("Energy").deadline(within="10s"))
    assert (nodes(found)[0][:4], found.verdict) == ("v100", "LateBy 130 s")
    assert found.sacrifice == (
        "the deadline comes before energy: this way draws 5000 J more than the cheapest one; "
        "for that one give a later deadline or none"
    )
    assert one(a_choice("Energy").deadline(within="1h")).sacrifice == ""


def test_a_graph_mixes_fast_and_cheap_ways_to_keep_both() -> None:
    job = a_job("a").policy("Performance").spec(energyBudgetJoules=20_000)
    for name, before in (("x", ()), ("y", ("x",))):
        job.task(name).after(*before).gpus(1, "nvidia-t4", "nvidia-v100")
        job.runtime({"nvidia-t4": 100, "nvidia-v100": 40})
    found = planned(job, cluster=BOTH)["a"]
    assert found.verdict == "Feasible"
    assert found.schedule.joules <= 20_000


def test_a_named_strategy_keeps_its_name_and_its_limits() -> None:
    found = one(a_choice().strategy("heft").spec(energyBudgetJoules=8000))
    assert (found.strategy, found.verdict) == ("heft", "Feasible")


def test_a_way_for_which_there_is_no_node_is_not_counted_as_cheap() -> None:
    job = a_choice("Performance").spec(energyBudgetJoules=8000)
    found = planned(job, cluster=a_cluster(v100=1))["a"]
    assert found.verdict == "OverBudget by 4000 J"


def test_waiting_for_the_preferred_device_while_the_deadline_leaves_time_is_named() -> None:
    cluster = a_cluster(Reservation("t4-0", Demand(gpus=2), NOW - 5, NOW + 20), t4=1, v100=1)
    found = planned(a_choice("Energy").deadline(within="1h"), cluster=cluster)["a"]
    assert (nodes(found), start(found), found.verdict) == (("t4-0",), 20.0, "Feasible")
    assert reasons(found, {}, NOW) == {"t": "WaitingForDeadlineSlack"}
    without = planned(a_choice("Energy"), cluster=cluster)["a"]
    assert reasons(without, {}, NOW) == {"t": "WaitingForDevice"}


def test_a_gang_of_which_a_part_would_fit_waits_for_the_gang() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").workers(3, 3, gang=True).runtime({"nvidia-t4": 10})
    busy = Reservation("t4-0", Demand(gpus=2), NOW - 5, NOW + 20)
    assert reasons(planned(job, cluster=a_cluster(busy, t4=2))["a"], {}, NOW) == {"t": "WaitingForGang"}
    both = (busy, Reservation("t4-1", Demand(gpus=2), NOW - 5, NOW + 20))
    assert reasons(planned(job, cluster=a_cluster(*both, t4=2))["a"], {}, NOW) == {"t": "WaitingForDevice"}


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], ()),
        ([Point(5, 5), Point(5, 5)], (Point(5, 5),)),
        ([Point(9, 1), Point(1, 9), Point(5, 9), Point(5, 5)], (Point(1, 9), Point(5, 5), Point(9, 1))),
    ],
)
def test_the_frontier_is_what_nothing_beats(points: list[Point], front: tuple[Point, ...]) -> None:
    assert frontier(points) == front
