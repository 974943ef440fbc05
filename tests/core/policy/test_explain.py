"""An explanation adds up to exactly the score that was given, and says where each figure came from."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import a_case, a_scene, an_ask, some_nodes
from heterosched.policy.decision import Decision, NodeScore
from heterosched.policy.explain import MOST_ALTERNATIVES, difference_by_term, explain, group_rejections, node_score
from heterosched.policy.hooks import HookEffect
from heterosched.policy.inputs import Provenance
from heterosched.policy.nodes import Roster
from heterosched.policy.render import render
from heterosched.policy.score import weigh
from heterosched.policy.table import BUILT_IN, TERMS
from heterosched.policy.terms import Ask

share = st.one_of(st.just(np.nan), st.floats(0.0, 1.0))
BALANCED = BUILT_IN["Balanced"]


def scored(name: str = "t4-0", position: int = 0, **values: list[float]) -> NodeScore:
    arrays = {term: np.array(found) for term, found in values.items()}
    sources = {"load": Provenance("telemetry", np.array([7.0, np.nan])), "data": Provenance(absent="no inputs")}
    return node_score(name, "nvidia-t4", 9, position, arrays, BALANCED, sources)


@given(st.dictionaries(st.sampled_from(TERMS), st.lists(share, min_size=3, max_size=3)))
def test_the_parts_sum_to_exactly_the_mean_behind_the_score(values: dict[str, list[float]]) -> None:
    arrays = {term: np.array(found) for term, found in values.items()}
    raw = weigh(arrays, BALANCED.weights, 3)
    for position in range(3):
        node = node_score("n", "d", 0, position, arrays, BALANCED, {})
        if np.isnan(raw[position]):
            assert node.mean is None
        else:
            assert node.mean == raw[position]
            total = 0.0
            for part in node.terms:
                total += part.part
            assert total == raw[position]


def test_each_term_shows_its_origin_age_or_why_it_is_absent() -> None:
    node = scored(load=[0.5, 0.5], fit=[1.0, 1.0])
    told = {part.term: part for part in node.terms}
    assert [part.term for part in node.terms] == list(TERMS)
    assert (told["load"].origin, told["load"].age_seconds) == ("telemetry", 7.0)
    assert told["data"].absent == "no inputs"
    assert told["speed"].absent == "no data for this node"
    assert scored(position=1, load=[0.5, 0.5]).terms[TERMS.index("load")].age_seconds is None


def test_the_difference_of_two_nodes_is_told_by_term_largest_first() -> None:
    best, other = scored(load=[0.5], fit=[1.0], plan=[1.0]), scored(load=[0.5], fit=[0.0], plan=[0.0])
    difference = difference_by_term(best, other)
    assert list(difference) == ["plan", "fit"]
    assert sum(difference.values()) == (best.mean or 0) - (other.mean or 0)


def test_rejections_are_grouped_by_reason_most_frequent_first() -> None:
    found = group_rejections([("a", "hot"), *((f"n{i}", "wrong device") for i in range(5))])
    assert [(each.reason, each.count, each.examples) for each in found] == [
        ("wrong device", 5, ("n0", "n1", "n2")),
        ("hot", 1, ("a",)),
    ]


def test_the_best_nodes_that_lost_are_named_with_their_difference_and_its_terms() -> None:
    decision = explain(a_case())
    assert decision.best is not None and decision.runner_up is not None
    assert [other.node for other in decision.alternatives] == ["t4-0", "v100-0", "v100-1"]
    assert decision.alternatives[0].node == decision.runner_up.node
    for other in decision.alternatives:
        asked = explain(a_case(), other.node).asked
        assert asked is not None
        assert (other.mean, other.score) == (asked.mean, asked.score)
        assert other.difference == (decision.best.mean or 0.0) - other.mean
        assert sum(other.decisive.values()) == pytest.approx(other.difference)


def test_no_more_than_a_few_losers_are_named() -> None:
    count = 5 * MOST_ALTERNATIVES
    nodes = some_nodes(
        **{name: np.full(count, 8.0) for name in ("cores", "gpus", "free_cores", "free_gpus")},
        **{name: np.full(count, 64e9) for name in ("memory", "free_memory", "idle_watts")},
        device=np.ones(count, dtype=np.int64),
        asleep=np.zeros(count, dtype=np.bool_),
    )
    scene = a_scene(nodes=nodes, roster=Roster.of(1, [f"t4-{row}" for row in range(count)]), sensors={})
    decision = explain(
        a_case(scene=scene, ask=an_ask(planned=(), inputs=()), rows=np.arange(count), hinted=None, rejected={})
    )
    assert decision.tied == count
    assert [other.node for other in decision.alternatives] == [f"t4-{row}" for row in range(1, MOST_ALTERNATIVES + 1)]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (an_ask(), "planned for task fit of team/train: t4-1 (nvidia-t4), 20 s and 1400 J; elsewhere nvidia-v100 10 s"),
        (an_ask(watts={}), "t4-1 (nvidia-t4), 20 s; elsewhere nvidia-v100 10 s"),
        (an_ask(planned=(0, 1, 2, 3), planned_device=""), "t4-0, t4-1, v100-0 and 1 more"),
        (an_ask(planned=(-1,)), "a node that is gone"),
    ],
)
def test_a_plan_without_a_reason_is_told_by_its_figures(ask: Ask, words: str) -> None:
    assert words in explain(a_case(ask=ask)).planned


def test_the_planners_own_reason_is_told_instead_and_wrapped() -> None:
    reason = "nvidia-t4 (20 s, 1400 J); better by time 25 and energy 25 than nvidia-v100 (10 s, 3000 J), and so on"
    case = a_case()
    decision = explain(replace(case, asked=replace(case.asked, because=reason)))
    assert decision.planned == f"planned for task fit of team/train: t4-1 (nvidia-t4): {reason}"
    assert max(map(len, render(decision).splitlines())) <= 120


def test_a_pod_without_a_plan_has_none() -> None:
    assert explain(a_case(ask=an_ask(planned=(), planned_device=""))).planned == ""


def test_what_a_hook_did_is_told_and_a_failed_one_is_a_remark() -> None:
    asked = a_case().asked
    effect = HookEffect(hook="night-saver", before={"speed": 25, "energy": 25}, after={"speed": 0, "energy": 50})
    told = render(explain(a_case(asked=replace(asked, hook=effect))))
    assert "hook night-saver changed the weights: speed 25 -> 0, energy 25 -> 50" in told
    failed = HookEffect(hook="night-saver", before={"speed": 25}, after={"speed": 25}, problem="KeyError: 'x'")
    told = render(explain(a_case(asked=replace(asked, hook=failed))))
    assert "policy hook night-saver: KeyError: 'x'; the policy's own weights count" in told


def test_the_text_fits_a_terminal_and_shows_inputs_and_constants() -> None:
    text = render(explain(a_case(), "v100-0"))
    assert max(map(len, text.splitlines())) <= 120
    for words in (
        "also v100-0",
        "celsius 60",
        "limitCelsius 90",
        "hintSeconds 30",
        "planSameDevice 0.5",
        "joules 1400",
    ):
        assert words in text


def a_decision() -> Decision:
    best, second = scored("t4-0", fit=[1.0], plan=[1.0]), scored("t4-1", fit=[0.5], plan=[0.5])
    return Decision(
        namespace="team",
        pod="train-0",
        uid="u",
        at="2026-01-01T00:00:00Z",
        policy="Balanced",
        candidates=3,
        best=best,
        tied=2,
        runner_up=second,
        difference=0.5,
        decisive=difference_by_term(best, second),
        rejected=group_rejections([("k80-0", "offers nvidia-k80")]),
        bound="t4-0",
        asked=second,
        asked_answer="",
        remarks=("telemetry: down",),
    )


def test_the_text_names_the_advice_the_runner_up_and_every_reason() -> None:
    text = render(a_decision())
    for words in (
        "pod team/train-0, policy Balanced",
        "advised t4-0",
        "tied with 1 more",
        "runner-up t4-1",
        "asked about t4-1",
        "filtered 1: offers nvidia-k80 (k80-0)",
        "bound to t4-0",
        "telemetry: down",
        "absent:",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_text_says_when_no_node_was_advised() -> None:
    empty = Decision(namespace="n", pod="p", uid="u", at="t", policy="Energy", candidates=0)
    assert "no node was advised" in render(empty)
    silent = msgspec.structs.replace(empty, candidates=2)
    assert "no node was advised: no score term has data about any candidate, so kube-scheduler's own" in render(silent)
    refused = msgspec.structs.replace(silent, rejected=group_rejections([("a", "is hot"), ("b", "is hot")]))
    assert "no node was advised: every candidate was turned down" in render(refused)


def test_a_decision_survives_json() -> None:
    decision = a_decision()
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision
