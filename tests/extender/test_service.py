"""Every call gets an answer: ours by the terms, others neutrally, and an error inside never reaches the scheduler."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from extender_calls import NOW, a_call, a_node, a_pod_manifest, a_snapshot, a_world, telemetry_of
from heterosched.api import PlanNote
from heterosched_extender import calls as calls_module
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import NotReady, Service
from heterosched_extender.snapshot import Snapshot
from heterosched_extender.wire import BadCall

NAMES = ["t4-0", "t4-1", "v100-0"]


def a_service(snapshot: Snapshot | None = None) -> Service:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = snapshot or a_snapshot(t4=2, v100=1)
    return service


def scores(answer: bytes) -> dict[str, int]:
    return {each["Host"]: each["Score"] for each in json.loads(answer)}


def test_a_planned_pod_is_steered_to_its_node() -> None:
    service = a_service()
    pod = a_pod_manifest("p", plan=PlanNote(device="nvidia-t4", nodes=("t4-1",)))
    passed = json.loads(service.filter(a_call(pod, NAMES)))["NodeNames"]
    assert passed == NAMES
    found = scores(service.prioritize(a_call(pod, passed)))
    assert found["t4-1"] == 10
    assert max(found["t4-0"], found["v100-0"]) < 10
    assert service.decisions.seen("uid-p") == NOW


def test_the_narrow_filter_passes_on_the_best_nodes_alone_and_that_is_the_decision() -> None:
    service, whole = a_service(), a_service()
    pod = a_pod_manifest("p", plan=PlanNote(device="nvidia-t4", nodes=("t4-0", "t4-1")))
    full = scores(whole.prioritize(a_call(pod, NAMES)))
    answer = json.loads(service.filter(a_call(pod, [*NAMES, "new-0"]), narrow=True))
    assert answer["NodeNames"] == [name for name, score in full.items() if score == 10] == ["t4-0", "t4-1"]
    assert answer["FailedNodes"] == answer["FailedAndUnresolvableNodes"] == {}
    record = service.decisions.of_pod("p")
    assert record is not None and record.advised == "t4-0" and len(record.case().rows) == len(NAMES)
    assert scores(service.prioritize(a_call(pod, answer["NodeNames"]))) == {"t4-0": 10, "t4-1": 10}
    assert service.decisions.of_pod("p") is record, "there is nothing left to decide"
    assert sum(service.stats.decisions.values()) == 1


def test_the_narrow_filter_leaves_the_reasons_of_what_it_turns_down_and_whole_nodes_whole() -> None:
    service = a_service()
    pod = a_pod_manifest("p", plan=PlanNote(device="nvidia-t4", nodes=("t4-1",), seconds={"nvidia-t4": 1.0}))
    answer = json.loads(service.filter(a_call(pod, NAMES), narrow=True))
    assert answer["NodeNames"] == ["t4-1"]
    assert set(answer["FailedAndUnresolvableNodes"]) == {"v100-0"}
    nodes = [a_node(name) for name in NAMES]
    assert json.loads(service.filter(a_call(pod, None, nodes), narrow=True))["Nodes"]["items"] == nodes[1:2]


def test_after_a_narrow_filter_fewer_nodes_are_decided_anew() -> None:
    service = a_service()
    pod = a_pod_manifest("p", plan=PlanNote(device="nvidia-t4", nodes=("t4-0", "t4-1")))
    service.filter(a_call(pod, NAMES), narrow=True)
    assert scores(service.prioritize(a_call(pod, ["t4-1", "v100-0"]))).keys() == {"t4-1", "v100-0"}
    record = service.decisions.of_pod("p")
    assert record is not None and record.advised == "t4-1"


def test_unknown_nodes_are_not_passed_on_beside_a_best_one_even_where_all_known_ones_are_best() -> None:
    service = a_service()
    pod = a_pod_manifest("p", plan=PlanNote(device="nvidia-t4", nodes=("t4-0", "t4-1")))
    assert json.loads(service.filter(a_call(pod, ["t4-0", "t4-1", "new-0"]), narrow=True))["NodeNames"] == [
        "t4-0",
        "t4-1",
    ]
    assert sum(service.stats.decisions.values()) == 1


def test_what_a_narrow_filter_said_of_a_pod_ends_with_the_next_filter() -> None:
    service = a_service()
    pod = a_pod_manifest("p", plan=PlanNote(device="nvidia-t4", nodes=("t4-0", "t4-1")))
    service.filter(a_call(pod, NAMES), narrow=True)
    service.filter(a_call(pod, NAMES))
    service.prioritize(a_call(pod, ["t4-0", "t4-1"]))
    assert sum(service.stats.decisions.values()) == 2, "the second call was a decision of its own"


def test_without_a_preference_the_narrow_filter_passes_all_on() -> None:
    service = a_service()
    pod = a_pod_manifest("p", scheduler="default-scheduler")
    assert json.loads(service.filter(a_call(pod, NAMES), narrow=True))["NodeNames"] == NAMES


def test_rejected_nodes_are_unresolvable_and_the_rest_is_passed_on() -> None:
    service = a_service()
    pod = a_pod_manifest("p", plan=PlanNote(device="nvidia-t4", seconds={"nvidia-t4": 1.0}))
    answer = json.loads(service.filter(a_call(pod, [*NAMES, "new-0"])))
    assert answer["NodeNames"] == ["t4-0", "t4-1", "new-0"]
    assert set(answer["FailedAndUnresolvableNodes"]) == {"v100-0"}
    assert answer["FailedNodes"] == {}
    assert scores(service.prioritize(a_call(pod, answer["NodeNames"])))["new-0"] == 0


def test_whole_nodes_come_back_whole() -> None:
    service = a_service()
    nodes = [a_node(name) for name in NAMES]
    pod = a_pod_manifest("p", plan=PlanNote(device="nvidia-t4", seconds={"nvidia-t4": 1.0}))
    answer = json.loads(service.filter(a_call(pod, None, nodes)))
    assert answer["NodeNames"] is None
    assert answer["Nodes"]["items"] == nodes[:2]
    assert set(scores(service.prioritize(a_call(pod, None, nodes)))) == set(NAMES)


@pytest.mark.parametrize("pod", [None, {}, a_pod_manifest("p", scheduler="default-scheduler")])
def test_a_pod_that_is_not_ours_gets_a_neutral_answer(pod: dict[str, Any] | None) -> None:
    service = a_service()
    for strict in (False, True):
        assert json.loads(service.filter(a_call(pod, NAMES), strict))["NodeNames"] == NAMES
    assert scores(service.prioritize(a_call(pod, NAMES))) == dict.fromkeys(NAMES, 0)
    assert len(service.decisions) == 0


def test_before_the_first_sync_advice_is_neutral_and_strict_pods_wait() -> None:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    call = a_call(a_pod_manifest("p"), NAMES)
    assert json.loads(service.filter(call))["NodeNames"] == NAMES
    assert scores(service.prioritize(call)) == dict.fromkeys(NAMES, 0)
    with pytest.raises(NotReady):
        service.filter(call, strict=True)


def test_an_error_inside_is_answered_neutrally_counted_and_makes_strict_pods_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(calls_module, "asked_of", broken)
    service = a_service()
    call = a_call(a_pod_manifest("p"), NAMES)
    assert json.loads(service.filter(call))["NodeNames"] == NAMES
    assert scores(service.prioritize(call)) == dict.fromkeys(NAMES, 0)
    with pytest.raises(NotReady):
        service.filter(call, strict=True)
    assert dict(service.stats.errors) == {"filter": 1, "prioritize": 1, "strict_filter": 1}


def test_a_broken_body_is_refused() -> None:
    service = a_service()
    for verb in (service.filter, service.prioritize):
        with pytest.raises(BadCall):
            verb(b'{"Pod":')


def test_advice_becomes_a_hint_that_moves_the_next_pod_but_not_the_same_one() -> None:
    load = telemetry_of(host_load={"t4-0": 0.20, "t4-1": 0.21})
    service = a_service(a_snapshot(load, t4=2))
    names = ["t4-0", "t4-1"]

    def best(name: str) -> str:
        found = scores(service.prioritize(a_call(a_pod_manifest(name, gpus=0, cores="8"), names)))
        return max(found, key=found.__getitem__)

    assert [best("p"), best("p"), best("q"), best("p")] == ["t4-0", "t4-0", "t4-1", "t4-0"]


def test_remembered_lists_of_names_never_outlive_the_nodes_they_were_numbered_for() -> None:
    world = a_world(*NAMES)
    service = a_service(world.snapshot(NOW))
    call = a_call(a_pod_manifest("p"), NAMES)
    service.prioritize(call)
    world.drop_node("t4-0")
    service.snapshot = world.snapshot(NOW + 1)
    found = scores(service.prioritize(call))
    assert set(found) == set(NAMES)
    assert found["t4-0"] == 0


def test_remembering_lists_changes_no_answer() -> None:
    rng = random.Random(7)
    remembering = a_service(a_snapshot(t4=5, v100=5, cpu=2))
    every = list(remembering.snapshot.roster.names) if remembering.snapshot else []
    for number in range(200):
        names = rng.sample(every, rng.randint(1, len(every)))
        note = PlanNote(device="nvidia-t4", nodes=(rng.choice(every),), seconds={"nvidia-t4": 1.0, "nvidia-v100": 0.5})
        call = a_call(a_pod_manifest(f"p-{number % 3}", plan=note), names)
        fresh = a_service(remembering.snapshot)
        assert remembering.filter(call) == fresh.filter(call)
        assert scores(remembering.prioritize(call)) == scores(fresh.prioritize(call))
