"""Pods that telemetry keeps waiting are tried again when a node calms down, and no others are touched."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.constants import SCHEDULER_NAME
from heterosched.kube.errors import ApiUnavailable
from heterosched.kube.objects import PodObject
from heterosched_operator.waking import AGAIN_SECONDS, ANNOTATION_WOKEN, MOST_AT_ONCE, Waker, waits

HOT = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 a GPU is at 95 degrees Celsius, the limit is 90."


def a_pod(
    name: str, message: str = HOT, reason: str = "Unschedulable", node: str = "", scheduler: str = SCHEDULER_NAME
) -> PodObject:
    conditions = [{"type": "PodScheduled", "status": "False", "reason": reason, "message": message}]
    metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}"}
    spec = {"nodeName": node, "schedulerName": scheduler}
    status = {"phase": "Pending", "conditions": conditions}
    return msgspec.convert({"metadata": metadata, "spec": spec, "status": status}, PodObject)


class Server:
    """Remembers patches; fails those of the pods in `failing`."""

    def __init__(self) -> None:
        self.patched: list[str] = []
        self.bodies: list[Any] = []
        self.failing: set[str] = set()

    async def patch(self, path: str, body: Any) -> Any:
        self.patched.append(path.rpartition("/")[2])
        self.bodies.append(body)
        if self.patched[-1] in self.failing:
            raise ApiUnavailable(f"PATCH {path}", 503, "ServiceUnavailable", "later")
        return {}


class Scene:
    """A waker with a clock and a set of hot nodes of the test's own."""

    def __init__(self, *pods: PodObject) -> None:
        self.server, self.pods, self.now, self.hot = Server(), list(pods), 1000.0, frozenset({"t4-0"})
        self.waker = Waker(self.server, lambda: self.pods, lambda: self.hot, lambda: self.now)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (HOT, True),
        ("0/1 nodes are available: 1 a GPU throttles for heat or a power brake.", True),
        ("0/1 nodes are available: 1 a GPU reported a hardware error (XID 79).", True),
        ("0/1 nodes are available: 1 Prometheus cannot reach an exporter of the node.", True),
        ("0/1 nodes are available: 1 TASPolicy ns/p says dontschedule: health > 0.", True),
        ("0/1 nodes are available: 1 no NUMA zone has 2 nvidia.com/gpu free.", True),
        ("0/1 nodes are available: 1 Insufficient cpu.", False),
        ("0/1 nodes are available: 1 offers nvidia-k80, the plan allows nvidia-t4.", False),
    ],
)
def test_who_waits_for_telemetry_is_known_by_what_the_scheduler_said(message: str, expected: bool) -> None:
    assert waits(a_pod("p", message)) is expected


def test_pods_that_are_placed_or_gated_do_not_wait() -> None:
    assert not waits(a_pod("p", node="t4-0"))
    assert not waits(a_pod("p", reason="SchedulingGated"))


def test_pods_of_other_schedulers_are_not_ours_to_wake() -> None:
    assert not waits(a_pod("p", "0/1 nodes are available: 1 cannot align NUMA topology.", scheduler="numa-scheduler"))


async def test_a_change_of_what_is_hot_wakes_those_who_wait_once() -> None:
    scene = Scene(a_pod("p"), a_pod("q", "0/1 nodes are available: 1 Insufficient cpu."))
    assert await scene.waker.look() == 0
    scene.hot = frozenset()
    assert await scene.waker.look() == 1
    assert await scene.waker.look() == 0
    assert scene.server.patched == ["p"]
    assert scene.server.bodies[0] == {
        "metadata": {"uid": "uid-p", "annotations": {ANNOTATION_WOKEN: "1970-01-01T00:16:40Z"}}
    }


async def test_without_a_known_change_they_are_tried_again_now_and_then() -> None:
    scene = Scene(a_pod("p"))
    await scene.waker.look()
    scene.now += AGAIN_SECONDS - 1
    assert await scene.waker.look() == 0
    scene.now += 1
    assert [await scene.waker.look() for _ in range(2)] == [1, 0]


async def test_many_are_woken_in_turn_and_one_that_cannot_be_holds_up_nobody() -> None:
    scene = Scene(*(a_pod(f"p{number}") for number in range(MOST_AT_ONCE + 5)))
    await scene.waker.look()
    scene.hot, scene.server.failing = frozenset(), {"p0"}
    assert [await scene.waker.look() for _ in range(3)] == [MOST_AT_ONCE, 5, 0]
    assert len(set(scene.server.patched)) == MOST_AT_ONCE + 5


async def test_who_no_longer_waits_is_forgotten() -> None:
    scene = Scene(a_pod("p"))
    await scene.waker.look()
    scene.pods = [a_pod("p", node="t4-0")]
    await scene.waker.look()
    assert scene.waker._woken == {}
