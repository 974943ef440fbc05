"""The operator as a whole: starts its parts in their order, answers the liveness probe, ends them again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from prometheus_client import start_http_server

from heterosched.errors import Unavailable
from heterosched.kube.client import Kube
from heterosched.kube.errors import ApiError
from heterosched.kube.scope import Scope
from heterosched.model import DEVICE_TYPES, DeviceTable, Telemetry
from heterosched.telemetry.collector import Collector
from heterosched_operator.approval import Approver
from heterosched_operator.executor import FIELD_MANAGER, Executor
from heterosched_operator.loop import Loop
from heterosched_operator.measuring import Meter
from heterosched_operator.metrics import Metrics
from heterosched_operator.posting import Poster
from heterosched_operator.presence import Presence, home
from heterosched_operator.settings import Settings
from heterosched_operator.store import Store
from heterosched_operator.waking import Waker
from heterosched_operator.world import AttemptKey, Energy, TelemetryState

logger = logging.getLogger(__name__)

SILENCE = 300.0
"""Seconds of silence on a watch after which something is badly wrong: bookmarks come every minute."""

LEAVE_SECONDS = 2.0
"""How long saying goodbye may take: a successor that has to wait loses less than one that is killed."""

UNHEARD = 5.0
"""Seconds between two full lists before kopf's watch has shown any HeteroJob."""


