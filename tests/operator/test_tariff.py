"""Cost and CO2 stand beside the energy of plan and outcome at the price of their time, with where that came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from heterosched.api.status import Outcome, TaskStatus
from heterosched.model import NO_TELEMETRY, Telemetry
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched_operator.store import Store
from heterosched_operator.tariff import charged, repriced
from heterosched_operator.world import Rules, TelemetryState
from manifests import JobBuilder, a_job, a_policy
from simulated import START, SimulatedCluster, nodes

GREEN = replace(BUILT_IN["Energy"], name="green", price_query="price", carbon_query="co2")
ON = TelemetryState(True, True)
ALL = nodes(t4=2, v100=0, cpu=0)


def a_market(at: float, refused: Mapping[str, str] | None = None, **columns: Mapping[str, float]) -> Telemetry:
    """`price={"t4-0": 0.2}`, sampled at `at` (epoch seconds)."""
    names = tuple(node.name for node in ALL)
    values = {f"{kind}/green": np.array([given.get(name, np.nan) for name in names]) for kind, given in columns.items()}
    sampled = {metric: np.where(np.isnan(column), np.nan, at) for metric, column in values.items()}
    return Telemetry(names, values, sampled, at, refused=refused or {})


def everywhere(value: float) -> dict[str, float]:
    return {node.name: value for node in ALL}


def a_run(job: JobBuilder, row: PolicyRow = GREEN, **more: Any) -> SimulatedCluster:
    given: dict[str, Any] = {"nodes": ALL, "telemetry": ON, "policies": {**BUILT_IN, "green": row}, **more}
    return SimulatedCluster(job.policy("green").manifest(), **given)


def two_tasks() -> JobBuilder:
    """10 s, then 20 s on a T4 of 70 W."""
    job = a_job("j").task("a").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
    return job.task("b").after("a").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 20})


KWH = 30 * 70 / 3.6e6


def test_a_plan_costs_what_its_energy_costs_where_and_when_it_is_made() -> None:
    cluster = a_run(two_tasks(), readings=a_market(START, price=everywhere(0.4), carbon=everywhere(300.0)))
    cluster.operate(3)
    plan = cluster.status.plan
    assert (plan.price_per_kwh, plan.price_source, plan.currency) == ("0.4", "query", "USD")
    assert float(plan.cost) == pytest.approx(KWH * 0.4, abs=1e-6)
    assert float(plan.carbon_grams) == pytest.approx(KWH * 300, abs=1e-3)


@pytest.mark.parametrize(
    "readings", [NO_TELEMETRY, a_market(START - 120, price=everywhere(0.4), carbon=everywhere(300.0))]
)
def test_without_a_fresh_figure_the_fixed_price_counts_and_co2_does_not(readings: Telemetry) -> None:
    cluster = a_run(two_tasks(), readings=readings)
    cluster.to_the_end()
    for told in (cluster.status.plan, cluster.status.outcome):
        assert (told.price_per_kwh, told.price_source, told.carbon_grams) == ("0.15", "fixed", "")
        assert float(told.cost) > 0


def test_each_task_keeps_the_price_of_the_moment_at_which_its_energy_was_measured() -> None:
    cluster = a_run(two_tasks())
    for _ in range(30):
        done = "a" in {record.name for record in cluster.status.tasks if record.energy_source}
        price, grams = (-0.1, 50.0) if done else (0.5, 400.0)
        cluster.readings = a_market(cluster.now, price=everywhere(price), carbon=everywhere(grams))
        cluster.operate(1)
        cluster.control()
        cluster.run()
    a, b, outcome = cluster.task("a"), cluster.task("b"), cluster.status.outcome
    assert (a.price_per_kwh, a.carbon_per_kwh) == ("0.5", "400")
    assert (b.price_per_kwh, b.carbon_per_kwh) == ("-0.1", "50")
    assert cluster.reason("Completed")[0] == "True"
    kwh = [float(own.energy_joules) / 3.6e6 for own in (a, b)]
    assert float(outcome.cost) == pytest.approx(kwh[0] * 0.5 - kwh[1] * 0.1, abs=1e-6)
    assert float(outcome.carbon_grams) == pytest.approx(kwh[0] * 400 + kwh[1] * 50, abs=1e-3)
    assert outcome.price_source == "query"
    assert float(outcome.price_per_kwh) == pytest.approx(float(outcome.cost) / sum(kwh), rel=0.01)


def test_the_bill_of_a_plan_follows_the_price_but_not_its_noise() -> None:
    cluster = a_run(two_tasks().spec(suspend=True), readings=a_market(START, price=everywhere(0.4)))
    cluster.operate(3)
    told = []
    for price in (0.41, 0.39, 0.5):
        cluster.readings = a_market(cluster.now, price=everywhere(price))
        cluster.operate(1)
        told.append(cluster.status.plan.price_per_kwh)
    assert told == ["0.4", "0.4", "0.5"]


def test_energy_that_was_measured_as_none_costs_nothing_at_the_price_of_its_time() -> None:
    task = TaskStatus(name="a", energy_joules="0", price_per_kwh="-50", carbon_per_kwh="9")
    found = charged(Outcome(), [task], GREEN)
    assert (found.cost, found.price_per_kwh, found.price_source, found.carbon_grams) == ("0", "-50", "query", "0")


def test_an_outcome_says_where_only_some_tasks_had_a_price() -> None:
    priced = TaskStatus(name="a", energy_joules="3600000", price_per_kwh="0.3", carbon_per_kwh="9")
    found = charged(Outcome(), [priced, TaskStatus(name="b", energy_joules="3600000")], GREEN)
    assert (found.cost, found.price_per_kwh, found.price_source) == ("0.45", "0.225", "mixed")
    assert found.carbon_grams == ""


def test_some_nodes_without_a_price_make_a_mixed_bill() -> None:
    job = a_job("j").task("a").gpus(4, "nvidia-t4").runtime({"nvidia-t4": 10})
    job = job.task("b").gpus(4, "nvidia-t4").runtime({"nvidia-t4": 10})
    cluster = a_run(job, readings=a_market(START, price={"t4-0": 0.35}, carbon={"t4-0": 9.0}))
    cluster.operate(3)
    plan = cluster.status.plan
    assert (plan.price_source, plan.price_per_kwh, plan.carbon_grams) == ("mixed", "0.25", "")


def accepted(cluster: SimulatedCluster) -> str:
    cluster.operate(3)
    found = cluster.status.condition("Accepted")
    assert found is not None and found.status == "True"
    return found.message


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        (a_market(START, {"price/green": "parse error"}), "spec.priceQuery yields nothing (parse error): correct the"),
        (a_market(START, price=everywhere(1.0), carbon={}), "spec.carbonQuery has no figure younger than 60 s for any"),
        (
            a_market(START, price=everywhere(1.0)),
            "spec.carbonQuery has not been answered yet: it is asked with the next",
        ),
        (
            NO_TELEMETRY,
            "spec.priceQuery has not been answered yet: it is asked with the next reading of telemetry; until",
        ),
        (a_market(START, price={"t4-0": 1.0}), "spec.priceQuery has no figure younger than 60 s for some nodes"),
        (a_market(START - 90, price=everywhere(1.0)), "priceQuery has no figure younger than 60 s for any node"),
    ],
)
def test_a_query_that_says_nothing_is_told_in_accepted_with_policy_field_and_remedy(
    readings: Telemetry, words: str
) -> None:
    message = accepted(a_run(two_tasks(), readings=readings))
    assert words in message
    assert "SchedulingPolicy green spec." in message
    assert "pricePerKWh counts" in message or "CO2 is not counted" in message


def test_reasons_for_which_series_were_not_believed_are_named() -> None:
    readings = replace(a_market(START), rejects={"price/green": {"no node of the cluster": 2}})
    assert "for any node (no node of the cluster): look at its series" in accepted(
        a_run(two_tasks(), readings=readings)
    )


def test_a_prometheus_that_is_away_is_no_fault_of_the_query() -> None:
    old = replace(a_market(START - 90, price=everywhere(1.0), carbon=everywhere(9.0)), error="connection refused")
    away = TelemetryState(True, False, "Prometheus does not answer")
    message = accepted(a_run(two_tasks(), readings=old, telemetry=away))
    assert "spec.priceQuery has had no answer lately, as Prometheus cannot be read: see TelemetryAvailable" in message
    assert "look at its series" not in message
    fresh = replace(a_market(START, price=everywhere(1.0), carbon=everywhere(9.0)), error="connection refused")
    assert "Query" not in accepted(a_run(two_tasks(), readings=fresh, telemetry=away))


def test_a_price_that_came_too_late_for_the_plan_is_told_as_long_as_the_plan_has_its_own() -> None:
    cluster = a_run(two_tasks(), readings=NO_TELEMETRY)
    assert "spec.priceQuery has not been answered yet" in accepted(cluster)
    cluster.readings = a_market(cluster.now, price=everywhere(0.4), carbon=everywhere(9.0))
    late = "status.plan was priced before SchedulingPolicy green spec.priceQuery was answered for any of its nodes"
    assert f"{late}, so pricePerKWh counts in it" in accepted(cluster)
    assert cluster.status.plan.price_source == "fixed"


def test_nothing_is_told_where_queries_answer() -> None:
    good = a_market(START, price=everywhere(0.2), carbon=everywhere(100.0))
    message = accepted(a_run(two_tasks(), readings=good))
    assert "Query" not in message and "not in force" not in message
    without = a_run(two_tasks(), telemetry=TelemetryState())
    assert "spec.priceQuery is not read, as no Prometheus is configured: set prometheus_url" in accepted(without)


def test_only_prices_that_move_are_news() -> None:
    now = a_market(START, price=everywhere(0.4))
    assert repriced(NO_TELEMETRY, now, 0.05)
    assert not repriced(now, a_market(START + 9, price=everywhere(0.41)), 0.05)
    assert repriced(now, a_market(START + 9, price=everywhere(0.5)), 0.05)
    assert repriced(now, a_market(START + 9, price={"t4-0": 0.4}), 0.05)
    assert repriced(now, a_market(START + 9, {"price/green": "why"}, price=everywhere(0.4)), 0.05)
    assert not repriced(NO_TELEMETRY, NO_TELEMETRY, 0.05)


def a_store() -> tuple[Store, list[int]]:
    nowhere: Any = None
    changes: list[int] = []
    return Store(nowhere, Rules(), lambda: changes.append(1)), changes


def test_a_price_that_moves_brings_a_new_plan_and_its_noise_does_not() -> None:
    store, changes = a_store()
    counts = []
    for price in (0.40, 0.41, 0.41, 0.50, 0.50):
        store.read(a_market(START, price=everywhere(price)), START)
        counts.append(len(changes))
    assert [count - counts[0] for count in counts] == [0, 0, 0, 1, 1]


def test_the_collector_is_told_what_policies_ask_and_where_nodes_stand() -> None:
    store, _ = a_store()
    store._nodes["t4-0"] = replace(ALL[0], labels={"topology.kubernetes.io/zone": "east"})
    assert (store.inventory().queries, store.inventory().zones) == ({}, {})
    policy = a_policy("green", priceQuery="price", carbonQuery="co2")
    policy["metadata"] |= {"uid": "u", "resourceVersion": "1"}
    store.policies.event("ADDED", policy)
    assert store.inventory().queries == {"price/green": "price", "carbon/green": "co2"}
    assert store.inventory().zones == {"zone=east": ("t4-0",)}
