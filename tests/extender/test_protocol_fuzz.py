"""Whatever body arrives, the answer is a well-formed protocol message or a refusal; nothing else ever comes out."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from extender_calls import NOW, a_call, a_node, a_pod_manifest, a_snapshot, telemetry_of
from heterosched.api import PlanNote
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import Service
from heterosched_extender.wire import BadCall

NODES = ["t4-0", "t4-1", "v100-0", "cpu-0", "ghost-1", ""]
ROUNDS = 3000
ODD_VALUES: list[Any] = [None, 0, -1, 1e308, "", "x", [], {}, [None], {"a": None}, True, "9" * 400]


def a_service() -> Service:
    service = Service(Decisions(2**18, 3600), clock=lambda: NOW)
    service.snapshot = a_snapshot(telemetry_of(gpu_temperature={"t4-0": 95.0}), t4=2, v100=1, cpu=1)
    return service


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


def some_body(rng: random.Random) -> bytes:
    names = [rng.choice(NODES) for _ in range(rng.randrange(6))]
    whole = [a_node(name) for name in names if name] if rng.random() < 0.3 else None
    body = a_call(some_pod(rng), None if whole is not None else names, whole)
    kind = rng.random()
    if kind < 0.3:
        return body
    if kind < 0.8:
        return json.dumps(mutate(json.loads(body), rng), separators=(",", ":")).encode()
    at = rng.randrange(len(body))
    if kind < 0.9:
        return body[:at]
    return body[:at] + bytes([rng.randrange(256)]) + body[at + rng.randrange(3) :]


def check_filter(answer: bytes) -> None:
    found = json.loads(answer)
    assert set(found) == {"Nodes", "NodeNames", "FailedNodes", "FailedAndUnresolvableNodes", "Error"}
    assert (found["Nodes"] is None) != (found["NodeNames"] is None)
    assert found["Error"] == ""


@pytest.mark.parametrize("seed", [1, 2])
def test_no_body_breaks_the_protocol(seed: int) -> None:
    rng, service = random.Random(seed), a_service()
    answered = refused = 0
    for _ in range(ROUNDS):
        body = some_body(rng)
        try:
            check_filter(service.filter(body))
            check_filter(service.filter(body, strict=True))
            scores = json.loads(service.prioritize(body))
            assert all(type(each["Score"]) is int and 0 <= each["Score"] <= 10 for each in scores)
            assert len({each["Host"] for each in scores}) == len(scores)
            answered += 1
        except BadCall:
            refused += 1
    assert not service.stats.errors
    assert answered > ROUNDS / 4
    assert refused > ROUNDS / 20
