"""Functions for sweeps in tests: worker processes must find them by the name of a module."""

from __future__ import annotations

import os
import time

from heterosched.errors import InvalidInput


def squared(value: int) -> int:
    """The value times itself."""
    return value * value


def slowly_squared(value: int) -> int:
    """As `squared`, after a while that is the longer, the earlier the item: finished out of order."""
    time.sleep(0.05 if value % 2 else 0.15)
    return value * value


def who(value: int) -> tuple[int, str]:
    """The process that does the item, and how many threads linear algebra may have there."""
    time.sleep(0.1)
    return os.getpid(), os.environ.get("OPENBLAS_NUM_THREADS", "")


def refuses_seven(value: int) -> int:
    """Raises for 7, an exception that cannot be unpickled."""
    if value == 7:
        raise InvalidInput("Trace t", "row 7", "is negative", "mend it")
    return value


def dies_at_seven(value: int) -> int:
    """Ends its process at 7."""
    if value == 7:
        os._exit(3)
    return value


def step_then_wait(value: int) -> int:
    """Waits long for all but 0, so that an interruption finds work under way."""
    if value:
        time.sleep(30)
    return value
