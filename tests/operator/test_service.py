"""A part of the operator that ends unexpectedly is logged and fails the liveness probe; waiting does not."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from heterosched.errors import Unavailable
from heterosched.settings import load
from heterosched_operator.handlers import configure
from heterosched_operator.loop import Loop
from heterosched_operator.service import Service
from heterosched_operator.settings import Settings
from heterosched_operator.store import Store


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
