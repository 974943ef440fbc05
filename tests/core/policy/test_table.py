"""The policy table holds every number that moves a score: the code has none of its own, policy objects set them all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from heterosched import policy
from heterosched.api.heterojob import Metadata
from heterosched.api.policy import SchedulingPolicy, SchedulingPolicySpec, Scoring, TelemetryLimits, Thermal, Weights
from heterosched.errors import InvalidInput
from heterosched.policy.table import BUILT_IN, TERMS, PolicyRow, PowerCap, check_weights, policy_row, row_of

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FOLDER = Path(policy.__path__[0])
SCORING = ("terms.py", "score.py", "fragmentation.py", "nodes.py", "decide.py")
NEUTRAL = {0, 1, -1}
"""None at all, whole, and what inverts: they say what a share is, not how much something counts."""

NAMED = {
    "score.py": {"MAX_SCORE": 10, "SAME": 1e-9},  # the protocol's scale; rounding noise of sums
    "fragmentation.py": {"MOST_REMEMBERED": 8},  # size of a cache of exact results
}
MIDDLE = ("fragmentation.py", 0.5)
"""Where the scale of `fit` has its zero, half way between its ends."""


def numbers(path: Path) -> Iterator[tuple[str, float]]:
    """Numeric literals of a module with the name that they are given, "" for those inside an expression."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        id(statement.value): target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and type(node.value) is not bool:
            yield names.get(id(node), ""), float(node.value)


@pytest.mark.parametrize("file", SCORING)
def test_code_that_scores_holds_no_number_of_its_own(file: str) -> None:
    found = list(numbers(FOLDER / file))
    named = {name: value for name, value in found if name}
    assert named == NAMED.get(file, {})
    assert {value for name, value in found if not name and (file, value) != MIDDLE} <= NEUTRAL


def test_the_scan_finds_a_number_where_there_is_one(tmp_path: Path) -> None:
    module = tmp_path / "hidden.py"
    module.write_text("BONUS = 3\ndef speed(x):\n    return x * 0.7\n", encoding="utf-8")
    assert list(numbers(module)) == [("BONUS", 3.0), ("", 0.7)]


def a_policy(name: str = "Own", **spec: Any) -> SchedulingPolicy:
    given = {"weights": Weights(speed=1), **spec}
    return SchedulingPolicy(metadata=Metadata(name=name), spec=SchedulingPolicySpec(**given))


def test_a_policy_object_without_more_than_weights_is_a_row_with_the_defaults_of_the_table() -> None:
    assert row_of(a_policy()) == PolicyRow("Own", {term: int(term == "speed") for term in TERMS})


def test_a_policy_object_sets_every_column() -> None:
    row = row_of(
        a_policy(
            weights=Weights(energy=3, fit=4),
            price_per_kwh="0.4",
            currency="EUR",
            price_query="price",
            carbon_query="co2",
            weigh_energy_by="Carbon",
            thermal=Thermal(
                warn_celsius=60, limit_celsius=70, xid_percent=20, unreachable_percent=10, exclusion="Required"
            ),
            telemetry=TelemetryLimits(max_age_seconds=9),
            scoring=Scoring(
                same_device_percent=25, headroom_percent=50, hint_seconds=8, typical_shapes=2, any_size_pods=0
            ),
            hook="night-saver",
        )
    )
    weights = {**dict.fromkeys(TERMS, 0), "energy": 3, "fit": 4}
    expected = PolicyRow("Own", weights, 0.4, "EUR", 60, 70, 9, 0.25, 0.5, 8, 2, 0, "night-saver")
    expected = replace(expected, price_query="price", carbon_query="co2", weigh_energy_by="Carbon")
    assert row == replace(expected, xid_headroom=0.2, unreachable_headroom=0.1, exclusion="Required")
    assert row.share("fit") == 4 / 7
    assert row.cost(3.6e6) == 0.4


def test_the_example_policy_caps_all_nodes_together() -> None:
    manifest = yaml.safe_load((EXAMPLES / "policies" / "seed000.yaml").read_text(encoding="utf-8"))
    row = row_of(msgspec.convert(manifest, SchedulingPolicy))
    assert (row.name, row.share("speed"), row.share("energy")) == ("seed000", 0.5, 0.5)
    assert row.caps == (PowerCap(150.0),)
    assert all(not built_in.caps for built_in in BUILT_IN.values())


@pytest.mark.parametrize(
    ("name", "weights", "words"),
    [
        ("Balanced", Weights(speed=1), "built-in"),
        ("Own", Weights(), "all zero"),
        ("Own", Weights(speed=-1), "speed is no whole number"),
    ],
)
def test_a_policy_object_that_cannot_be_is_refused(name: str, weights: Weights, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        row_of(a_policy(name, weights=weights))


@pytest.mark.parametrize(("by", "field"), [("Cost", "priceQuery"), ("Carbon", "carbonQuery")])
def test_energy_is_not_weighed_by_what_nothing_tells(by: Any, field: str) -> None:
    other = {"carbon_query": "c"} if by == "Cost" else {"price_query": "p"}
    with pytest.raises(InvalidInput, match=rf"spec\.weighEnergyBy: is {by}, but spec\.{field} is not set; set"):
        row_of(a_policy(weigh_energy_by=by, **other))


@pytest.mark.parametrize("weights", [{"luck": 1}, {"speed": 0.5}, {"speed": True}, {}, {"speed": float("nan")}])
def test_only_whole_weights_of_known_terms_are_weights(weights: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"spec\.weights"):
        check_weights(weights, "policy X")


def test_an_unknown_policy_is_answered_with_the_known_ones() -> None:
    assert policy_row("Energy", BUILT_IN, "job").name == "Energy"
    with pytest.raises(InvalidInput, match="Balanced, Energy, Performance"):
        policy_row("Fast", BUILT_IN, "job")
