"""List pages and watch events, decoded straight into structs; what does not fit is set apart, never raised."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from heterosched.kube.errors import ApiUnavailable, Status
from heterosched.kube.objects import KubeObject, Metadata

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=KubeObject)


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct, Generic[T]):
    metadata: _ListMeta
    items: list[T] | None = None


class _RawPage(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Known(msgspec.Struct, Generic[T]):
    type: str
    object: T


class _Raw(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Named(msgspec.Struct):
    metadata: Metadata = Metadata()


@dataclass(slots=True)
class Page(Generic[T]):
    """One page of a list; `unreadable` holds the keys of objects that do not fit the struct."""

    items: list[T]
    version: str
    token: str
    unreadable: list[str]


@dataclass(slots=True)
class Event(Generic[T]):
    """One watch event: `object` where it could be read, `status` of an ERROR."""

    type: str
    metadata: Metadata
    object: T | None = None
    status: Status | None = None


class Decoder(Generic[T]):
    """Decoder of one collection; an object that does not fit is logged once by name."""

    def __init__(self, path: str, type: type[T]) -> None:
        self._path = path
        self._one = msgspec.json.Decoder(type)
        self._page: msgspec.json.Decoder[_Page[T]] = msgspec.json.Decoder(_Page[type])  # type: ignore[valid-type]
        self._event: msgspec.json.Decoder[_Known[T]] = msgspec.json.Decoder(_Known[type])  # type: ignore[valid-type]
        self._raw_page = msgspec.json.Decoder(_RawPage)
        self._raw_event = msgspec.json.Decoder(_Raw)
        self._named = msgspec.json.Decoder(_Named)
        self._status = msgspec.json.Decoder(Status)
        self._logged: set[str] = set()

    def page(self, body: bytes) -> Page[T]:
        """A page of a list. Raises ApiUnavailable when it is no list at all (a proxy's error page)."""
        try:
            page = self._page.decode(body)
            return Page(page.items or [], page.metadata.resource_version, page.metadata.continue_, [])
        except msgspec.ValidationError:
            return self._page_by_item(body)
        except msgspec.DecodeError as error:
            raise ApiUnavailable(f"LIST {self._path}", 0, "NoJson", str(error)) from error

    def _page_by_item(self, body: bytes) -> Page[T]:
        try:
            page = self._raw_page.decode(body)
        except msgspec.DecodeError as error:
            raise ApiUnavailable(f"LIST {self._path}", 0, "NoList", str(error)) from error
        items: list[T] = []
        unreadable: list[str] = []
        for raw in page.items or ():
            try:
                items.append(self._one.decode(raw))
            except msgspec.ValidationError as error:
                unreadable.append(self._complain(raw, error).key)
        return Page(items, page.metadata.resource_version, page.metadata.continue_, unreadable)

    def event(self, line: bytes) -> Event[T]:
        """A watch event. Raises ApiUnavailable when the line is no event at all."""
        try:
            known = self._event.decode(line)
            if known.type in ("ADDED", "MODIFIED", "DELETED"):
                return Event(known.type, known.object.metadata, known.object)
        except msgspec.ValidationError:
            pass
        except msgspec.DecodeError as error:
            raise ApiUnavailable(f"WATCH {self._path}", 0, "NoJson", str(error)) from error
        return self._odd_event(line)

    def _odd_event(self, line: bytes) -> Event[T]:
        """A bookmark (hardly more than a version), an ERROR (a Status), or an object that does not fit."""
        try:
            raw = self._raw_event.decode(line)
            if raw.type == "ERROR":
                return Event(raw.type, Metadata(), status=self._status.decode(raw.object))
            if raw.type == "BOOKMARK":
                return Event(raw.type, self._named.decode(raw.object).metadata)
        except msgspec.DecodeError as error:
            raise ApiUnavailable(f"WATCH {self._path}", 0, "NoEvent", str(error)) from error
        try:
            metadata = self._one.decode(raw.object).metadata
        except msgspec.ValidationError as error:
            metadata = self._complain(raw.object, error)
        return Event(raw.type, metadata)

    def _complain(self, raw: msgspec.Raw, error: msgspec.ValidationError) -> Metadata:
        try:
            metadata = self._named.decode(raw).metadata
        except msgspec.ValidationError:
            metadata = Metadata(name="(without a readable name)")
        if metadata.key not in self._logged:
            self._logged.add(metadata.key)
            logger.warning("%s %s cannot be read and is left as it was: %s", self._path, metadata.key, error)
        return metadata