class Service:
    """All parts of the operator around one connection. `devices`: the device table; `clock` gives epoch seconds."""

    def __init__(
        self, settings: Settings, devices: DeviceTable = DEVICE_TYPES, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings, self._devices, self._clock = settings, devices, clock
        self.metrics = Metrics()
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: dict[str, str] = {}
        self._heard: set[str] = set()
        self._kube: Kube | None = None
        self._store: Store | None = None
        self._loop: Loop | None = None
        self._presence: Presence | None = None

    async def start(self) -> None:
        """Connect, fill the caches and begin to decide; nothing is decided before everything has been listed once.

        Raises InvalidInput (no usable credentials).
        """
        settings = self.settings
        kube = self._kube = await Kube.connect(settings.kubeconfig)
        # The store tells the loop, the loop reads the store: the callback is bound late.
        scope = Scope(settings.namespaces)
        store = self._store = Store(kube, settings.rules, lambda: loop.mark(), self._devices, scope)
        loop = self._loop = Loop(store, self.metrics, settings, self._clock)
        poster = Poster(kube, self.metrics, self._clock)
        meter = Meter(
            settings.telemetry,
            self._on_energy,
            self._on_state,
            delay=settings.energy_delay_seconds,
            gap=settings.energy_gap_seconds,
        )
        store.telemetry = TelemetryState(meter.configured, meter.configured)
        loop.executor = Executor(kube, store, poster, meter, self.metrics, settings.concurrency)
        for watch in store.watches:
            self._run(watch.run(), watch.path)
        self._run(poster.run(), "events")
        waker = Waker(kube, store.pods.items.values, lambda: store.hot, self._clock, scope)
        self._run(waker.run(), "waking")
        if meter.configured:
            self._run(meter.run(), "telemetry")
            collector = Collector(settings.telemetry, inventory=store.inventory, on_telemetry=self._on_readings)
            self._run(self._read(store, collector), "readings")
        self._presence = Presence(kube, settings.lease_namespace or home(), self._on_other)
        self._run(self._presence.run(), "presence")
        self._run(self._decide(store, loop), "decisions")
        start_http_server(settings.metrics_port, settings.host, self.metrics.registry)

    async def _read(self, store: Store, collector: Collector) -> None:
        """Begun before the nodes are known, the first collection would believe nothing that is said about them."""
        await store.synced()
        await collector.run()

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(self._supervised(work, name), name=name))

    async def _supervised(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Nothing that runs beside the loop may end before the operator does: without it decisions rest on old news."""
        why = "it ended by itself"
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            logger.exception("%s: a part of the operator has failed", name)
        logger.error("%s has stopped (%s); the liveness probe fails from now on", name, why)
        self._ended[name] = why

    async def _decide(self, store: Store, loop: Loop) -> None:
        await self._listed(store)
        await store.synced()
        logger.info("synced: %d HeteroJobs, %d nodes", len(store.jobs.items), len(store.nodes.items))
        self._run(self._resync(store), "resync")
        if self._kube is not None:
            # Not before all nodes are known: a device type that only they name would be called unknown.
            self._run(Approver(self._kube, store, self._clock, FIELD_MANAGER).run(), "policies")
        await loop.run()

    async def _listed(self, store: Store) -> None:
        while True:
            try:
                await store.wait_for_crds()
                return
            except ApiError as error:
                logger.warning("first list: %s; trying again", error)
                await asyncio.sleep(1.0)

    async def _resync(self, store: Store) -> None:
        """Full lists again and again: what a watch has missed, deletions above all, is made good.

        As long as kopf's watch of HeteroJobs has shown nothing at all they follow closely: it begins only when kopf
        has found the CRD, which may have been installed a moment ago.
        """
        while True:
            seconds = self.settings.resync_seconds
            await asyncio.sleep(seconds if "heterojobs" in self._heard else min(UNHEARD, seconds))
            try:
                await store.resync()
            except ApiError as error:
                logger.warning("resync: %s", error)

    def seen(self, kind: str, type: str | None, raw: dict[str, Any]) -> None:
        """A watch event of one of our own kinds (by its plural)."""
        if self._store is None:
            return
        self._heard.add(kind)
        if kind == "heterojobs":
            self._store.jobs.event(type, raw)
        elif kind == "schedulingpolicies":
            self._store.policies.event(type, raw)
        else:
            self._store.profiles.event(type, raw)

    def alive(self) -> dict[str, Any]:
        """Figures for the liveness probe, and what has to be done without. Raises Unavailable where it is stuck."""
        if self._loop is None or self._store is None:
            return {}
        for name, why in self._ended.items():
            raise Unavailable(f"{name} has stopped: {why}")
        idle, age = time.monotonic() - self._loop.last_round, self._store.age()
        # Before the loop runs the API server or the CRDs are waited for, which no restart would mend.
        if self._loop.running and idle > self.settings.stuck_seconds:
            raise Unavailable(f"no decision for {idle:.0f} s")
        if SILENCE < age < float("inf"):
            raise Unavailable(f"the API server has been silent for {age:.0f} s")
        without = {path: str(error) for path, error in self._store.refused().items()}
        return {
            "last_round_seconds": round(idle, 1),
            "watch_age_seconds": round(min(age, 1e9), 1),
            **({"without": without} if without else {}),
        }

    async def stop(self) -> None:
        """Let what is under way end, then stop everything."""
        if self._loop is not None:
            await self._loop.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._presence is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await self._presence.leave()
        if self._kube is not None:
            await self._kube.close()

    def _on_other(self, other: str) -> None:
        self.metrics.others.set(bool(other))

    def _on_energy(self, attempt: AttemptKey, energy: Energy) -> None:
        if self._store is not None and self._loop is not None:
            self._store.energies[attempt] = energy
            if energy.joules is not None:
                self.metrics.joules.labels(self.settings.energy_source).inc(energy.joules)
            self._loop.mark()

    def _on_readings(self, readings: Telemetry) -> None:
        if self._store is not None:
            now = self._clock()
            self._store.read(readings, now)
            for origin, watts in self._store.drawn(now).items():
                self.metrics.watts.labels(origin).set(watts)
            self.metrics.refused.clear()
            for metric in readings.refused:
                self.metrics.refused.labels(metric).set(1)

    def _on_state(self, state: TelemetryState) -> None:
        self.metrics.telemetry.set(state.available)
        if self._store is not None and self._loop is not None and self._store.telemetry != state:
            self._store.telemetry = state
            self._loop.mark()
