"""Waiting inside the event loop for something that other tasks or processes bring about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether `condition` came true within about `seconds`."""
    for _ in range(round(seconds / 0.05)):
        if condition():
            return True
        await asyncio.sleep(0.05)
    return False
