"""Every candidate stands in the answer to a prioritize call exactly once, with its score."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heterosched.policy.nodes import Roster
from heterosched_extender.answers import Answers, all_zero
from heterosched_extender.candidates import candidates_of

NAMES = ["a", "bb", "node-with-a-long-name", "n4", 'quo"te']


@given(st.lists(st.sampled_from([*NAMES, "unknown"]), unique=True), st.data())
def test_scores_stand_beside_their_nodes(names: list[str], data: st.DataObject) -> None:
    roster = Roster.of(1, NAMES)
    candidates = candidates_of(names, roster)
    size = len(candidates.rows)
    scores = np.array(data.draw(st.lists(st.integers(0, 10), min_size=size, max_size=size)), dtype=np.int64)
    expected = {roster.names[row]: score for row, score in zip(candidates.rows.tolist(), scores.tolist(), strict=True)}
    expected.update(dict.fromkeys(candidates.unknown, 0))
    answers = Answers()
    for _ in range(2):  # the second answer comes out of the kept template
        found = json.loads(answers.prioritize(candidates, scores))
        assert {each["Host"]: each["Score"] for each in found} == expected
        assert len(found) == len(expected)


def test_a_new_roster_makes_old_templates_void() -> None:
    answers = Answers()
    first, second = Roster.of(1, ["a", "b"]), Roster.of(2, ["b", "c"])
    scores = np.array([10, 3])
    answers.prioritize(candidates_of(["a", "b"], first), scores)
    found = json.loads(answers.prioritize(candidates_of(["b", "c"], second), scores))
    assert found == [{"Host": "b", "Score": 10}, {"Host": "c", "Score": 3}]


def test_few_templates_are_kept() -> None:
    answers, roster = Answers(keep=2), Roster.of(1, NAMES)
    for name in NAMES:
        answers.prioritize(candidates_of([name], roster), np.array([1]))
    assert len(answers) == 2


def test_the_neutral_answer_names_everybody_once_at_zero() -> None:
    assert json.loads(all_zero(["a", "b", "a"])) == [{"Host": "a", "Score": 0}, {"Host": "b", "Score": 0}]
    assert json.loads(all_zero([])) == []
