"""Plans weigh energy by its price or emissions on each node where the policy says so, and calmly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from clusters import a_cluster
from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.candidate import Candidate
from heterosched.algorithms.energy_heft import EnergyHeft
from heterosched.algorithms.fifo import Fifo
from heterosched.algorithms.idle import IdleMeter, idle_joules, schedule_joules
from heterosched.algorithms.portfolio import Portfolio
from heterosched.model import Cluster, Demand, Reservation, Telemetry
from heterosched.planning.types import JobPlan
from heterosched.policy.table import BUILT_IN, PolicyRow
from manifests import JobBuilder, a_job
from planned import NOW, a_training, gpu_job, nodes, planned, start

COST = PolicyRow("green", {"speed": 1, "energy": 3}, price_query="p", weigh_energy_by="Cost")
CARBON = replace(COST, carbon_query="c", weigh_energy_by="Carbon")
T4S = a_cluster(t4=3)


def a_market(kind: str = "price", age: float = 5.0, **figures: float) -> Telemetry:
    """By node (`t4_1`) what a kilowatt-hour costs or emits."""
    names = tuple(name.replace("_", "-") for name in figures)
    metric = f"{kind}/green"
    column = np.array(list(figures.values()))
    return Telemetry(names, {metric: column}, {metric: np.full(len(names), NOW - age)}, NOW)


def by(
    row: PolicyRow, telemetry: Telemetry, *jobs: JobBuilder, cluster: Cluster = T4S, **more: Any
) -> dict[str, JobPlan]:
    return planned(*jobs, cluster=cluster, policies={**BUILT_IN, "green": row}, telemetry=telemetry, **more)


def green(name: str = "a", seconds: float = 10.0) -> JobBuilder:
    return gpu_job(name, seconds).policy("green")


@pytest.mark.parametrize(
    ("row", "telemetry", "node"),
    [
        (COST, a_market(t4_0=0.3, t4_1=0.2, t4_2=0.1), "t4-2"),
        (COST, a_market(t4_0=0.3, t4_1=0.2), "t4-2"),  # 0.15 stands in
        (COST, a_market(t4_0=0.0, t4_1=-0.2, t4_2=0.1), "t4-0"),
        (CARBON, a_market("carbon", t4_0=500.0, t4_1=20.0, t4_2=400.0), "t4-1"),
        (CARBON, a_market(t4_0=0.3, t4_1=0.2, t4_2=0.1), "t4-0"),
        (replace(COST, weigh_energy_by="Joules"), a_market(t4_0=0.3, t4_1=0.2, t4_2=0.1), "t4-0"),
        (COST, a_market(age=61.0, t4_0=0.3, t4_1=0.2, t4_2=0.1), "t4-0"),
        (replace(COST, weights={"speed": 1}), a_market(t4_0=0.3, t4_1=0.2, t4_2=0.1), "t4-0"),
    ],
)
def test_among_like_nodes_the_policys_measure_of_energy_decides(
    row: PolicyRow, telemetry: Telemetry, node: str
) -> None:
    assert nodes(by(row, telemetry, green())["a"]) == (node,)


def test_a_cheaper_node_is_worth_waiting_for_as_far_as_the_weights_say() -> None:
    taken = a_cluster(Reservation("t4-1", Demand(gpus=1), NOW - 5, NOW + 20), t4=2, gpus=1)
    market = a_market(t4_0=0.4, t4_1=0.1)
    patient = by(replace(COST, weights={"speed": 1, "energy": 9}), market, green(seconds=40.0), cluster=taken)["a"]
    assert (nodes(patient), start(patient)) == (("t4-1",), 20.0)
    hasty = by(replace(COST, weights={"speed": 9, "energy": 1}), market, green(seconds=40.0), cluster=taken)["a"]
    assert (nodes(hasty), start(hasty)) == (("t4-0",), 0.0)


def test_a_plan_follows_the_price_by_as_much_as_its_policy_asks_for() -> None:
    """What waits moves to where power has become cheap, and stays for a change that gains too little."""
    job, before = green(), a_market(t4_0=0.1, t4_1=0.2, t4_2=0.2)
    first = by(COST, before, job)
    assert nodes(first["a"]) == ("t4-0",)
    noise = by(COST, a_market(t4_0=0.2, t4_1=0.19, t4_2=0.2), job, previous=first)
    assert nodes(noise["a"]) == ("t4-0",)
    moved = by(COST, a_market(t4_0=0.4, t4_1=0.2, t4_2=0.1), job, previous=first)
    assert nodes(moved["a"]) == ("t4-2",)


def test_a_graph_goes_where_power_is_cheap_task_by_task() -> None:
    job = a_job("a").policy("green")
    job.task("x").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
    job.task("y").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10}).after("x")
    found = by(COST, a_market(t4_0=0.4, t4_1=0.4, t4_2=0.1), job)["a"]
    assert (nodes(found, "x"), nodes(found, "y")) == (("t4-2",), ("t4-2",))


def test_the_reason_says_how_dear_energy_is_there_and_the_plan_by_what_it_was_weighed() -> None:
    found = by(COST, a_market(t4_0=0.3, t4_1=0.2, t4_2=0.1), green())["a"]
    assert found.because["t"].endswith("; by cost a joule counts 0.5 times the mean of all nodes there")
    assert (found.constants["weighEnergyBy"], found.constants["pricePerKWh"]) == ("Cost", 0.15)
    same = by(COST, a_market(t4_0=0.3, t4_1=0.3, t4_2=0.3), green())["a"]
    assert "a joule counts" not in same.because["t"]


def test_sizes_of_training_weigh_joules() -> None:
    """JPS sizes by kinds of nodes, so the price of single ones changes neither size nor device."""
    train = a_training("a", 1, 3).policy("green")
    found = [by(COST, market, train)["a"] for market in (a_market(t4_0=0.4, t4_1=0.2, t4_2=0.1), Telemetry())]
    assert len({len(nodes(own)) for own in found}) == 1


def test_an_energy_budget_is_kept_in_joules_whatever_they_cost() -> None:
    job = green().spec(energyBudgetJoules=800)
    found = by(COST, a_market(t4_0=0.001, t4_1=0.2, t4_2=0.3), job)["a"]
    assert found.verdict.startswith("Feasible")


def the_problem(rates: dict[str, float]) -> Problem:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
    graph = planned(job, cluster=T4S)["a"].graph
    assert graph is not None
    sleepy = Cluster(tuple(replace(node, idle_watts=100.0, wake_joules=500.0) for node in T4S.nodes))
    return Problem(graph, sleepy, NOW, Objective(1.0, 5.0), rates=rates)


@pytest.mark.parametrize("strategy", [EnergyHeft, Portfolio])
def test_idle_and_waking_energy_are_weighed_too(strategy: type[EnergyHeft | Portfolio]) -> None:
    rates = {"t4-0": 1.5, "t4-1": 1.0, "t4-2": 0.5}
    problem = the_problem(rates)
    found = strategy().schedule(problem)
    assert found.assignments["t"].nodes == ("t4-2",)
    plain = replace(problem, rates={})
    assert idle_joules(problem, found) == pytest.approx(0.5 * idle_joules(plain, found))
    assert schedule_joules(found, rates) == pytest.approx(0.5 * found.joules)
    assert schedule_joules(found, {}) == found.joules


def test_the_meter_weighs_what_a_task_draws_and_what_it_keeps_on_alike() -> None:
    problem = the_problem({"t4-0": 1.5, "t4-1": 1.0, "t4-2": 0.5})
    option = problem.graph.tasks["t"].options[0]
    weighing, plain = IdleMeter(problem), IdleMeter(replace(problem, rates={}))
    for place, rate in enumerate((1.5, 1.0, 0.5)):
        candidate = Candidate(option, (place,), 0.0, option.seconds)
        assert plain.added(candidate) > 0
        assert weighing.added(candidate) == pytest.approx(rate * plain.added(candidate))
        assert weighing.joules(candidate) == pytest.approx(rate * plain.joules(candidate))


def test_strategies_that_look_at_time_alone_take_no_notice() -> None:
    found = [Fifo().schedule(the_problem(rates)) for rates in ({}, {"t4-0": 1.9, "t4-1": 1.0, "t4-2": 0.1})]
    assert found[0].finish == found[1].finish
