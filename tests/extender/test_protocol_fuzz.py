"""Whatever body arrives at whatever verb, the answer is a well-formed protocol message or a clear 4xx, never a 500.

HETEROSCHED_FUZZ_BODIES sets the number of bodies; `make fuzz` sends a million.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Coroutine, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from extender_calls import NOW, a_call, a_node, a_pod_manifest, a_snapshot, telemetry_of
from heterosched.api import PlanNote
from heterosched_extender.app import Verbs, nothing_else
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import Service

NODES = ["t4-0", "t4-1", "v100-0", "cpu-0", "ghost-1", ""]
BODIES = int(os.environ.get("HETEROSCHED_FUZZ_BODIES", "20000"))
AT_ONCE = 50
ODD_VALUES: list[Any] = [None, 0, -1, 2**70, 1e308, "", "x", "\ud800", [], {}, [None], {"a": None}, True, "9" * 400]


def a_service() -> Service:
    service = Service(Decisions(2**18, 3600), clock=lambda: NOW)
    service.snapshot = a_snapshot(telemetry_of(gpu_temperature={"t4-0": 95.0}), t4=2, v100=1, cpu=1)
    return service


SERVICE = a_service()
VERBS = Verbs(SERVICE, nothing_else, 2**20)


def some_pod(rng: random.Random) -> dict[str, Any]:
    seconds = {device: rng.uniform(0.0, 9.0) for device in rng.sample(["nvidia-t4", "nvidia-v100", "cpu", "x"], 2)}
    note = PlanNote(policy=rng.choice(["Energy", "Nope"]), device="nvidia-t4", nodes=("t4-1", "gone"), seconds=seconds)
    return a_pod_manifest(
        f"p-{rng.randrange(9)}",
        gpus=rng.randrange(3),
        cores=rng.choice(["1", "500m", "many", "-3"]),
        plan=note if rng.random() < 0.7 else None,
        index=rng.choice([None, 0, 5]),
    )


def mutate(value: Any, rng: random.Random) -> Any:
    """The value with one part of it replaced, dropped or renamed."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        action = rng.random()
        rest = {name: part for name, part in value.items() if name != key}
        if action < 0.7:
            return {**value, key: mutate(value[key], rng)}
        return rest if action < 0.85 else {**rest, key.swapcase(): value[key]}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], mutate(value[at], rng), *value[at + 1 :]]
    return rng.choice(ODD_VALUES)


def a_preemption(rng: random.Random, names: list[str]) -> bytes:
    victims = [a_pod_manifest(f"v-{number}") for number in range(rng.randrange(3))]
    uids = [{"UID": victim["metadata"]["uid"]} for victim in victims]
    whole, meta = ({name: {"Pods": pods, "NumPDBViolations": 0} for name in names} for pods in (victims, uids))
    maps = (whole, None) if rng.random() < 0.5 else (None, meta)
    call = {"Pod": some_pod(rng), "NodeNameToVictims": maps[0], "NodeNameToMetaVictims": maps[1]}
    return json.dumps(call, separators=(",", ":")).encode()


def some_body(rng: random.Random) -> bytes:
    names = [rng.choice(NODES) for _ in range(rng.randrange(6))]
    whole = [a_node(name) for name in names if name] if rng.random() < 0.3 else None
    preemption = rng.random() < 0.25
    body = a_preemption(rng, names) if preemption else a_call(some_pod(rng), None if whole else names, whole)
    kind = rng.random()
    if kind < 0.3:
        return body
    if kind < 0.8:
        return json.dumps(mutate(json.loads(body), rng), separators=(",", ":")).encode()
    at = rng.randrange(len(body))
    if kind < 0.9:
        return body[:at]
    return body[:at] + bytes([rng.randrange(256)]) + body[at + rng.randrange(3) :]


def ask(path: str, body: bytes) -> tuple[int, bytes]:
    """One request by ASGI, without a loop: nothing on this way waits."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"content-length", b"%d" % len(body))]}
    finish(VERBS(scope, receive, send))
    assert dict(sent[0]["headers"])[b"content-length"] == b"%d" % len(sent[1]["body"])
    return sent[0]["status"], sent[1]["body"]


def finish(running: Coroutine[Any, Any, None]) -> None:
    try:
        running.send(None)
    except StopIteration:
        return
    raise AssertionError("a verb waits for something")


def check(path: str, status: int, answer: bytes) -> None:
    found = json.loads(answer)
    if status != 200:
        assert status == 400, status
        assert set(found) == {"error"} and found["error"]
    elif path.endswith("filter"):
        assert set(found) == {"Nodes", "NodeNames", "FailedNodes", "FailedAndUnresolvableNodes", "Error"}
        assert (found["Nodes"] is None) != (found["NodeNames"] is None)
        assert found["Error"] == ""
        assert set(found["FailedNodes"]).isdisjoint(found["FailedAndUnresolvableNodes"])
    elif path.endswith("preempt"):
        assert set(found) == {"NodeNameToMetaVictims"}
        for victims in found["NodeNameToMetaVictims"].values():
            assert type(victims["NumPDBViolations"]) is int
            assert all(isinstance(pod["UID"], str) for pod in victims["Pods"])
    else:
        assert all(type(each["Score"]) is int and 0 <= each["Score"] <= 10 for each in found)
        assert len({each["Host"] for each in found}) == len(found)


PATHS = tuple(VERBS.paths)


def fire(body: bytes, paths: Iterable[str] = PATHS) -> list[int]:
    statuses = []
    for path in paths:
        status, answer = ask(path, body)
        check(path, status, answer)
        statuses.append(status)
        SERVICE.think_ahead()
    return statuses


@pytest.mark.slow
@settings(max_examples=max(1, BODIES // AT_ONCE), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(min_value=0, max_value=2**64))
def test_no_body_breaks_the_protocol(seed: int) -> None:
    before = sum(SERVICE.stats.errors.values())
    rng, refused = random.Random(seed), 0
    for _ in range(AT_ONCE):
        body = some_body(rng)
        note(repr(body))
        refused += fire(body, rng.sample(PATHS, 2)).count(400)
    assert sum(SERVICE.stats.errors.values()) - before == refused, "an error inside is counted beside the refusals"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=8), parts, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["Pod", "pod", "Nodes", "nodes", "NodeNames", "nodenames", "NodeNameToMetaVictims", "Extra"])


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(KEYS, JSON, max_size=4).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60))
def test_no_json_and_no_bytes_break_the_protocol(body: bytes) -> None:
    assert set(fire(body)) <= {200, 400}


def test_well_formed_bodies_are_answered() -> None:
    rng = random.Random(1)
    answered = [200 in fire(some_body(rng)) for _ in range(300)]
    assert sum(answered) > 150
