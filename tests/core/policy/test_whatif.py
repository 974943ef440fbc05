"""A decision replayed without a change is the same byte for byte; with one, the difference and its reason are named."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import AT, NAMES, a_case, a_scene, a_sensor, an_ask
from heterosched.errors import InvalidInput
from heterosched.policy.decide import Case
from heterosched.policy.decision import Decision
from heterosched.policy.explain import explain
from heterosched.policy.hooks import Occasion
from heterosched.policy.table import BUILT_IN, TERMS, PolicyRow
from heterosched.policy.whatif import Changes, Comparison, differences, what_if

UNPLANNED = an_ask(planned=(), planned_device="")


def replayed(case: Case, changes: Changes) -> Comparison:
    return what_if(case, changes, {})


@pytest.mark.parametrize("case", [a_case(), a_case(strict=True), a_case(scored_at=0.0), a_case(ask=UNPLANNED)])
def test_no_change_gives_the_same_answer_byte_for_byte(case: Case) -> None:
    found = replayed(case, Changes())
    assert msgspec.json.encode(found.replayed) == msgspec.json.encode(found.recorded)
    assert found.changed == ()


def test_the_recorded_policy_by_name_is_no_change() -> None:
    found = replayed(a_case(), Changes(policy=BUILT_IN["Balanced"]))
    assert msgspec.json.encode(found.replayed) == msgspec.json.encode(found.recorded)


def test_another_policy_decides_by_its_own_weights() -> None:
    case = a_case(BUILT_IN["Energy"], ask=replace(UNPLANNED, row=BUILT_IN["Energy"]))
    found = replayed(case, Changes(policy=BUILT_IN["Performance"]))
    assert found.recorded.best is not None and found.replayed.best is not None
    assert (found.recorded.best.device, found.replayed.best.device) == ("nvidia-t4", "nvidia-v100")
    assert found.changed[0] == f"advised {found.recorded.best.node} -> {found.replayed.best.node}"
    assert found.changed[1].startswith(f"{found.recorded.best.node} now has score")
    assert "speed" in found.changed[1]
    assert "policy Energy -> Performance" in found.changed


def test_a_node_that_is_taken_away_is_no_candidate() -> None:
    found = replayed(a_case(), Changes(without=("t4-1",)))
    assert found.replayed.candidates == found.recorded.candidates - 1
    assert found.changed[0] == "advised t4-1 -> t4-0"
    assert found.changed[1] == "t4-1 is no candidate any more: it was taken out by --without"


def test_nodes_that_no_term_tells_apart_are_said_to_be_as_good_as_each_other() -> None:
    row = PolicyRow("ByHeat", {**dict.fromkeys(TERMS, 0), "thermal": 100})
    case = a_case(row, ask=replace(UNPLANNED, row=row))
    found = replayed(case, Changes(telemetry={("gpu_temperature", "v100-0"): 79.0, ("gpu_temperature", "t4-1"): 79.0}))
    assert found.recorded.best is not None
    words = differences(found.recorded, replace_best(found.recorded), explain(case, found.recorded.best.node))
    assert words[1].startswith(f"{found.recorded.best.node} now is as good as other: score 10, mean 1.0000")


def replace_best(decision: Decision) -> Decision:
    """The decision with another node of the same figures."""
    assert decision.best is not None
    return msgspec.structs.replace(decision, best=msgspec.structs.replace(decision.best, node="other"))


def test_a_node_that_is_added_is_a_candidate_whatever_the_filters_said() -> None:
    found = replayed(a_case(rows=np.array([0, 2])), Changes(added=("t4-1", "cpu-0")))
    assert found.changed[0] == "advised t4-0 -> t4-1"
    assert found.replayed.rejected == ()
    assert found.replayed.candidates == 4


def test_another_temperature_counts_as_just_measured() -> None:
    found = replayed(a_case(), Changes(telemetry={("gpu_temperature", "t4-1"): 95.0}))
    assert found.changed[0] == "advised t4-1 -> t4-0"
    assert "thermal" in found.changed[1]
    unknown = replayed(a_case(), Changes(telemetry={("gpu_temperature", "t4-1"): float("nan")}))
    assert unknown.replayed.best is not None
    told = {share.term: share for share in unknown.replayed.best.terms}
    assert told["thermal"].absent


def test_a_metric_of_which_nothing_was_known_can_be_given() -> None:
    case = a_case(scene=a_scene(sensors={}), ask=UNPLANNED)
    found = replayed(case, Changes(telemetry={("host_load", name): 0.25 for name in NAMES}))
    assert found.recorded.best is not None and found.replayed.best is not None
    values = [{share.term: share.value for share in best.terms} for best in (found.recorded.best, found.replayed.best)]
    assert (values[0]["load"], values[1]["load"]) == (
        None,
        0.75 - (3 / 32 if found.replayed.best.node == "t4-0" else 0),
    )


def test_the_filter_that_may_not_be_skipped_is_asked_again_where_it_was_asked() -> None:
    hot = Changes(telemetry={("gpu_temperature", "t4-1"): 95.0})
    lax, strict = replayed(a_case(), hot), replayed(a_case(strict=True), hot)
    assert [reason.examples for reason in lax.replayed.rejected] == [("cpu-0",)]
    assert ("t4-1",) in [reason.examples for reason in strict.replayed.rejected]
    assert any("95 degrees" in line and "0 -> 1" in line for line in strict.changed)


def test_what_the_filter_turned_down_for_heat_comes_back_when_it_is_cool() -> None:
    hot = a_scene(sensors={"gpu_temperature": a_sensor([50.0, 95.0, 50.0, 50.0, float("nan")])})
    reason = "a GPU is at 95 degrees Celsius, the limit is 90"
    case = a_case(scene=hot, strict=True, rows=np.array([0, 2, 3]), rejected={"t4-1": reason})
    found = replayed(case, Changes(telemetry={("gpu_temperature", "t4-1"): 60.0}))
    assert found.replayed.rejected == ()
    assert found.changed[0] == "advised t4-0 -> t4-1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (Changes(without=("nowhere",)), "--without: nowhere"),
        (Changes(added=("nowhere",)), "--with: nowhere"),
        (Changes(telemetry={("gpu_temperature", "nowhere"): 1.0}), "--set: nowhere"),
        (Changes(telemetry={("fan_speed", "t4-0"): 1.0}), "no score term reads"),
        (Changes(without=NAMES), "no candidate is left"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(changes: Changes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        replayed(a_case(), changes)


class Doubling:
    """Doubles the weight of energy and keeps the rest."""

    name = "doubling"

    def rows(self) -> list[PolicyRow]:
        return []

    def weights(self, row: PolicyRow, occasion: Occasion) -> dict[str, int]:
        return {**row.weights, "energy": 2 * row.weights["energy"]}


def test_a_policy_with_a_hook_is_replayed_with_it() -> None:
    row = PolicyRow("Own", dict.fromkeys(TERMS, 10), hook="doubling")
    found = what_if(a_case(), Changes(policy=row), {"doubling": Doubling()})
    assert found.replayed.hook is not None
    assert (found.replayed.hook.before["energy"], found.replayed.hook.after["energy"]) == (10, 20)
    alone = replayed(a_case(), Changes(policy=row)).replayed
    assert alone.hook is not None and "not installed" in alone.hook.problem


@pytest.mark.slow
@given(st.sampled_from(sorted(BUILT_IN)), st.lists(st.sampled_from(NAMES[:4]), max_size=3, unique=True))
def test_a_replay_leaves_its_record_as_it_was_and_gives_the_same_again(policy: str, without: list[str]) -> None:
    case = a_case()
    before = msgspec.json.encode(replayed(case, Changes()).recorded)
    changes = Changes(policy=BUILT_IN[policy], without=tuple(without))
    first, second = replayed(case, changes), replayed(case, changes)
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert msgspec.json.encode(first.recorded) == before


def test_nodes_are_turned_down_by_what_was_known_when_they_were_filtered() -> None:
    """The heat of t4-0 was 55 s old at the filter and 65 s at the scores: a stricter policy still turns it down."""
    heat = a_sensor([84.0, 60.0, 55.0, 50.0, float("nan")], age=65.0)
    case = a_case(scene=a_scene(sensors={"gpu_temperature": heat}), strict=True, filtered_at=AT - 10.0)
    stricter = replace(BUILT_IN["Balanced"], name="stricter", limit_celsius=83.0)
    found = replayed(case, Changes(policy=stricter))
    assert "t4-0" in {node for own in found.replayed.rejected for node in own.examples}
