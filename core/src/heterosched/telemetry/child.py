"""The collector's child process, started by `heterosched.telemetry.collector`: `python -m heterosched.telemetry.child`.

Parsing some megabytes of JSON takes the interpreter for a second; here that stalls nobody. The first line on stdin
holds the settings, every further line an inventory; frames of telemetry go to stdout. The end of stdin means that the
parent is gone, however it went, and ends this process at once.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import BinaryIO

import msgspec

from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.source import Prometheus, Source
from heterosched.telemetry.wire import encode

NICENESS = 5
"""Parsing is a burst of CPU time every few seconds, and nobody waits for it; those who wait for an answer go before."""


class _Latest:
    """The inventory that the parent sent last."""

    def __init__(self) -> None:
        self.inventory = Inventory()
        self.arrived = threading.Event()

    def follow(self, lines: BinaryIO) -> None:
        """Read until the parent is gone; then there is nothing left to do, not even to wait for a query."""
        for line in lines:
            self.inventory = msgspec.json.decode(line, type=Inventory)
            self.arrived.set()
        os._exit(0)


def main() -> None:
    """Collect for ever."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not end up between the frames
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=TelemetrySettings)
    latest = _Latest()
    threading.Thread(target=latest.follow, args=(sys.stdin.buffer,), daemon=True).start()
    latest.arrived.wait()
    source = Source(settings, Prometheus(settings).query)
    while True:
        started = time.monotonic()
        frame = encode(source.collect(latest.inventory))
        try:
            out.write(frame)
            out.flush()
        except BrokenPipeError:
            os._exit(0)
        time.sleep(max(0.0, started + settings.interval - time.monotonic()))


if __name__ == "__main__":
    os.nice(NICENESS)
    main()
