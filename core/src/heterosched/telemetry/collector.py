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
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from heterosched.model.telemetry import METRICS, Telemetry
from heterosched.telemetry.queries import table
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.wire import HEADER_BYTES, decode

logger = logging.getLogger(__name__)

START_GRACE = 20.0
"""Seconds that a new child may take to import what it needs on a busy machine."""

LARGEST_FRAME = 256 * 2**20
CHILD = (sys.executable, "-m", "heterosched.telemetry.child")


@dataclass
class CollectorCounters:
    """Since the start; meant for metrics."""

    collections: int = 0
    failed: int = 0
    restarts: int = 0


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
        table(settings.node_label, settings.queries)
        self.latest = Telemetry(error="no telemetry yet")
        self.counters = CollectorCounters()
        self.pid: int | None = None
        self._settings, self._inventory, self._on_telemetry = settings, inventory, on_telemetry
        self._longest_delay, self._sleep, self._rng = longest_delay, sleep, rng or random.Random()
        # A query may take its whole timeout, and there are two for each metric.
        self._patience = settings.interval + settings.timeout * 2 * (len(METRICS) + 1) + START_GRACE

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
            self.counters.collections += 1
            self.counters.failed += bool(telemetry.error)
            if telemetry.error and not telemetry.nodes:
                # A new child has no memory; ours is good enough, and says its age.
                telemetry = replace(self.latest, error=telemetry.error)
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

    def _offer(self, telemetry: Telemetry) -> None:
        if bool(telemetry.error) != bool(self.latest.error):
            logger.info("telemetry: %s", telemetry.error or "answering")
        self.latest = telemetry
        if self._on_telemetry is not None:
            try:
                self._on_telemetry(telemetry)
            except Exception:
                logger.exception("telemetry: the consumer failed")
