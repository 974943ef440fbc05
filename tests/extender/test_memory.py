"""However many pods are asked about, the memory that the verbs take stays the same."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from extender_calls import NOW, a_call, a_pod_manifest, a_world, telemetry_of
from heterosched_extender import memory
from heterosched_extender.decisions import Decisions
from heterosched_extender.memory import FULL_TICKS, MIDDLE_TICKS, TRIM_TICKS, Sweeper, no_collector, settle
from heterosched_extender.service import Service

NAMES = [f"t4-{number}" for number in range(40)]


@pytest.mark.slow
def test_memory_is_flat_over_many_pods_and_snapshots() -> None:
    now = [NOW]
    service = Service(Decisions(200_000, 3600), clock=lambda: now[0])
    world = a_world(*NAMES)

    def some(count: int) -> int:
        for number in range(count):
            now[0] += 1.0
            if number % 10 == 0:
                world.set_telemetry(telemetry_of(now[0], host_load=dict.fromkeys(NAMES, 0.2)))
                service.snapshot = world.snapshot(now[0])
            call = a_call(a_pod_manifest(f"p-{now[0]:.0f}"), NAMES[number % 30 :])
            service.filter(call)
            service.think_ahead()
            service.prioritize(call)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        some(600)
        before = some(600)
        after = some(1200)
    finally:
        tracemalloc.stop()
    assert after - before < 30_000
    assert len(service.hints) <= 30


def test_settling_takes_what_is_there_out_of_collections() -> None:
    before = gc.get_freeze_count()
    try:
        settle()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_garbage_is_swept_by_ticks_and_by_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, given_back = list[int](), list[int]()
    sweeper = Sweeper()
    monkeypatch.setattr(memory, "give_back", lambda: given_back.append(len(looked)))
    with no_collector():
        assert not gc.isenabled()
        monkeypatch.setattr(gc, "collect", looked.append)
        for _ in range(FULL_TICKS):
            sweeper.tick()
    assert gc.isenabled()
    assert (looked.count(2), looked.count(1)) == (1, FULL_TICKS // MIDDLE_TICKS - 1)
    assert len(looked) == FULL_TICKS
    assert len(given_back) == FULL_TICKS // TRIM_TICKS
    sweeper.tick()
    assert len(looked) == FULL_TICKS
