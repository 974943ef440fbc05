"""What is done about memory in a process that must not pause: once when everything that stays has been read, and then
at times of our own choice.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
from collections.abc import Iterator

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
MIDDLE_TICKS, FULL_TICKS = 50, 6000
"""Ticks after which garbage that survived the first look is looked at again, and after which all of it is."""

TRIM_TICKS = 300
"""Ticks after which freed memory is given back: arrays that come and go leave some megabytes of it between them, and
looking for that takes half a millisecond.
"""


@contextlib.contextmanager
def no_collector() -> Iterator[None]:
    """Python's own collector is off: while a cluster is read, all that is new stays, and looking through it takes a
    third of a second; afterwards a `Sweeper` takes over.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle() -> None:
    """Take what is there now out of every later collection, and give back what reading it has left behind."""
    gc.collect()
    gc.freeze()
    give_back()


def give_back() -> None:
    """The C library keeps freed memory for later; glibc gives it back when asked, others have no such call."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError) as error:
        logger.debug("freed memory stays with the C library: %s", error)


class Sweeper:
    """Collects cyclic garbage a little at a time, by `tick()`s that are `TICK_SECONDS` apart.

    Left to itself Python does so after so many new objects, hence in the middle of a burst of changes or of calls, and
    looks at older ones every hundredth time, however many there are. Hardly anything here is cyclic.
    """

    def __init__(self) -> None:
        self._ticks = 0

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.tick()

    def tick(self) -> None:
        """Look at the youngest objects, now and then at older ones; not where Python does it by itself."""
        if gc.isenabled():
            return
        self._ticks += 1
        if self._ticks % TRIM_TICKS == 0:
            give_back()
        gc.collect(2 if self._ticks % FULL_TICKS == 0 else 1 if self._ticks % MIDDLE_TICKS == 0 else 0)
