"""SIGTERM in a container, from the first moment on."""

from __future__ import annotations

import os
import signal
from types import FrameType

CUT_OFF = 143
"""Exit status of a program that a SIGTERM has ended before its work was done, as shells have it."""


def heed_sigterm(status: int = 0) -> None:
    """End at SIGTERM until an event loop takes the signal over; to be called before anything else is loaded.

    The first process of a container has no default for signals: one that comes while Python still loads modules would
    be lost, and the process killed when its grace period is over. `status` is what it ends with: a Job would take 0 for
    done.
    """
    if os.getpid() == 1:

        def end(number: int, frame: FrameType | None) -> None:
            raise SystemExit(status)

        signal.signal(signal.SIGTERM, end)
