"""Decisions are kept within their bounds of memory and age, and can be decided again to the same scores."""

from __future__ import annotations

import json
import tracemalloc
from functools import reduce
from operator import add
from typing import Any

import pytest

from extender_calls import NOW, a_call, a_node, a_pod_manifest, a_snapshot, a_world, node_object, telemetry_of
from heterosched.api import PlanNote
from heterosched.constants import ANNOTATION_NUMA
from heterosched.model import DEVICE_TYPES, DeviceType, PowerModel
from heterosched.policy.explain import explain
from heterosched.policy.record import case_of, decode_record, encode_record
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import Service
from heterosched_extender.world import World

TELEMETRY = telemetry_of(NOW - 5, gpu_temperature={"t4-0": 85.0, "t4-1": 50.0}, host_load={"t4-0": 0.3, "v100-0": 0.1})
NAMES = ["t4-0", "t4-1", "v100-0", "k80-0"]
NOTE = PlanNote(
    device="nvidia-t4",
    nodes=("t4-1",),
    seconds={"nvidia-t4": 10.0, "nvidia-v100": 5.0},
    watts={"nvidia-t4": 70.0, "nvidia-v100": 300.0},
    input_nodes=("t4-0", "t4-1"),
)


def a_service(limit_bytes: float = 2**20, clock: Any = None) -> Service:
    service = Service(Decisions(limit_bytes, 3600), clock=clock or (lambda: NOW))
    service.snapshot = a_snapshot(TELEMETRY, t4=2, v100=1, k80=1, cpu=1)
    return service


def schedule(service: Service, name: str = "p", **pod: Any) -> dict[str, int]:
    manifest = a_pod_manifest(name, plan=NOTE, **pod)
    passed = json.loads(service.filter(a_call(manifest, NAMES)))["NodeNames"]
    return {each["Host"]: each["Score"] for each in json.loads(service.prioritize(a_call(manifest, passed)))}


@pytest.mark.parametrize("node", ["t4-0", "t4-1", "v100-0"])
def test_the_explanation_gives_the_very_score_that_was_sent(node: str) -> None:
    service = a_service()
    schedule(service, "earlier", cores="4")
    sent = schedule(service)
    record = service.decisions.of_pod("p", "default")
    assert record is not None
    decision = explain(record.case(), node)
    assert decision.asked is not None and decision.best is not None and decision.runner_up is not None
    assert decision.asked.score == sent[node]
    assert decision.best.score == 10
    # Added from left to right, as the score is: sum() compensates its rounding from Python 3.12 on.
    assert decision.asked.mean == reduce(add, (part.part for part in decision.asked.terms))
    assert decision.candidates == len(NAMES)
    assert decision.difference == (decision.best.mean or 0) - (decision.runner_up.mean or 0)


def test_a_record_holds_the_figures_of_the_device_table_that_were_used() -> None:
    own = DeviceType("nvidia-t4", ("tesla-t4",), PowerModel(55.0, 170.0), 16 * 2.0**30, 0.52)
    service, world = a_service(), World(devices=DEVICE_TYPES.with_rows([own]))
    for name in NAMES:
        world.put_node(node_object(a_node(name)))
    service.snapshot = world.snapshot(NOW)
    sent = schedule(service)
    kept = service.decisions.of_pod("p", "default")
    assert kept is not None
    again = case_of(decode_record(encode_record(kept.case(), "1.0"), "record"))
    assert again.scene.nodes.idle_watts[again.scene.roster.index["t4-0"]] == 2 * 15.0 + 4 * 55.0
    assert {node: decided.score for node in NAMES if (decided := explain(again, node).asked) is not None} == sent


def test_the_explanation_names_ages_rejections_and_where_the_pod_went() -> None:
    service = a_service()
    schedule(service)
    assert service.decisions.bound("uid-p", "v100-0") == "t4-1"
    record = service.decisions.of_pod("p")
    assert record is not None
    decision = explain(record.case(), "t4-0")
    assert decision.asked is not None
    told = {part.term: part for part in decision.asked.terms}
    assert told["thermal"].value == 0.5
    assert told["thermal"].age_seconds == 5.0
    assert told["data"].value == 0.5
    assert [rejection.examples for rejection in decision.rejected] == [("k80-0",)]
    assert decision.bound == "v100-0"


@pytest.mark.parametrize(
    "node, words",
    [
        ("k80-0", "turned down: offers nvidia-k80"),
        ("cpu-0", "it offers cpu, and the plan's node affinity asks for nvidia-t4, nvidia-v100"),
        ("nowhere", "was not known"),
    ],
)
def test_why_not_that_node_is_answered_for_every_node(node: str, words: str) -> None:
    service = a_service()
    schedule(service)
    record = service.decisions.of_pod("p")
    assert record is not None
    decision = explain(record.case(), node)
    assert decision.asked is None
    assert words in decision.asked_answer


