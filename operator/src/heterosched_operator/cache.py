"""Our own objects as they were last seen: from watch events, from lists, and from the answers to our own writes.

Of two versions of an object the newer one stays, whatever the order in which they arrive: so a decision sees what the
operator itself has just written, even if the watch lags behind.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from heterosched.api import Metadata

logger = logging.getLogger(__name__)

Json = Mapping[str, Any]
REMEMBERED_DELETIONS = 10_000


class HasMetadata(Protocol):
    """Anything with our slim metadata."""

    @property
    def metadata(self) -> Metadata:
        """Name, UID, version."""
        ...


T = TypeVar("T", bound=HasMetadata)


class Cache(Generic[T]):
    """Objects of one kind by UID; `changed` is called after each change that matters."""

    def __init__(self, type: type[T], changed: Callable[[], None]) -> None:
        self._type, self._changed = type, changed
        self._items: dict[str, T] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._unreadable: dict[str, str] = {}

    @property
    def items(self) -> Mapping[str, T]:
        """The objects by UID; a live view."""
        return self._items

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Objects that do not fit the type, by UID, with the reason: written by another version perhaps."""
        return self._unreadable

    def put(self, raw: Json) -> None:
        """Take an object as the API server wrote it, unless a newer version or its deletion is known."""
        metadata = raw.get("metadata") or {}
        uid = str(metadata.get("uid", ""))
        known = self._items.get(uid)
        if not uid or uid in self._gone or (known is not None and version(raw) <= int(known.metadata.resource_version)):
            return
        try:
            self._items[uid] = msgspec.convert(raw, self._type)
            self._unreadable.pop(uid, None)
        except msgspec.ValidationError as error:
            name = f"{raw.get('kind', self._type.__name__)} {metadata.get('namespace', '')}/{metadata.get('name')}"
            if uid not in self._unreadable:
                logger.warning("%s cannot be read and is left alone: %s", name, error)
            self._unreadable[uid] = f"{name}: {error}"
        self._changed()

    def drop(self, uid: str) -> None:
        """The object has been deleted: no late message brings it back."""
        self._gone[uid] = None
        while len(self._gone) > REMEMBERED_DELETIONS:
            self._gone.popitem(last=False)
        self._unreadable.pop(uid, None)
        if self._items.pop(uid, None) is not None:
            self._changed()

    def event(self, type: str | None, raw: Json) -> None:
        """A watch event; `type` is None for objects of the initial list."""
        if type == "DELETED":
            self.drop(str((raw.get("metadata") or {}).get("uid", "")))
        else:
            self.put(raw)

    def replace(self, raws: Iterable[Json], at: int, namespace: str = "") -> None:
        """A full list, of one namespace if need be, as of resource version `at`: what it lacks and what is not newer
        has been deleted.
        """
        listed = set()
        for raw in raws:
            listed.add(str((raw.get("metadata") or {}).get("uid", "")))
            self.put(raw)
        for uid in [uid for uid, item in self._items.items() if uid not in listed]:
            if namespace and self._items[uid].metadata.namespace != namespace:
                continue
            if int(self._items[uid].metadata.resource_version or 0) <= at:
                self.drop(uid)


def version(raw: Json) -> int:
    """The resource version as a number: they are ordered (KEP-5504; etcd revisions)."""
    return int((raw.get("metadata") or {}).get("resourceVersion") or 0)
