"""Plug-ins add policies and adjust weights pod by pod; one that misbehaves is named and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from heterosched.policy import hooks
from heterosched.policy.hooks import HookEffect, Occasion, adjusted, known_rows, plugins
from heterosched.policy.table import BUILT_IN, TERMS, PolicyRow

ROW = PolicyRow("Own", dict.fromkeys(TERMS, 10), hook="tester")
NOON = Occasion("team", 12 * 3600.0)

MODULE = """
from heterosched.policy.table import BUILT_IN, PolicyRow

class Good:
    name = "good"
    def rows(self):
        return [PolicyRow("FromPlugin", {"energy": 1}, hook="good")]
    def weights(self, row, occasion):
        return {**row.weights, "energy": 9}

class Renamed(Good):
    name = "other"

class Impostor(Good):
    name = "impostor"
    def rows(self):
        return [BUILT_IN["Energy"]]

class Raising(Good):
    name = "raising"
    def rows(self):
        raise RuntimeError("no luck")

thing = 3
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution with good and bad entry points."""
    (tmp_path / "some_policies.py").write_text(MODULE, encoding="utf-8")
    info = tmp_path / "some_policies-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-policies\nVersion: 1.0\n", encoding="utf-8")
    names = {"good": "Good", "renamed": "Renamed", "impostor": "Impostor", "raising": "Raising", "thing": "thing"}
    points = "".join(f"{name} = some_policies:{target}\n" for name, target in {**names, "gone": "Gone"}.items())
    (info / "entry_points.txt").write_text(f"[{hooks.ENTRY_POINTS}]\n{points}", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.cache_clear()
    yield
    plugins.cache_clear()


def test_a_plug_in_adds_its_policies_beside_the_built_in_ones(installed: None) -> None:
    rows = known_rows()
    assert rows["FromPlugin"].hook == "good"
    assert {name: rows[name] for name in BUILT_IN} == BUILT_IN


def test_a_plug_in_that_cannot_be_used_is_named_and_takes_no_other_along(installed: None) -> None:
    found = plugins()
    assert set(found.hooks) == {"good"}
    problems = {problem.split(" ")[2]: problem for problem in found.problems}
    assert set(problems) == {"renamed", "impostor", "raising", "thing", "gone"}
    assert "name: is 'other'" in problems["renamed"]
    assert "there is such a policy already" in problems["impostor"]
    assert "no luck" in problems["raising"]
    assert "PolicyHook" in problems["thing"]


def test_without_plug_ins_the_table_is_the_built_in_one() -> None:
    plugins.cache_clear()
    assert plugins().problems == ()
    assert set(BUILT_IN) <= set(known_rows())


class Answering:
    """Answers what it was told to."""

    name = "tester"

    def __init__(self, answer: Mapping[str, object]) -> None:
        self._answer = answer

    def rows(self) -> list[PolicyRow]:
        return []

    def weights(self, row: PolicyRow, occasion: Occasion) -> dict[str, int]:
        return self._answer["weights"]  # type: ignore[return-value]


def by(answer: Mapping[str, object]) -> tuple[PolicyRow, HookEffect]:
    return adjusted(ROW, NOON, {"tester": Answering(answer)})


def test_a_hook_gives_the_weights_for_one_pod_and_the_effect_says_so() -> None:
    row, effect = by({"weights": {"speed": 1, "energy": 3}})
    assert row.weights == {"speed": 1, "energy": 3}
    assert (row.name, row.max_age_seconds) == (ROW.name, ROW.max_age_seconds)
    assert (effect.before, effect.after, effect.problem) == (dict(ROW.weights), {"speed": 1, "energy": 3}, "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({}, "KeyError"),
        ({"weights": None}, "TypeError"),
        ({"weights": {}}, "all zero"),
        ({"weights": {"speed": -1}}, "no whole number"),
        ({"weights": {"speed": 0.5}}, "no whole number"),
        ({"weights": {"luck": 1}}, "no term luck"),
    ],
)
def test_a_hook_that_fails_or_answers_nonsense_changes_nothing(answer: Mapping[str, object], words: str) -> None:
    row, effect = by(answer)
    assert row is ROW
    assert effect.before == effect.after == dict(ROW.weights)
    assert words in effect.problem


@pytest.mark.parametrize(("at", "hour"), [(0.0, 0.0), (86400.0 * 20000 + 5400, 1.5), (86399.0, 86399 / 3600)])
def test_the_hour_is_that_of_the_day_in_utc(at: float, hour: float) -> None:
    assert Occasion("n", at).hour == pytest.approx(hour)
