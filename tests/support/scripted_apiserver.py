"""An API server's collection in memory, with the faults of a real one on demand; and a clock that only sleeping moves.

It keeps the semantics that a reflector must live with: one growing resource version, watches that replay history,
history that is compacted away (410), pages of one consistent snapshot, streams that are cut, end, or fall silent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from heterosched.kube.errors import ApiError, ApiUnavailable, Gone
from heterosched.kube.listwatch import Params

Json = dict[str, Any]


@dataclass
class VirtualClock:
    """Seconds that pass only while somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Change:
    """`verb` add, modify, delete or recreate the object `name`; what does not apply is no change."""

    verb: str
    name: str


@dataclass(frozen=True)
class Fault:
    """`kind` of trouble; `meanwhile` happens before the client is back; `compact` forgets the history up to then."""

    kind: str
    meanwhile: tuple[Change, ...] = ()
    compact: bool = False


class ScriptedApiServer:
    """Plays `script` to whoever watches, then sets `finished` and keeps the watch open."""

    def __init__(self, clock: VirtualClock, script: tuple[Change | Fault, ...] = ()) -> None:
        self.clock, self.finished = clock, asyncio.Event()
        self.truth: dict[str, Json] = {}
        self.failing_lists: list[ApiError] = []
        self._script = list(script)
        self._version, self._compacted, self._uid = 1, 0, 0
        self._history: list[tuple[int, Json]] = []
        self._snapshots: dict[str, tuple[list[Json], int]] = {}

    # --- the truth ---------------------------------------------------------------------------------------------------

    def change(self, change: Change) -> None:
        """Apply one change and record its events."""
        known = change.name in self.truth
        if change.verb == "recreate" and known:
            self.change(Change("delete", change.name))
            self.change(Change("add", change.name))
        elif change.verb == "add" and not known:
            self._uid += 1
            self._record("ADDED", self._object(change.name, f"uid-{self._uid}"))
        elif change.verb == "modify" and known:
            self._record("MODIFIED", self._object(change.name, self.truth[change.name]["metadata"]["uid"]))
        elif change.verb == "delete" and known:
            self._record("DELETED", self._object(change.name, self.truth[change.name]["metadata"]["uid"]))

    def _object(self, name: str, uid: str) -> Json:
        return {"metadata": {"name": name, "uid": uid, "resourceVersion": str(self._version + 1)}}

    def _record(self, kind: str, item: Json) -> None:
        self._version += 1
        if kind == "DELETED":
            del self.truth[item["metadata"]["name"]]
        else:
            self.truth[item["metadata"]["name"]] = item
        self._history.append((self._version, {"type": kind, "object": item}))

    # --- what a client sees ------------------------------------------------------------------------------------------

    async def get_raw(self, path: str, params: Params) -> bytes:
        """A page of the list: all pages of one list show one moment."""
        await asyncio.sleep(0)
        if self.failing_lists:
            raise self.failing_lists.pop(0)
        token = str(params["continue"])
        if token:
            rest, version = self._snapshots.pop(token)
        else:
            rest, version = list(self.truth.values()), self._version
        limit = int(params.get("limit", len(rest) or 1))
        following = ""
        if rest[limit:]:
            following = f"{version}-{len(rest)}"
            self._snapshots[following] = (rest[limit:], version)
        metadata = {"resourceVersion": str(version), "continue": following}
        return json.dumps({"metadata": metadata, "items": rest[:limit]}).encode()

    async def watch(
        self, path: str, resource_version: str, params: Params, *, timeout_seconds: float, read_deadline: float
    ) -> AsyncGenerator[bytes, None]:
        """Replays history after `resource_version`, then plays the script."""
        seen = int(resource_version)
        if seen < self._compacted:
            raise Gone("WATCH", 410, "Expired", "too old resource version")
        while True:
            await asyncio.sleep(0)
            for version, event in [entry for entry in self._history if entry[0] > seen]:
                seen = version
                yield json.dumps(event).encode()
            if not self._script:
                self.finished.set()
                await asyncio.Event().wait()
            step = self._script.pop(0)
            if isinstance(step, Change):
                self.change(step)
                continue
            for line in self._fault_lines(step):
                yield line
            for change in step.meanwhile:
                self.change(change)
            if step.compact:
                self._compacted = self._version
            if await self._fault_ends_stream(step, read_deadline):
                return

    def _fault_lines(self, fault: Fault) -> list[bytes]:
        metadata = {"resourceVersion": str(self._version), "creationTimestamp": None}
        expired = {"metadata": {}, "status": "Failure", "code": 410, "reason": "Expired"}
        refused = {"metadata": {}, "status": "Failure", "code": 500, "reason": "InternalError"}
        lines: dict[str, Json] = {
            "bookmark": {"type": "BOOKMARK", "object": {"metadata": metadata, "spec": {"containers": None}}},
            "expired": {"type": "ERROR", "object": expired},
            "refused": {"type": "ERROR", "object": refused},
        }
        if fault.kind == "garbage":
            return [b'{"type": "MODIFIED", "obj']
        return [json.dumps(lines[fault.kind]).encode()] if fault.kind in lines else []

    async def _fault_ends_stream(self, fault: Fault, read_deadline: float) -> bool:
        if fault.kind == "dead":
            await self.clock.sleep(read_deadline)
            raise ApiUnavailable("WATCH", 0, "SocketTimeoutError", "no byte in time")
        if fault.kind == "cut":
            raise ApiUnavailable("WATCH", 0, "ClientPayloadError", "cut")
        if fault.kind == "list fails":
            self.failing_lists = [
                ApiUnavailable("LIST", 503, "ServiceUnavailable", "starting"),
                ApiError("LIST", 403, "Forbidden", "roles are not there yet"),
            ]
            raise ApiUnavailable("WATCH", 504, "Timeout", "too large resource version")
        return fault.kind != "bookmark"
