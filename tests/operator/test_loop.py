"""One bad job never silences the others, nothing is decided on half a picture, and rounds that fail are no life."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from heterosched.api import HeteroJob
from heterosched.settings import load
from heterosched_operator import loop as loop_module
from heterosched_operator.actions import Action, DryRun, EmitEvent, PatchStatus
from heterosched_operator.loop import Loop
from heterosched_operator.metrics import Metrics
from heterosched_operator.settings import Settings
from heterosched_operator.store import Store
from manifests import a_job

QUICK: dict[str, Any] = {"debounce_seconds": 0.01, "replan_seconds": 0.02}


class Carrier:
    """Stands where the executor stands: remembers decisions, and carries them out once it may."""

    def __init__(self) -> None:
        self.carried: list[tuple[str, list[Action]]] = []
        self.may = asyncio.Event()
        self.may.set()

    async def carry_out(self, job: HeteroJob, actions: Iterable[Action]) -> bool:
        self.carried.append((job.metadata.name, list(actions)))
        await self.may.wait()
        return True


def a_loop(*names: str, clock: Callable[[], float] = time.time) -> tuple[Loop, Store, Carrier]:
    nowhere: Any = None
    settings = load(Settings, {}, None, QUICK)
    store = Store(nowhere, settings.rules, lambda: None)
    store.children[""].synced.set()
    for number, name in enumerate(names, start=1):
        own = {"uid": f"uid-{name}", "resourceVersion": str(number), "namespace": "ns", "generation": 1}
        store.jobs.put(a_job(name).metadata(**own).task("t").runtime({"cpu": 1}).manifest())
    loop = Loop(store, Metrics(), settings, clock)
    carrier: Any = Carrier()
    loop.executor = carrier
    return loop, store, carrier


async def run_for(loop: Loop, seconds: float) -> None:
    running = asyncio.create_task(loop.run())
    await asyncio.sleep(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_job_that_cannot_be_decided_on_says_so_once_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = vars(loop_module)["reconcile"]

    def failing(observation: Any, world: Any, advice: Any) -> Any:
        if observation.job.metadata.name == "bad":
            raise KeyError("oops")
        return sound(observation, world, advice)

    monkeypatch.setattr(loop_module, "reconcile", failing)
    now = time.time()
    loop, _, carrier = a_loop("bad", "good", clock=lambda: now)  # no delay passes, however slow the machine is
    await loop._round()
    await asyncio.sleep(0)
    carried = dict(carrier.carried)
    patch = next(action for action in carried["bad"] if isinstance(action, PatchStatus))
    blocked = patch.status.condition("Blocked")
    assert blocked is not None
    assert (blocked.status, blocked.reason) == ("True", "DecisionFailed")
    assert "KeyError: 'oops'" in blocked.message
    assert [action.reason for action in carried["bad"] if isinstance(action, EmitEvent)] == ["Blocked"]
    assert [action for action in carried["good"] if isinstance(action, DryRun)]
    await run_for(loop, 0.3)
    assert [name for name, _ in carrier.carried].count("bad") == 1, "it backs off"
    now += loop_module.FIRST_DELAY
    await loop._round()
    await asyncio.sleep(0)
    assert [name for name, _ in carrier.carried].count("bad") == 2, "and is tried again"


async def test_rounds_that_only_fail_are_no_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, _, _ = a_loop("j")
    await run_for(loop, 0.1)
    first = loop.last_round
    await run_for(loop, 0.1)
    assert loop.last_round > first

    def failing(world: Any) -> Any:
        raise RuntimeError("oops")

    monkeypatch.setattr(loop_module, "planned", failing)
    await loop_fails(loop)


async def loop_fails(loop: Loop) -> None:
    """Once it has begun, failing rounds do not move the sign of life."""
    running = asyncio.create_task(loop.run())
    await asyncio.sleep(0.05)
    began = loop.last_round
    await asyncio.sleep(1.2)
    assert loop.last_round == began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_nothing_is_decided_on_a_picture_from_before_the_last_decision_was_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, _, carrier = a_loop("j")
    carrier.may.clear()
    await loop._round()
    await asyncio.sleep(0)
    assert len(carrier.carried) == 1
    sound = vars(loop_module)["planned"]
    taken: Any = None

    def slow(world: Any) -> Any:
        # The picture has been taken; only now the first decision is carried out to its end.
        nonlocal taken
        taken = copy.copy(world)
        running.call_soon_threadsafe(carrier.may.set)
        time.sleep(0.1)
        return sound(world)

    running = asyncio.get_running_loop()
    monkeypatch.setattr(loop_module, "planned", slow)
    await loop._round()
    await asyncio.sleep(0.05)
    assert taken is not None
    assert len(carrier.carried) == 1
    monkeypatch.setattr(loop_module, "planned", sound)
    await loop._round()
    await asyncio.sleep(0)
    assert len(carrier.carried) == 2
