"""Energy counts by what it costs or emits where nodes differ in that, by fresh figures, and the decision says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import AT, NAMES, a_case, a_scene, an_ask, some_nodes
from heterosched.model import Telemetry
from heterosched.policy.decide import Case
from heterosched.policy.decision import Decision, TermShare
from heterosched.policy.explain import explain
from heterosched.policy.nodes import Sensor
from heterosched.policy.rates import node_weights, queries_of, rates_for, relative
from heterosched.policy.record import case_of, decode_record, encode_record
from heterosched.policy.render import render
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched.policy.terms import energy, weighed
from heterosched.policy.whatif import Changes, what_if

NAN = float("nan")
GREEN = PolicyRow("green", {"energy": 100}, price_query="p", weigh_energy_by="Cost")
LOW_CARBON = replace(GREEN, carbon_query="c", weigh_energy_by="Carbon")


def by_price(*prices: float, row: PolicyRow = GREEN, age: float = 20.0, **scene: Any) -> Case:
    """Two T4 and two V100 of which none sleeps, with what a kWh counts on each (and on cpu-0)."""
    metric = f"{'price' if row.weigh_energy_by == 'Cost' else 'carbon'}/green"
    values = np.array([*prices, NAN])
    sensor = Sensor.of(values, np.where(np.isnan(values), NAN, AT - age), "the market by node")
    nodes = some_nodes(asleep=np.zeros(5, dtype=np.bool_))
    known = {} if sensor is None else {metric: sensor}
    return a_case(scene=a_scene(nodes=nodes, sensors=known, **scene), ask=an_ask(row, planned=(), inputs=()))


def values(case: Case) -> list[float]:
    column = case.scores().values["energy"]
    assert column is not None
    return [round(value, 4) for value in column.tolist()]


def energy_of(decision: Decision) -> TermShare:
    assert decision.best is not None
    return next(share for share in decision.best.terms if share.term == "energy")


JOULES = [1.0, 1.0, round(1400 / 3000, 4), round(1400 / 3000, 4)]


def test_a_cheaper_node_needs_fewer_weighed_joules() -> None:
    assert values(by_price(0.3, 0.1, 0.1, 0.02)) == [round(60 / 420, 4), round(60 / 140, 4), round(60 / 300, 4), 1.0]


@pytest.mark.parametrize("prices", [(0.2, 0.2, 0.2, 0.2), (-0.1, -0.3, 0.0, -0.1), (NAN, NAN, NAN, NAN)])
def test_one_figure_for_all_nodes_leaves_joules_as_they_are(prices: tuple[float, ...]) -> None:
    assert values(by_price(*prices)) == JOULES
    assert values(by_price(*prices, row=replace(GREEN, weigh_energy_by="Joules"))) == JOULES


def test_below_zero_counts_as_zero_so_that_nobody_gains_by_burning_more() -> None:
    assert values(by_price(-0.5, 0.0, 0.1, 0.2)) == [1.0, 1.0, 0.0, 0.0]


def test_where_a_price_is_missing_the_fixed_one_stands_in_and_where_co2_is_missing_the_term_is_absent() -> None:
    assert values(by_price(0.3, NAN, 0.15, 0.15)) == [0.5, 1.0, *JOULES[2:]]
    found = values(by_price(400.0, NAN, 100.0, 100.0, row=LOW_CARBON))
    assert (found[0], found[2]) == (round(100 * 3000 / (400 * 1400), 4), 1.0)
    assert np.isnan(found[1])


def test_old_figures_count_for_nothing() -> None:
    assert values(by_price(0.3, 0.1, 0.1, 0.02, age=61.0)) == JOULES


PRICES = st.integers(-1000, 1000).map(lambda number: number / 1000) | st.just(NAN)


@given(st.lists(PRICES, min_size=1, max_size=6), st.floats(1e-3, 1e3))
def test_weighing_never_leaves_the_unit_interval_and_the_unit_of_the_price_does_not_matter(
    rates: list[float], unit: float
) -> None:
    needed = np.linspace(10.0, 20.0, len(rates))
    found, scaled = (energy(weighed(needed, np.array(rates) * factor)) for factor in (1.0, unit))
    if found is not None and scaled is not None:
        assert np.nanmin(found) >= 0.0 and np.nanmax(found) <= 1.0
        assert found == pytest.approx(scaled, nan_ok=True, rel=1e-6, abs=1e-6)


def test_factors_have_the_mean_one() -> None:
    factors = relative(np.array([0.1, 0.3, NAN]))
    assert factors is not None
    assert factors[:2].tolist() == pytest.approx([0.5, 1.5])
    assert relative(np.array([0.2, 0.2])) is None and relative(None) is None


def test_the_decision_shows_the_price_its_age_and_its_origin() -> None:
    decision = explain(by_price(0.3, 0.1, 0.1, 0.02))
    share = energy_of(decision)
    assert share.inputs["nodePricePerKWh"] == 0.02
    assert share.inputs["joules"] == 3000.0
    assert share.inputs["weighedJoules"] == share.inputs["fewestWeighedJoules"]
    assert share.constants == {"maxAgeSeconds": 60.0, "pricePerKWh": 0.15}
    assert (share.age_seconds, share.origin.endswith("weighed by the market by node")) == (20.0, True)
    assert "nodePricePerKWh 0.02" in render(decision).replace("\n", " ")
    grams = energy_of(explain(by_price(400.0, 300.0, 100.0, 100.0, row=LOW_CARBON)))
    assert (grams.inputs["nodeGramsPerKWh"], grams.constants) == (100.0, {"maxAgeSeconds": 60.0})


def test_joules_alone_say_nothing_of_prices() -> None:
    decision = explain(by_price(0.3, 0.1, 0.1, 0.02, row=replace(GREEN, weigh_energy_by="Joules")))
    share = energy_of(decision)
    assert set(share.inputs) == {"joules", "fewestJoules", "seconds", "watts", "wakingWatts"}
    assert (share.constants, share.age_seconds, decision.remarks) == ({}, None, ())


def test_one_price_for_all_is_shown_and_said_to_change_nothing() -> None:
    share = energy_of(explain(by_price(0.2, 0.2, 0.2, 0.2)))
    assert (share.inputs["nodePricePerKWh"], share.age_seconds) == (0.2, 20.0)
    assert share.origin.endswith("cost does not differ")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (by_price(NAN, NAN, NAN, NAN, refused={"price/green": "parse error"}), "60 s: parse error; energy counts in"),
        (by_price(0.1, 0.2, 0.1, 0.1, age=90.0), "says nothing younger than 60 s; energy counts in joules"),
        (by_price(0.1, NAN, NAN, 0.1), "says nothing of 2 candidate(s); spec.pricePerKWh 0.15 stands in"),
        (by_price(1.0, NAN, 2.0, 1.0, row=LOW_CARBON), "of 1 candidate(s); their term energy is absent"),
    ],
)
def test_a_figure_that_is_missing_is_told_with_policy_and_field(case: Case, words: str) -> None:
    (remark,) = [own for own in explain(case).remarks if "Query of SchedulingPolicy green" in own]
    assert words in remark


def test_a_record_decides_the_same_again() -> None:
    case = by_price(0.3, NAN, 0.1, 0.02, refused={"price/green": "why", "price/other": "never mind"})
    text = encode_record(case, "test")
    again = case_of(decode_record(text, "record"))
    assert explain(again) == explain(case)
    assert encode_record(again, "test") == text
    assert again.scene.refused == {"price/green": "why"}


def test_what_if_another_price_held_on_a_node() -> None:
    case = by_price(0.3, 0.1, 0.1, 0.02)
    found = what_if(case, Changes(telemetry={("price/green", "t4-0"): 0.001}), {})
    assert found.changed[0] == "advised v100-1 -> t4-0"


# --- for plans and bills ----------------------------------------------------------------------------------------------


def told(age: float = 5.0, **columns: list[float]) -> Telemetry:
    arrays = {f"{name}/green": np.array(column) for name, column in columns.items()}
    return Telemetry(NAMES[:2], arrays, {name: np.full(2, AT - age) for name in arrays}, AT)


def test_plans_weigh_nodes_by_the_same_figures() -> None:
    names = (*NAMES[:2], "cpu-0")
    assert node_weights(told(price=[0.1, 0.2]), replace(GREEN, price_per_kwh=0.3), names, AT) == pytest.approx(
        {"t4-0": 0.5, "t4-1": 1.0, "cpu-0": 1.5}
    )
    assert node_weights(told(carbon=[100.0, 300.0]), LOW_CARBON, names, AT) == {"t4-0": 0.5, "t4-1": 1.5, "cpu-0": 1.0}
    assert node_weights(told(price=[0.1, 0.2]), BUILT_IN["Energy"], names, AT) == {}
    assert node_weights(told(price=[0.1, 0.1]), GREEN, names[:2], AT) == {}
    assert node_weights(told(price=[0.1, 0.2], age=90.0), GREEN, names, AT) == {}


def test_where_every_node_has_its_own_price_plans_know_few_kinds_of_nodes() -> None:
    names = tuple(f"n{number}" for number in range(5000))
    prices = np.linspace(0.0, 0.4, len(names))
    telemetry = Telemetry(names, {"price/green": prices}, {"price/green": np.full(len(names), AT)}, AT)
    found = np.array(list(node_weights(telemetry, GREEN, names, AT).values()))
    assert len(set(found.tolist())) < 300
    assert found[0] == 0.0
    assert found[1:] == pytest.approx(prices[1:] / prices.mean(), rel=0.025)


def test_a_bill_is_the_mean_price_of_the_energy_on_its_nodes_and_says_its_source() -> None:
    row, telemetry = replace(GREEN, carbon_query="c"), told(price=[0.1, -0.3], carbon=[100.0, 500.0])
    found = rates_for(telemetry, row, {"t4-0": 3000.0, "t4-1": 1000.0}, AT)
    assert found.price == pytest.approx(0.0)
    assert found.grams == pytest.approx(200.0)
    assert found.source == "query"
    mixed = rates_for(telemetry, row, {"t4-0": 1.0, "v100-0": 1.0}, AT)
    assert mixed.price == pytest.approx(0.125)
    assert (mixed.source, mixed.grams) == ("mixed", None)
    for telemetry in (told(age=61.0, price=[0.1, 0.1]), Telemetry()):
        fixed = rates_for(telemetry, row, {"t4-0": 1.0}, AT)
        assert (fixed.price, fixed.source, fixed.grams) == (0.15, "fixed", None)
    assert rates_for(told(price=[0.1, 0.1]), BUILT_IN["Energy"], {"t4-0": 1.0}, AT).source == "fixed"
    assert rates_for(told(price=[0.1, 0.1]), row, {"t4-0": 0.0}, AT).price == pytest.approx(0.1)


def test_only_queries_that_are_set_are_asked() -> None:
    assert queries_of([GREEN, *BUILT_IN.values()]) == {"price/green": "p"}
    assert queries_of([LOW_CARBON]) == {"price/green": "p", "carbon/green": "c"}
