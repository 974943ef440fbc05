"""Whether the scheduler beside this extender is the one that binds: of several replicas one leads, by a Lease.

The others' extenders are asked nothing, so pods that are bound meanwhile say nothing about them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable

import msgspec

from heterosched.kube.errors import ApiError
from heterosched.kube.listwatch import ListWatch

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0


class _Spec(msgspec.Struct, rename="camel"):
    holder_identity: str | None = None


class _Lease(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


class Leading:
    """`lease` is `namespace/name`; empty where there is one scheduler, which then always leads. `since`: epoch seconds
    from which on bindings are ours to judge, infinite while another one leads. `await run()` as a task.
    """

    def __init__(
        self,
        api: ListWatch,
        lease: str,
        since: float,
        clock: Callable[[], float] = time.time,
        host: str = "",
    ) -> None:
        namespace, _, name = lease.partition("/")
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}" if name else ""
        self._api, self._clock, self._host = api, clock, host or socket.gethostname()
        self._before = since
        self._first = True
        self.since = float("inf") if self._path else since

    async def run(self) -> None:
        """Look who leads, again and again; ends only by cancellation, or at once where one scheduler always does."""
        while self._path:
            await self.try_to_look()
            await asyncio.sleep(LOOK_SECONDS)

    async def try_to_look(self) -> None:
        """Look once, before the first pods are told; a server that does not answer is waited for by others."""
        if not self._path:
            return
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self.look()
        except (ApiError, TimeoutError, msgspec.DecodeError) as error:
            logger.debug("%s", error)

    async def look(self) -> None:
        """Read the Lease. Raises ApiError, and leaves everything as it was."""
        body = await self._api.get_raw(self._path, {})
        holder = msgspec.json.decode(body, type=_Lease).spec.holder_identity or ""
        leads = holder.startswith(f"{self._host}_")  # kube-scheduler adds a random part to the host's name
        if not leads:
            self.since = float("inf")
        elif self.since == float("inf"):
            # At the start the scheduler may have led for long, and this extender may have been away.
            self.since = self._before if self._first else self._clock()
        self._first = False
