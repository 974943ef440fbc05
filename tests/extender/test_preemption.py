"""Nodes that evicting pods cannot cure are struck from a preemption; the others go back with their victims as named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from extender_calls import NOW, a_pod_manifest, a_snapshot, telemetry_of
from heterosched.api import PlanNote
from heterosched.constants import ANNOTATION_NUMA
from heterosched.policy.decide import Curable
from heterosched_extender import service as service_module
from heterosched_extender.decisions import Decisions
from heterosched_extender.preemption import decode_preemption
from heterosched_extender.service import NotReady, Service
from heterosched_extender.wire import BadCall, filter_answer

T4_ONLY = PlanNote(device="nvidia-t4", seconds={"nvidia-t4": 1.0})


def a_service() -> Service:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = a_snapshot(telemetry_of(gpu_temperature={"t4-0": 95.0, "t4-1": 40.0}), t4=2, v100=1)
    return service


def a_body(nodes: Mapping[str, list[str]], whole: bool = False, plan: PlanNote | None = T4_ONLY, **pod: Any) -> bytes:
    manifests = {name: [a_pod_manifest(victim) for victim in victims] for name, victims in nodes.items()}
    full = {name: {"Pods": pods, "NumPDBViolations": 1} for name, pods in manifests.items()}
    meta = {
        name: {"Pods": [{"UID": pod["metadata"]["uid"]} for pod in pods], "NumPDBViolations": 1}
        for name, pods in manifests.items()
    }
    call = {
        "Pod": a_pod_manifest("p", plan=plan, **pod),
        "NodeNameToVictims": full if whole else None,
        "NodeNameToMetaVictims": None if whole else meta,
    }
    return json.dumps(call).encode()


def answered(answer: bytes) -> dict[str, list[str]]:
    found = json.loads(answer)
    assert set(found) == {"NodeNameToMetaVictims"}
    assert all(victims["NumPDBViolations"] == 1 for victims in found["NodeNameToMetaVictims"].values())
    return {name: [pod["UID"] for pod in victims["Pods"]] for name, victims in found["NodeNameToMetaVictims"].items()}


@pytest.mark.parametrize("whole", [False, True])
def test_a_node_with_the_wrong_device_is_struck_out_and_the_victims_come_back_by_uid(whole: bool) -> None:
    body = a_body({"t4-0": ["a", "b"], "v100-0": ["c"], "Unknown.Node": ["d"]}, whole)
    found = answered(a_service().preempt(body))
    assert found == {"t4-0": ["uid-a", "uid-b"], "Unknown.Node": ["uid-d"]}


def test_the_strict_entry_strikes_out_hot_nodes_too() -> None:
    service, body = a_service(), a_body({"t4-0": ["a"], "t4-1": ["b"]})
    assert set(answered(service.preempt(body))) == {"t4-0", "t4-1"}
    assert set(answered(service.preempt(body, strict=True))) == {"t4-1"}
    assert service.stats.rejected["strict_preempt"] == 1


def test_what_evicting_cures_stays_where_somebody_is_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> dict[str, str]:
        return {"t4-0": Curable("no room in any zone"), "t4-1": Curable("no room in any zone")}

    monkeypatch.setattr(service_module, "reject", full)
    assert answered(a_service().preempt(a_body({"t4-0": ["a"], "t4-1": []}))) == {"t4-0": ["uid-a"]}


def test_nobody_is_evicted_from_a_node_that_the_strict_filter_turns_down_as_unknown() -> None:
    body = a_body({"new-0": ["a"]}, plan=None, annotations={ANNOTATION_NUMA: "Required"})
    assert answered(a_service().preempt(body)) == {"new-0": ["uid-a"]}
    assert answered(a_service().preempt(body, strict=True)) == {}


def test_candidates_without_victims_are_handled() -> None:
    assert answered(a_service().preempt(a_body({"t4-1": []}))) == {"t4-1": []}


def test_a_pod_that_is_not_ours_changes_nothing() -> None:
    body = a_body({"v100-0": ["a"]}, scheduler="default-scheduler")
    assert answered(a_service().preempt(body)) == {"v100-0": ["uid-a"]}


def test_before_the_first_sync_the_scheduler_decides_alone_and_strict_pods_wait() -> None:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    body = a_body({"v100-0": ["a"]})
    assert answered(service.preempt(body)) == {"v100-0": ["uid-a"]}
    with pytest.raises(NotReady):
        service.preempt(body, strict=True)


def test_an_error_inside_is_neutral_counted_and_makes_strict_pods_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(service_module, "reject", broken)
    service, body = a_service(), a_body({"v100-0": ["a"]})
    assert answered(service.preempt(body)) == {"v100-0": ["uid-a"]}
    with pytest.raises(NotReady):
        service.preempt(body, strict=True)
    assert service.stats.errors == {"preempt": 1, "strict_preempt": 1}


def test_either_casing_and_null_are_read() -> None:
    text = b'{"pod":null,"nodeNameToMetaVictims":{"a":{"pods":[{"uid":"u"},null],"numPDBViolations":2},"b":null}}'
    found = decode_preemption(text)
    assert found.pod is None
    assert found.nodes["a"].uids == ("u",)
    assert found.nodes["a"].violations == 2
    assert found.nodes["b"].uids == ()


@pytest.mark.parametrize("body", [b"", b"[]", b'{"NodeNameToMetaVictims":[]}', b'{"Pod":7}'])
def test_a_broken_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadCall, match="ExtenderPreemptionArgs"):
        decode_preemption(body)


def test_a_filter_tells_the_scheduler_which_nodes_evicting_may_cure() -> None:
    reasons = {"full": Curable("no room in any zone"), "wrong": "offers nvidia-k80"}
    found = json.loads(filter_answer(b"[]", None, reasons))
    assert found["FailedNodes"] == {"full": "no room in any zone"}
    assert found["FailedAndUnresolvableNodes"] == {"wrong": "offers nvidia-k80"}
