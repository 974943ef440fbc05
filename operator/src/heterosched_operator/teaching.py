"""Writes what finished tasks teach into the status of ThroughputProfiles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from heterosched.kube.client import Kube
from heterosched.kube.errors import Conflict, NotFound, Rejected
from heterosched_operator.actions import TeachProfile
from heterosched_operator.learning import taught
from heterosched_operator.listing import OURS
from heterosched_operator.store import Store

Json = dict[str, Any]


class Teacher:
    """One lesson after the other: each needs the version of the profile that the one before it has made."""

    def __init__(self, kube: Kube, store: Store, manager: Mapping[str, str]) -> None:
        self._kube, self._store, self._manager = kube, store, dict(manager)
        self._turn = asyncio.Lock()

    async def teach(self, action: TeachProfile) -> None:
        """Replace the profile's status, if UID and version are still those that it was computed from.

        A profile that is gone needs no lesson. Raises Conflict, after the profile was read anew, and other ApiErrors.
        """
        async with self._turn:
            profile = self._store.profiles.items.get(action.uid)
            if profile is None:
                return
            status = taught(profile, action.runs, self._store.rules.energy_source, action.at)
            if status == profile.status:
                return
            own = profile.metadata
            path = f"{OURS}/namespaces/{own.namespace}/throughputprofiles/{own.name}"
            patch: list[Json] = [
                {"op": "test", "path": "/metadata/uid", "value": own.uid},
                {"op": "test", "path": "/metadata/resourceVersion", "value": own.resource_version},
                {"op": "add", "path": "/status", "value": msgspec.to_builtins(status)},
            ]
            try:
                self._store.profiles.put(await self._kube.patch(f"{path}/status", patch, "json", self._manager))
            except NotFound:
                self._store.profiles.drop(own.uid)
            except (Conflict, Rejected) as error:
                fresh = await self._kube.get(path)
                if fresh["metadata"]["resourceVersion"] == own.resource_version:
                    raise
                self._store.profiles.put(fresh)
                raise Conflict(error.request, 409, "Conflict", "the profile changed meanwhile") from None
