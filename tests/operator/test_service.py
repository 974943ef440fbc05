"""A part of the operator that ends unexpectedly is logged and fails the liveness probe; waiting does not."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest

from heterosched.errors import Unavailable
from heterosched.model import Telemetry
from heterosched.settings import load
from heterosched.telemetry.collector import Collector
from heterosched_operator.handlers import configure
from heterosched_operator.loop import Loop
from heterosched_operator.service import Service
from heterosched_operator.settings import Settings
from heterosched_operator.store import Store
from heterosched_operator.world import Energy, TelemetryState


def a_service() -> Service:
    nowhere: Any = None
    settings = load(Settings, {}, None)
    service = Service(settings)
    service._store = Store(nowhere, settings.rules, lambda: None)
    service._loop = Loop(service._store, service.metrics, settings, time.time)
    return service


async def fails() -> None:
    raise RuntimeError("oops")


async def ends() -> None:
    return


async def lasts() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(("part", "why"), [(fails, "RuntimeError: oops"), (ends, "it ended by itself")])
async def test_a_part_that_ends_fails_the_probe(part: Any, why: str, caplog: pytest.LogCaptureFixture) -> None:
    service = a_service()
    service._run(lasts(), "others")
    service.alive()
    service._run(part(), "/api/v1/pods")
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match=f"/api/v1/pods has stopped: {why}"):
        service.alive()
    assert f"/api/v1/pods has stopped ({why})" in caplog.text
    await service.stop()


async def test_ending_on_purpose_is_no_failure() -> None:
    service = a_service()
    service._run(lasts(), "others")
    await asyncio.sleep(0)
    await service.stop()
    assert service.alive() != {}


def test_only_a_loop_that_runs_can_be_stuck() -> None:
    service = a_service()
    assert service._loop is not None
    service._loop.last_round -= 1000
    service.alive()
    service._loop.running = True
    with pytest.raises(Unavailable, match="no decision for"):
        service.alive()


def test_crds_that_come_later_are_looked_out_for() -> None:
    import kopf

    settings = kopf.OperatorSettings()
    configure(settings)
    assert not settings.scanning.disabled


async def test_measured_energy_is_kept_for_its_attempt_and_counted_by_source() -> None:
    service = a_service()
    service._on_energy(("uid", "a", 0), Energy(250.0))
    service._on_energy(("uid", "b", 0), Energy(None))
    assert service._store is not None
    assert service._store.energies == {("uid", "a", 0): Energy(250.0), ("uid", "b", 0): Energy(None)}
    sample = service.metrics.registry.get_sample_value("heterosched_operator_joules_total", {"source": "measured"})
    assert sample == 250.0


def gauge(service: Service, name: str, **labels: str) -> float | None:
    return service.metrics.registry.get_sample_value(f"heterosched_operator_{name}", labels)


@pytest.mark.parametrize("available", [True, False])
async def test_the_state_of_telemetry_is_exported_from_the_first_look_on_not_only_when_it_changes(
    available: bool,
) -> None:
    service = a_service()
    assert service._store is not None
    service._store.telemetry = TelemetryState(True, True)
    service._on_state(TelemetryState(True, available))
    assert gauge(service, "telemetry_available") == float(available)


async def test_refused_queries_are_exported_as_long_as_they_are_refused() -> None:
    service = a_service()
    service._on_readings(Telemetry(collected_at=1.0, refused={"gpu_watts": "parse error"}))
    assert gauge(service, "telemetry_refused", metric="gpu_watts") == 1.0
    service._on_readings(Telemetry(collected_at=2.0))
    assert gauge(service, "telemetry_refused", metric="gpu_watts") is None


async def test_nothing_is_collected_before_the_nodes_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    service, known, collected = a_service(), asyncio.Event(), asyncio.Event()
    assert service._store is not None
    monkeypatch.setattr(service._store, "synced", known.wait)

    class Collecting:
        async def run(self) -> None:
            collected.set()

    reading = asyncio.create_task(service._read(service._store, cast("Collector", Collecting())))
    await asyncio.sleep(0.01)
    assert not collected.is_set()
    known.set()
    await reading
    assert collected.is_set()
