"""An explanation adds up to exactly the score that was given, and says where each figure came from."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heterosched.policy.explain import (
    Decision,
    NodeScore,
    Provenance,
    difference_by_term,
    group_rejections,
    node_score,
    render,
)
from heterosched.policy.score import weigh
from heterosched.policy.table import BUILT_IN, TERMS

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


def test_a_decision_survives_json() -> None:
    decision = a_decision()
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision
