"""A TASPolicy is read as Telemetry Aware Scheduling reads it, and what is not known turns no node away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import AT, a_case, a_scene, a_sensor, an_ask
from heterosched.policy.decide import Case, reject
from heterosched.policy.decision import TermShare
from heterosched.policy.explain import explain
from heterosched.policy.record import case_of, decode_record, encode_record
from heterosched.policy.tas import Rule, Strategy, TasPolicy, holds, ordinal, tas_policy, violations
from heterosched.policy.whatif import Changes, what_if

NAN = float("nan")
HOT = {"metricname": "health", "operator": "GreaterThan", "target": 80}
FULL = {"metricname": "free_ram", "operator": "LessThan", "target": 200}


def read(**strategies: Any) -> tuple[TasPolicy, tuple[str, ...]]:
    return tas_policy("team", "careful", strategies)


def policy(**strategies: Any) -> TasPolicy:
    found, problems = read(**strategies)
    assert problems == ()
    return found


def broken(strategy: Strategy, **columns: list[float] | None) -> set[int]:
    arrays = {name: None if column is None else np.array(column) for name, column in columns.items()}
    return {int(row) for mask, _ in violations(strategy, arrays.get) for row in np.flatnonzero(mask)}


def measured(tas: TasPolicy | None, health: list[float], age: float = 5.0, **changes: Any) -> Case:
    scene = a_scene()
    scene = replace(scene, sensors={**scene.sensors, "tas/health": a_sensor(health, age)})
    return a_case(scene=scene, ask=an_ask(tas=tas, planned=(), seconds={}, watts={}, inputs=()), **changes)


def told(case: Case, node: str) -> TermShare:
    found = explain(case, node).asked
    assert found is not None
    (share,) = [share for share in found.terms if share.term == "metric"]
    return share


def test_the_example_of_its_readme_is_understood_as_a_whole() -> None:
    found = policy(
        deschedule={"logicalOperator": "allOf", "rules": [HOT, FULL]},
        dontschedule={"logicalOperator": "anyOf", "rules": [HOT, FULL]},
        scheduleonmetric={"rules": [{"metricname": "free_ram", "operator": "LessThan"}]},
        labeling={"rules": [{**HOT, "labels": ["level=high", "card0=true"]}]},
    )
    hot, full = (
        Rule(metric="health", operator="GreaterThan", target=80),
        Rule(metric="free_ram", operator="LessThan", target=200),
    )
    assert found.deschedule == Strategy(rules=(hot, full), every=True)
    assert found.dontschedule == Strategy(rules=(hot, full))
    assert found.order == Rule(metric="free_ram", operator="LessThan")
    assert found.labeling.rules[0].labels == ("level=high", "card0=true")
    assert found.metrics() == {"health", "free_ram"}


@pytest.mark.parametrize(
    ("operator", "expected"),
    [("LessThan", [True, False, False]), ("GreaterThan", [False, False, True]), ("Equals", [False, True, False])],
)
def test_targets_are_strict_bounds_and_no_figure_holds_nothing(operator: Any, expected: list[bool]) -> None:
    found = holds(Rule(metric="m", operator=operator, target=5), np.array([4.0, 5.0, 6.0, NAN]))
    assert found.tolist() == [*expected, False]


def test_any_rule_is_enough_unless_all_are_asked_for() -> None:
    any_of = policy(dontschedule={"rules": [HOT, FULL]}).dontschedule
    all_of = policy(dontschedule={"logicalOperator": "allOf", "rules": [HOT, FULL]}).dontschedule
    columns = {"health": [90.0, 10.0, 90.0, 10.0], "free_ram": [900.0, 100.0, 100.0, 900.0]}
    assert broken(any_of, **columns) == {0, 1, 2}
    assert broken(all_of, **columns) == {2}


def test_a_rule_without_figures_can_break_nothing_alone_and_lets_all_of_hold_nowhere() -> None:
    any_of = policy(dontschedule={"rules": [HOT, FULL]}).dontschedule
    all_of = replace_every(any_of)
    columns = {"health": [90.0, 10.0], "free_ram": None}
    assert broken(any_of, **columns) == {0}
    assert broken(all_of, **columns) == set()
    assert broken(all_of, health=[90.0, 90.0], free_ram=[100.0, NAN]) == {0}
    assert broken(Strategy(every=True)) == set()


def replace_every(strategy: Strategy) -> Strategy:
    return Strategy(rules=strategy.rules, every=True)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ({"metricname": "m", "operator": "AtLeast", "target": 1}, "operator"),
        ({"operator": "Equals"}, "metricname"),
        ({"metricname": 'm"} or up', "operator": "Equals"}, "other characters"),
        ("health > 5", "object"),
    ],
)
def test_an_unreadable_rule_is_named_and_takes_no_other_along(rule: Any, word: str) -> None:
    found, problems = read(dontschedule={"rules": [rule, HOT]})
    assert [each.metric for each in found.dontschedule.rules] == ["health"]
    assert len(problems) == 1
    assert "spec.strategies.dontschedule.rules[0]" in problems[0]
    assert word in problems[0]


@pytest.mark.parametrize("given", [None, [], {}, {"rules": None}, {"rules": "all"}])
def test_a_strategy_without_a_list_of_rules_is_named(given: Any) -> None:
    assert read(deschedule=given)[1] == (
        "spec.strategies.deschedule.rules: it is no list of rules; the strategy is not used",
    )


def test_all_of_does_not_hold_more_often_because_a_rule_was_lost() -> None:
    found, problems = read(dontschedule={"logicalOperator": "allOf", "rules": [{"operator": "Equals"}, HOT]})
    assert found.dontschedule.rules == ()
    assert "the strategy is not used" in problems[-1]


def test_what_makes_no_order_and_what_is_no_strategy_is_named() -> None:
    equal = {"metricname": "m", "operator": "Equals"}
    found, problems = read(scheduleonmetric={"rules": [equal, equal]}, reschedule={"rules": []})
    assert found.order is None
    assert {problem.partition(":")[0] for problem in problems} == {
        "spec.strategies.reschedule",
        "spec.strategies.scheduleonmetric.rules",
        "spec.strategies.scheduleonmetric.rules[0].operator",
    }


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["anyOf", "allOf", "Equals", "m"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["rules", "logicalOperator", "metricname", "operator", "target"]), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["dontschedule", "scheduleonmetric", "deschedule", "other"]), JSON))
def test_nothing_that_an_object_may_hold_makes_reading_fail(strategies: dict[str, Any]) -> None:
    found, problems = tas_policy("team", "careful", strategies)
    assert all(rule.metric.isascii() for rule in found.dontschedule.rules)
    assert all(problem.startswith("spec.strategies.") for problem in problems)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=1, max_size=30))
def test_the_order_is_that_of_the_figures_whatever_their_distance(figures: list[float]) -> None:
    values = np.array(figures)
    high = ordinal(Rule(metric="m", operator="GreaterThan"), values)
    low = ordinal(Rule(metric="m", operator="LessThan"), values)
    known = np.flatnonzero(~np.isnan(values))
    if high is None or low is None:
        assert len(known) == 0
        return
    assert np.isnan(high).tolist() == np.isnan(values).tolist()
    assert high[known].max() == low[known].max() == 1.0
    for one in known:
        for other in known:
            assert (high[one] > high[other]) == (values[one] > values[other])
            assert (low[one] > low[other]) == (values[one] < values[other])


def test_the_first_of_the_order_wins_and_the_explanation_says_by_what() -> None:
    tas = policy(scheduleonmetric={"rules": [{"metricname": "health", "operator": "LessThan"}]})
    case = measured(tas, [70.0, 30.0, 50.0, NAN, 0.0])
    decision = explain(case)
    assert decision.best is not None
    assert decision.best.node == "t4-1"
    share = told(case, "v100-0")
    assert share.value == 0.5
    assert share.inputs == {"value": 50.0}
    assert share.constants == {"maxAgeSeconds": 60.0}
    assert share.policy_weight == 50
    assert share.age_seconds == 5.0
    assert share.origin == "telemetry; TASPolicy team/careful prefers low health"


@pytest.mark.parametrize(
    ("tas", "age", "why"),
    [
        (None, 5.0, "names no TASPolicy"),
        (policy(dontschedule={"rules": [HOT]}), 5.0, "no scheduleonmetric rule"),
        (policy(scheduleonmetric={"rules": [HOT]}), 61.0, "no sample younger than 60 s"),
    ],
)
def test_without_an_order_the_term_is_absent_and_its_weight_goes_to_the_others(
    tas: TasPolicy | None, age: float, why: str
) -> None:
    share = told(measured(tas, [70.0, 30.0, 50.0, 10.0, 0.0], age), "t4-0")
    assert (share.value, share.weight) == (None, 0.0)
    assert why in share.absent


def test_nodes_that_break_a_rule_are_turned_down_by_either_entry_and_say_which() -> None:
    case = measured(policy(dontschedule={"rules": [HOT]}), [70.0, 90.0, 80.0, NAN, 99.0])
    for strict in (False, True):
        found = reject(case.scene, replace(case.asked, allowed=frozenset()), np.arange(5), strict, AT)
        why = "TASPolicy team/careful says dontschedule: health GreaterThan 80"
        assert found == {"t4-1": why, "cpu-0": why}
    assert reject(case.scene, case.asked, np.arange(4), False, AT + 100) == {}


def test_the_explanation_says_what_was_not_known_and_what_was_not_promised() -> None:
    case = measured(policy(dontschedule={"rules": [HOT, FULL]}), [70.0, 60.0, 60.0, NAN, 60.0])
    remarks = explain(case).remarks
    assert any("4 candidate(s) have no sample of free_ram younger than 60 s" in remark for remark in remarks)
    assert any("1 candidate(s) have no sample of health" in remark for remark in remarks)
    assert any("only the strict entry" in remark and "telemetry/scheduling" in remark for remark in remarks)
    assert not any("only the strict entry" in remark for remark in explain(replace(case, strict=True)).remarks)


def test_a_record_holds_the_policy_and_is_decided_again_alike() -> None:
    tas = policy(
        scheduleonmetric={"rules": [{"metricname": "health", "operator": "GreaterThan"}]},
        labeling={"rules": [{**HOT, "labels": ["a=b"]}]},
    )
    case = measured(tas, [70.0, 30.0, 50.0, NAN, 0.0])
    again = case_of(decode_record(encode_record(case, "1"), "r.json"))
    assert again.asked.ask.tas == tas
    assert explain(again) == explain(case)


def test_what_if_takes_another_figure_of_the_metric() -> None:
    case = measured(
        policy(scheduleonmetric={"rules": [{"metricname": "health", "operator": "LessThan"}]}), [7, 3, 5, NAN, 0]
    )
    changed = what_if(case, Changes(telemetry={("tas/health", "v100-0"): 1.0}), {})
    assert changed.replayed.best is not None
    assert changed.replayed.best.node == "v100-0"
