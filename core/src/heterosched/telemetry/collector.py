"""The parent's side of telemetry: keeps a child process collecting and offers what it sent last.

Nothing here blocks the event loop, and nothing that Prometheus or the child does gets further than `latest.error`:
figures stay, their age grows, and the terms that use them become absent.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import msgspec

from heterosched.model.telemetry import CARBON, PRICE, TAS, Telemetry
from heterosched.telemetry.queries import SAMPLED
from heterosched.telemetry.rates import field_of
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.wire import HEADER_BYTES, decode

logger = logging.getLogger(__name__)

START_GRACE = 20.0
"""Seconds that a new child may take to import what it needs on a busy machine."""

LARGEST_FRAME = 256 * 2**20
CHILD = (sys.executable, "-m", "heterosched.telemetry.child")


@dataclass
class CollectorCounters:
    """Since the start; meant for metrics. `rejected`: series that were not believed, by metric and reason."""

    collections: int = 0
    failed: int = 0
    restarts: int = 0
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)


class _ChildTrouble(Exception):
    """The child ended, fell silent or sent nonsense."""


class Collector:
    """`await run()` as a task; `latest` is the newest telemetry, `on_telemetry` is called with each.

    `inventory` is asked after each collection and sent on when it has changed. Raises InvalidInput for bad settings.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        *,
        inventory: Callable[[], Inventory] = Inventory,
        on_telemetry: Callable[[Telemetry], None] | None = None,
        longest_delay: float = 30.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        settings.check()
        self.latest = Telemetry(error="no telemetry yet")
        self.counters = CollectorCounters()
        self.pid: int | None = None
        self._settings, self._inventory, self._on_telemetry = settings, inventory, on_telemetry
        self._longest_delay, self._sleep, self._rng = longest_delay, sleep, rng or random.Random()
        # The last metric may be begun just before the time is up, and takes two queries.
        self._patience = settings.interval + settings.budget + 2 * settings.timeout + START_GRACE
        self._told, self._unbelieved = "", frozenset[tuple[str, str]]()
        self._refused: Mapping[str, str] = {}

    async def run(self) -> None:
        """Keep a child running; ends only by cancellation, and takes the child along."""
        delay = 0.5
        while True:
            started = time.monotonic()
            try:
                await self._run_child()
            except (_ChildTrouble, OSError) as error:
                self.counters.restarts += 1
                logger.warning("telemetry collector: %s; starting another", error)
                self._offer(replace(self.latest, error=f"telemetry collector: {error}"))
            if time.monotonic() - started > self._longest_delay:
                delay = 0.5
            await self._sleep(delay * self._rng.uniform(0.5, 1.0))
            delay = min(delay * 2, self._longest_delay)

    async def _run_child(self) -> None:
        # A session of its own: Ctrl-C at a terminal is for the parent, which ends the child by closing its stdin.
        child = await asyncio.create_subprocess_exec(*CHILD, stdin=PIPE, stdout=PIPE, start_new_session=True)
        self.pid = child.pid
        try:
            await self._converse(child)
        finally:
            self.pid = None
            if child.stdin is not None:
                child.stdin.close()
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()

    async def _converse(self, child: Process) -> None:
        sent: Inventory | None = None
        await self._send(child, msgspec.json.encode(self._settings))
        while True:
            inventory = self._inventory()
            if inventory != sent:
                await self._send(child, msgspec.json.encode(inventory))
                sent = inventory
            telemetry = await self._receive(child)
            if telemetry.nodes == self.latest.nodes:  # as good as always: then the names are kept once
                telemetry = replace(telemetry, nodes=self.latest.nodes)
            await asyncio.sleep(0)  # reading it and using it takes a millisecond each: others may go in between
            self.counters.collections += 1
            self.counters.failed += bool(telemetry.error)
            self._count(telemetry)
            if telemetry.error and not telemetry.nodes:
                # A new child has no memory; ours is good enough, and says its age.
                telemetry = replace(self.latest, error=telemetry.error, refused=telemetry.refused)
            self._offer(telemetry)

    async def _send(self, child: Process, line: bytes) -> None:
        assert child.stdin is not None
        try:
            child.stdin.write(line + b"\n")
            await asyncio.wait_for(child.stdin.drain(), self._patience)
        except (TimeoutError, ConnectionError) as error:
            raise _ChildTrouble(f"the child does not listen ({type(error).__name__})") from error

    async def _receive(self, child: Process) -> Telemetry:
        assert child.stdout is not None
        try:
            async with asyncio.timeout(self._patience):
                length = int.from_bytes(await child.stdout.readexactly(HEADER_BYTES), "big")
                if length > LARGEST_FRAME:
                    raise _ChildTrouble(f"the child announced {length} bytes")
                return decode(await child.stdout.readexactly(length))
        except asyncio.IncompleteReadError as error:
            raise _ChildTrouble(f"the child ended (exit code {await child.wait()})") from error
        except TimeoutError as error:
            raise _ChildTrouble(f"the child said nothing for {self._patience:.0f} s") from error
        except msgspec.DecodeError as error:
            raise _ChildTrouble(f"the child sent nonsense: {error}") from error

    def _count(self, telemetry: Telemetry) -> None:
        """Count what was not believed, and name it when it is news; it is not when it was so the last time."""
        if telemetry.collected_at == self.latest.collected_at:
            return  # nothing was read: these are the counts of a time before
        found = {(metric, reason): n for metric, reasons in telemetry.rejects.items() for reason, n in reasons.items()}
        self.counters.rejected.update(found)
        if found.keys() - self._unbelieved:
            logger.warning("telemetry: %d series not believed: %s", telemetry.rejected, "; ".join(telemetry.examples))
        self._unbelieved = frozenset(found)

    def _name_refused(self, telemetry: Telemetry) -> None:
        """Name each query that is refused, when it begins to be."""
        for metric, why in telemetry.refused.items():
            if metric not in self._refused:
                logger.warning("%s: %s; %s", *_whose(metric, why, self._settings))
        self._refused = telemetry.refused

    def _offer(self, telemetry: Telemetry) -> None:
        """Say once that telemetry went away, or partly so, or came back; then hand it on."""
        self._name_refused(telemetry)
        state = "answering"
        if telemetry.error:
            state = "away" if telemetry.collected_at == self.latest.collected_at else "partly away"
        if state != self._told:
            level = logging.WARNING if telemetry.error else logging.INFO
            logger.log(level, "telemetry is %s%s", state, f": {telemetry.error}" if telemetry.error else "")
        self._told, self.latest = state, telemetry
        if self._on_telemetry is not None:
            try:
                self._on_telemetry(telemetry)
            except Exception:
                logger.exception("telemetry: the consumer failed")


def _whose(metric: str, why: str, settings: TelemetrySettings) -> tuple[str, str, str]:
    """A refused query: whose it is, why, and what helps."""
    if metric.startswith((PRICE, CARBON)):
        return field_of(metric), why, "correct the PromQL, or remove the field"
    if metric.startswith(TAS):
        name = metric.removeprefix(TAS)
        given = name in settings.tas_metrics or name + SAMPLED in settings.tas_metrics
        return f"TASPolicy metric {name}", why, "correct tas_metrics" if given else "give its PromQL in tas_metrics"
    given = metric in settings.queries or metric + SAMPLED in settings.queries
    remedy = "correct prometheus_queries" if given else "give other PromQL in prometheus_queries"
    return metric, why, remedy
