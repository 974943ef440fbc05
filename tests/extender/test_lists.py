"""A list of names seen before means the same as one read anew, and nothing outlives the roster it was numbered for."""

from __future__ import annotations

import json
import random

from extender_calls import a_call, a_pod_manifest
from heterosched.policy.nodes import Roster
from heterosched_extender.candidates import candidates_of
from heterosched_extender.lists import KEPT, LONG, Lists
from heterosched_extender.wire import split_call

NAMES = [f"node-{number:04d}" for number in range(2000)]
ROSTER = Roster.of(1, NAMES)


def test_a_long_list_is_read_like_a_short_one() -> None:
    lists, rng = Lists(), random.Random(3)
    for count in (3, 1500):
        names = rng.sample(NAMES, count)
        body = a_call(a_pod_manifest("p"), names)
        split = split_call(body)
        assert split is not None
        assert (len(split[2]) >= LONG) == (count == 1500)
        call, found = lists.read(body, split, ROSTER)
        expected = candidates_of(names, ROSTER)
        assert (found.mask, found.unknown) == (expected.mask, expected.unknown)
        assert call.pod is not None


def test_a_long_list_with_an_unknown_name_keeps_it() -> None:
    body = a_call(a_pod_manifest("p"), [*NAMES, "new-1"])
    _, found = Lists().read(body, split_call(body), ROSTER)
    assert found.unknown == ("new-1",)
    assert len(found.rows) == len(NAMES)


def test_the_same_set_gets_the_same_bytes_from_the_second_time_on_and_is_known_by_them() -> None:
    lists, rng = Lists(), random.Random(5)
    answers = []
    for _ in range(4):
        names = rng.sample(NAMES[:50], 50)
        candidates = candidates_of(names, ROSTER)
        listed = lists.passed(candidates, json.dumps(names, separators=(",", ":")).encode())
        answers.append(listed.passed)
        answered = json.loads(listed.passed)["NodeNames"]
        assert sorted(answered) == NAMES[:50]
        assert lists.ending(a_call(a_pod_manifest("p"), answered), ROSTER) is not None
    assert answers[1] == answers[2] == answers[3]


def test_nothing_outlives_its_roster() -> None:
    lists = Lists()
    names = NAMES[:5]
    lists.remember(json.dumps(names, separators=(",", ":")).encode(), candidates_of(names, ROSTER))
    body = a_call(a_pod_manifest("p"), names)
    assert lists.ending(body, ROSTER) is not None
    assert lists.ending(body, Roster.of(2, NAMES[1:])) is None
    assert lists.ending(body, ROSTER) is None


def test_only_so_many_sets_are_remembered() -> None:
    lists = Lists()
    for start in range(3 * KEPT):
        names = NAMES[start : start + 3]
        for _ in range(2):
            lists.passed(candidates_of(names, ROSTER), json.dumps(names, separators=(",", ":")).encode())
    known = [lists.ending(a_call(None, NAMES[start : start + 3]), ROSTER) for start in range(3 * KEPT)]
    assert 0 < sum(listed is not None for listed in known) <= KEPT