def test_a_pod_with_a_single_candidate_is_explained_from_the_filter_alone() -> None:
    service = a_service()
    manifest = a_pod_manifest("p", annotations={ANNOTATION_NUMA: "Required"})
    service.filter(a_call(manifest, ["t4-0", "new-7"]))
    record = service.decisions.of_pod("p")
    assert record is not None
    decision = explain(record.case())
    assert decision.best is not None and decision.best.node == "t4-0"
    text = " ".join(decision.remarks)
    for words in ("asked for no scores", "NUMA alignment is required", "not known and scored 0: new-7"):
        assert words in text


def test_the_strict_filter_adds_to_what_the_plain_one_turned_down() -> None:
    service = a_service()
    service.snapshot = a_snapshot(telemetry_of(gpu_temperature={"t4-0": 95.0, "t4-1": 50.0}), t4=2, k80=1)
    manifest = a_pod_manifest("p", plan=NOTE)
    passed = json.loads(service.filter(a_call(manifest, ["t4-0", "t4-1", "k80-0"])))["NodeNames"]
    service.filter(a_call(manifest, passed), strict=True)
    record = service.decisions.of_pod("p")
    assert record is not None
    assert set(record.rejected) == {"t4-0", "k80-0"}
    service.filter(a_call(manifest, ["t4-0", "t4-1"]))
    again = service.decisions.of_pod("p")
    assert again is not None and again.rejected == {}


def test_the_plain_filter_adds_to_what_the_strict_one_turned_down_and_a_new_attempt_starts_anew() -> None:
    """The scheduler asks the ignorable entry last."""
    service = a_service()
    service.snapshot = a_snapshot(telemetry_of(gpu_temperature={"t4-0": 95.0, "t4-1": 50.0}), t4=2, k80=1)
    manifest = a_pod_manifest("p", plan=NOTE)
    for _ in range(2):
        call = a_call(manifest, ["t4-0", "t4-1", "k80-0"])
        passed = json.loads(service.filter(call, strict=True))["NodeNames"]
        service.filter(a_call(manifest, passed))
        record = service.decisions.of_pod("p")
        assert record is not None and record.strict
        assert set(record.rejected) == {"t4-0", "k80-0"}
    service.snapshot = a_snapshot(t4=2, k80=1)
    service.filter(a_call(manifest, ["t4-0", "t4-1"]), strict=True)
    service.filter(a_call(manifest, ["t4-0", "t4-1"]))
    again = service.decisions.of_pod("p")
    assert again is not None and again.rejected == {}


def test_the_oldest_records_give_way_when_memory_is_used_up() -> None:
    service = a_service(limit_bytes=50_000)
    for number in range(200):
        schedule(service, f"p-{number}")
    assert service.decisions.nbytes <= 50_000
    assert 5 < len(service.decisions) < 200
    assert service.decisions.of_pod("p-0") is None
    assert service.decisions.of_pod("p-199") is not None


def test_arrays_count_once_however_many_snapshots_share_them_and_telemetry_counts_too() -> None:
    """Each record has a snapshot with telemetry of its own; the nodes are the same in all of them."""
    service = a_service(limit_bytes=2**30)
    names = [f"t4-{number}" for number in range(1000)]
    world = a_world(*names)
    for number in range(20):
        world.set_telemetry(telemetry_of(NOW + number, gpu_temperature=dict.fromkeys(names, 50.0)))
        service.snapshot = world.snapshot(NOW)
        service.prioritize(a_call(a_pod_manifest(f"p-{number}"), names))
    snapshots = {record.snapshot.version: record.snapshot for record in service.decisions.latest(20)}
    arrays = {id(part): size for snapshot in snapshots.values() for part, size in snapshot.parts()}
    own = sum(record.nbytes for record in service.decisions.latest(20))
    assert len(snapshots) == 20
    assert service.decisions.nbytes == own + sum(arrays.values())
    assert sum(arrays.values()) > 20 * 2 * 8 * len(names)


def test_what_is_counted_is_about_what_is_allocated() -> None:
    names = [f"t4-{number}" for number in range(2000)]
    world, decisions = a_world(*names), Decisions(2**30, 3600)
    service = Service(decisions, clock=lambda: NOW)
    tracemalloc.start()
    try:
        for number in range(30):
            world.set_telemetry(telemetry_of(NOW + number, gpu_temperature=dict.fromkeys(names, 50.0)))
            service.snapshot = world.snapshot(NOW)
            service.filter(a_call(a_pod_manifest(f"p-{number}"), names))
        allocated, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.5 < decisions.nbytes / allocated < 2.0


def test_records_end_with_their_time_and_leave_nothing_behind() -> None:
    now = [NOW]
    service = a_service(clock=lambda: now[0])
    for number in range(5):
        schedule(service, f"p-{number}")
    assert [record.asked.name for record in service.decisions.latest(2)] == ["p-4", "p-3"]
    service.decisions.expire(NOW + 3601)
    assert len(service.decisions) == 0
    assert service.decisions.nbytes == 0


def test_the_newest_pod_of_a_name_is_found_in_its_namespace() -> None:
    service = a_service()
    schedule(service)
    assert service.decisions.of_pod("p", "elsewhere") is None
    assert service.decisions.of_pod("q") is None
    assert service.decisions.seen("nobody") is None
    assert service.decisions.bound("nobody", "t4-0") == ""
