"""A SchedulingPolicy says in its own status whether it is in use, and which field is wrong or without effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest

from clusters import a_cluster
from heterosched.api import SchedulingPolicy
from heterosched.api.policy import SchedulingPolicyStatus
from heterosched.kube.errors import ApiError, ApiUnavailable, NotFound, Rejected
from heterosched.model import NO_TELEMETRY, Telemetry
from heterosched.policy.hooks import Plugins
from heterosched.policy.table import PolicyRow
from heterosched_operator.approval import Approver, status_of, verdict_on
from heterosched_operator.store import Store
from heterosched_operator.world import Rules, TelemetryState
from manifests import a_policy

NOW = 1_800_000_000.0
NOBODY = Plugins()


class NightSaver:
    """A hook that is installed."""

    name = "night-saver"

    def rows(self) -> tuple[PolicyRow, ...]:
        """None of its own."""
        return ()

    def weights(self, row: PolicyRow, occasion: Any) -> Mapping[str, int]:
        """As they are."""
        return row.weights


def raw(name: str = "green", version: str = "5", **spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = a_policy(name, **{"weights": {"energy": 1}, **spec})
    found["metadata"].update(uid="uid-p", resourceVersion=version, generation=3)
    return found


def a_row(name: str = "green", **spec: Any) -> SchedulingPolicy:
    return msgspec.convert(raw(name, **spec), SchedulingPolicy)


def told(
    policy: SchedulingPolicy, installed: Plugins = NOBODY, readings: Telemetry = NO_TELEMETRY
) -> tuple[str, str, str]:
    found = verdict_on(policy, a_cluster(t4=1), installed, readings)
    return found.status, found.reason, found.message


def test_a_valid_policy_is_accepted_and_nothing_more_is_said() -> None:
    assert told(a_row()) == ("True", "Valid", "jobs may name it")
    assert told(a_row(hook="night-saver"), Plugins({"night-saver": NightSaver()}))[1] == "Valid"


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (a_row(weights={"energy": 0}), "spec.weights"),
        (a_row(jps={"alpha": "2"}), "spec.jps"),
    ],
)
def test_a_policy_that_cannot_be_used_names_the_field_and_what_counts_until_then(
    policy: SchedulingPolicy, field: str
) -> None:
    status, reason, message = told(policy)
    assert (status, reason) == ("False", "InvalidSpec")
    assert field in message and message.endswith("until then jobs that name it are not accepted")


def test_a_hook_that_is_not_installed_is_named_with_those_that_are() -> None:
    status, reason, message = told(a_row(hook="nite-saver"), Plugins({"night-saver": NightSaver()}))
    assert (status, reason) == ("True", "UnknownHook")
    assert "spec.hook nite-saver is without effect" in message
    assert "known: night-saver" in message


def test_a_hook_that_cannot_be_loaded_says_why() -> None:
    broken = Plugins(problems=("policy plug-in night-saver (a:b) is not used: no module named a",))
    assert "is not used: no module named a" in told(a_row(hook="night-saver"), broken)[2]


def test_unknown_device_types_and_fields_that_nothing_acts_on_are_remarks() -> None:
    policy = a_row(waiting={"autoscaledDevices": ["nvidia-b2000x"]}, preemption={"mode": "LowerPriority"})
    status, reason, message = told(policy)
    assert (status, reason) == ("True", "UnknownDevice")
    assert "spec.waiting.autoscaledDevices names device type nvidia-b2000x" in message
    assert message.endswith("not in force yet: spec.preemption")


def test_a_query_that_prometheus_refuses_is_told_with_its_field_and_what_counts_instead() -> None:
    readings = Telemetry(refused={"price/green": "HTTP status 400: parse error", "price/other": "no"})
    policy = a_row(priceQuery="sum(", carbonQuery="grams")
    status, reason, message = told(policy, readings=readings)
    assert (status, reason) == ("True", "QueryYieldsNothing")
    assert message == (
        "jobs may name it; spec.priceQuery yields nothing (HTTP status 400: parse error): correct the PromQL; "
        "until then pricePerKWh counts"
    )
    assert told(a_row(carbonQuery="grams"), readings=readings)[1] == "Valid"


async def test_a_query_that_is_answered_again_corrects_the_status() -> None:
    approver, store = an_approver(Server(priceQuery="sum("))
    reasons = []
    asked: tuple[dict[str, str], ...] = ({}, {"price/green": "parse error"}, {})
    for refused in asked:
        store.readings = Telemetry(refused=refused)
        await approver.look()
        reasons.append(store.policies.items["uid-p"].status.conditions[0].reason)
    assert reasons == ["Valid", "QueryYieldsNothing", "Valid"]


@pytest.mark.parametrize(
    ("configured", "generation", "reason"),
    [(True, 3, "QueryYieldsNothing"), (False, 3, "Valid"), (True, 4, "Valid")],
)
async def test_after_a_restart_a_silent_query_is_called_so_until_it_is_asked(
    configured: bool, generation: int, reason: str
) -> None:
    """Unless there is no Prometheus any more that could be asked, or the policy has been edited meanwhile."""
    server = Server(priceQuery="sum(")
    approver, store = an_approver(server)
    store.readings = Telemetry(refused={"price/green": "parse error"})
    await approver.look()
    server.now["metadata"]["generation"] = generation
    approver, store = an_approver(server)
    store.telemetry = TelemetryState(configured, configured)
    await approver.look()
    assert store.policies.items["uid-p"].status.conditions[0].reason == reason
    store.readings = Telemetry(("t4-0",), {"price/green": np.array([0.2])})
    await approver.look()
    assert store.policies.items["uid-p"].status.conditions[0].reason == "Valid"


def test_a_status_that_is_right_stays_and_a_new_generation_keeps_the_time_of_the_transition() -> None:
    policy = a_row()
    first = status_of(policy, a_cluster(t4=1), NOBODY, NOW)
    assert (first.observed_generation, first.conditions[0].observed_generation) == (3, 3)
    again = msgspec.structs.replace(policy, status=first)
    assert status_of(again, a_cluster(t4=1), NOBODY, NOW + 99) == first
    edited = msgspec.structs.replace(again, metadata=msgspec.structs.replace(policy.metadata, generation=4))
    later = status_of(edited, a_cluster(t4=1), NOBODY, NOW + 99)
    assert later.observed_generation == 4
    assert later.conditions[0].last_transition_time == first.conditions[0].last_transition_time


class Server:
    """Holds one policy: a patch of its status makes a new version, unless there is trouble."""

    def __init__(self, trouble: Exception | None = None, **spec: Any) -> None:
        self.trouble, self.spec, self.now = trouble, spec, raw(**spec)
        self.patches: list[Any] = []

    async def patch(self, path: str, body: Any, kind: str = "merge", params: Any = None) -> Any:
        """As `Kube.patch`."""
        self.patches.append((path, body, params))
        if self.trouble is not None:
            raise self.trouble
        (status,) = [step["value"] for step in body if step["path"] == "/status"]
        self.now = {**raw(version=str(5 + len(self.patches)), **self.spec), "status": status}
        return self.now

    async def get(self, path: str, params: Any = None) -> Any:
        """As `Kube.get`."""
        return self.now


def an_approver(server: Server) -> tuple[Approver, Store]:
    kube: Any = server
    store = Store(kube, Rules(), lambda: None)
    store.policies.put(server.now)
    return Approver(kube, store, lambda: NOW, {"fieldManager": "ours"}), store


async def test_a_status_is_written_once_guarded_by_uid_and_version() -> None:
    server = Server()
    approver, store = an_approver(server)
    assert [await approver.look() for _ in range(3)] == [1, 0, 0]
    ((path, body, params),) = server.patches
    assert path.endswith("/schedulingpolicies/green/status") and params == {"fieldManager": "ours"}
    tests = {step["path"]: step["value"] for step in body if step["op"] == "test"}
    assert tests == {"/metadata/uid": "uid-p", "/metadata/resourceVersion": "5"}
    (condition,) = store.policies.items["uid-p"].status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Accepted", "True", "Valid")


async def test_after_a_conflict_the_policy_is_read_anew_and_the_next_look_succeeds() -> None:
    server = Server(Rejected("PATCH", 422, "Invalid", "test failed"))
    approver, store = an_approver(server)
    server.now = raw(version="9", hook="night-saver")
    assert await approver.look() == 0
    assert store.policies.items["uid-p"].metadata.resource_version == "9"
    server.trouble = None
    assert await approver.look() == 1
    (status,) = [step["value"] for step in server.patches[-1][1] if step["path"] == "/status"]
    assert status["conditions"][0]["reason"] == "UnknownHook"


async def test_what_is_refused_for_good_is_not_tried_at_every_look() -> None:
    server = Server(ApiError("PATCH", 403, "Forbidden", "no permission"))
    approver, _ = an_approver(server)
    assert [await approver.look() for _ in range(5)] == [0] * 5
    assert len(server.patches) == 1


@pytest.mark.parametrize(
    ("trouble", "left"),
    [(NotFound("PATCH", 404, "NotFound", "gone"), 0), (ApiUnavailable("PATCH", 503, "Unavailable", "away"), 1)],
)
async def test_trouble_ends_nothing(trouble: Exception, left: int) -> None:
    approver, store = an_approver(Server(trouble))
    assert await approver.look() == 0
    assert len(store.policies.items) == left


async def test_a_policy_that_is_being_deleted_or_cannot_be_read_is_left_alone() -> None:
    server = Server()
    approver, store = an_approver(server)
    known = store.policies.items["uid-p"]
    gone = msgspec.structs.replace(known.metadata, deletion_timestamp="2026-01-15T09:30:12Z")
    store.policies._items["uid-p"] = msgspec.structs.replace(known, metadata=gone)
    assert await approver.look() == 0
    assert server.patches == []
    assert known.status == SchedulingPolicyStatus()
