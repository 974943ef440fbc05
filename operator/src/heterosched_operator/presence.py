"""A Lease as a sign of life, so that two operators at a time are noticed: both would act on every HeteroJob.

It excludes nobody: what either does is guarded by UIDs and versions, so nothing runs twice, but both write statuses and
neither gets on. Whoever finds that another one renews the Lease says so. Only a renewal that is seen to happen counts,
by no clock but its own: what a killed operator left behind is taken over once it has stood still for a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from heterosched.kube.access import ACCOUNT
from heterosched.kube.client import Kube
from heterosched.kube.errors import AlreadyExists, ApiError, ApiUnavailable, Conflict, NotFound

logger = logging.getLogger(__name__)

LEASE: Final = "heterosched-operator"
BEAT_SECONDS: Final = 5.0
STALE_SECONDS: Final = 20.0
HOME: Final = "heterosched-system"
"""Where the chart's documentation installs it: an operator on somebody's desk looks there for another one."""


def home() -> str:
    """The namespace of our own service account; outside of a cluster the usual one."""
    try:
        return (ACCOUNT / "namespace").read_text().strip() or HOME
    except OSError:
        return HOME


class Presence:
    """`await run()` as a task. `on_other` is told who else is there, "" for nobody, whenever that changes."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        on_other: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        identity: str = "",
    ) -> None:
        self._kube, self._on_other, self._clock = kube, on_other, clock
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self.identity = identity or f"{os.environ.get('HOSTNAME', 'operator')}_{uuid.uuid4().hex[:8]}"
        self._seen: tuple[str, str] = ("", "")
        self._since = 0.0
        self._moved = False
        self._other = ""
        self._trouble = ""

    async def run(self) -> None:
        """Show that we are there and look for others, again and again; ends only by cancellation."""
        while True:
            try:
                await self.beat()
                self._trouble = ""
            except (ApiUnavailable, Conflict, AlreadyExists) as error:
                logger.debug("%s", error)
            except ApiError as error:
                if not self._trouble:
                    logger.info("a second operator would not be noticed: %s", error)
                self._trouble = str(error)
            await asyncio.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        """Renew the Lease where it is ours, or nobody's; else see whether its holder lives. Raises ApiError."""
        try:
            lease = await self._kube.get(f"{self._path}/{LEASE}")
        except NotFound:
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": LEASE}}
            await self._kube.post(self._path, {**body, "spec": self._spec()})
            return
        spec = lease.get("spec") or {}
        holder, renewed = str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or "")
        if holder in ("", self.identity) or self._stale(holder, renewed):
            version = lease["metadata"]["resourceVersion"]
            await self._kube.patch(
                f"{self._path}/{LEASE}", {"metadata": {"resourceVersion": version}, "spec": self._spec()}
            )
            self._tell("")
        elif self._moved:
            self._tell(holder)

    async def leave(self) -> None:
        """Give the Lease up, so that a successor need not wait; without effect where that fails."""
        try:
            lease = await self._kube.get(f"{self._path}/{LEASE}")
            if (lease.get("spec") or {}).get("holderIdentity") == self.identity:
                version = {"resourceVersion": lease["metadata"]["resourceVersion"]}
                await self._kube.patch(f"{self._path}/{LEASE}", {"metadata": version, "spec": {"holderIdentity": None}})
        except ApiError as error:
            logger.debug("%s", error)

    def _stale(self, holder: str, renewed: str) -> bool:
        """Whether another one's Lease has stood still for long; also notes whether it was seen to move."""
        now = self._clock()
        if self._seen != (holder, renewed):
            self._moved = self._seen[0] == holder
            self._seen, self._since = (holder, renewed), now
        return now - self._since >= STALE_SECONDS

    def _tell(self, other: str) -> None:
        if other == self._other:
            return
        if other:
            logger.error("another operator is at work: %s renews Lease %s/%s; stop one of the two", other, *self._where)
        else:
            logger.info("no other operator is at work any more: %s has stopped", self._other)
        self._other = other
        self._on_other(other)

    @property
    def _where(self) -> tuple[str, str]:
        return self._path.split("/")[-2], LEASE

    def _spec(self) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"holderIdentity": self.identity, "leaseDurationSeconds": round(STALE_SECONDS), "renewTime": now}
