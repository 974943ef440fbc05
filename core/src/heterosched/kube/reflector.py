"""A reflector: keeps `items` equal to a collection of the API server by list and watch, whatever happens in between.

A cut watch resumes where it stood; an expired one lists again and works out what was deleted meanwhile; a silently dead
one is noticed because bookmarks stop coming; a refused one backs off. Nothing here raises to the owner, who looks at
`synced`, `age()` and `counters` instead.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from heterosched.kube.decode import Decoder, Event
from heterosched.kube.errors import ApiError, ApiUnavailable, Gone, NotFound, error_of_status
from heterosched.kube.listwatch import ListWatch, Params
from heterosched.kube.objects import KubeObject

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=KubeObject)

BREATH_SECONDS = 0.0002
"""How long events that are there already are applied before others in the process get a turn: no await between them
has to wait, so a burst would hold up everybody for as long as it lasts.
"""

LOOK_SECONDS = 0.1
"""Time between two looks at whether the first list was refused."""

OnChange = Callable[[T | None, T | None], None]
"""Called with (old, new): (None, new) added, (old, new) modified, (old, None) deleted. Must not block."""


@dataclass
class Counters:
    """Since the reflector was made; meant for metrics."""

    events: int = 0
    bookmarks: int = 0
    lists: int = 0
    watches: int = 0
    failures: int = 0
    expired: int = 0
    unreadable: int = 0
    callback_errors: int = 0


@dataclass(frozen=True)
class Pace:
    """How long to wait for what. Seconds."""

    watch_timeout: float = 300.0
    """The server ends a watch after this to twice this, so that many clients do not come back at once."""
    read_deadline: float = 70.0
    """A watch without a byte for this long is dead: the server sends a bookmark about every 60 s."""
    first_delay: float = 0.2
    longest_delay: float = 10.0
    page_size: int = 500


class Reflector(Generic[T]):
    """Mirrors the collection at `path` into structs of `type`; `run()` is a task that lives as long as the process.

    Callbacks run in the event loop, in the order of the changes, after `items` has changed. During a list nothing
    changes: its outcome is applied in one go. `slim` is handed every object that arrives and gives back what is told of
    it; `keep`, what of that is kept once it was told, hence what is told as old: UID and version at the least. With
    `keep` the first list is told page by page, for else all of it would have to be held at once. `optional`: a kind
    that a cluster may well lack, which is no reason to warn. `clock` and `sleep` are seconds, `rng` spreads delays.
    """

    def __init__(
        self,
        api: ListWatch,
        path: str,
        type: type[T],
        *,
        label_selector: str = "",
        field_selector: str = "",
        on_change: OnChange[T] | None = None,
        slim: Callable[[T], T] | None = None,
        keep: Callable[[T], T] | None = None,
        optional: bool = False,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.path = path
        self.synced = asyncio.Event()
        self.counters = Counters()
        self._api, self._decoder = api, Decoder(path, type)
        self._params: Params = {"labelSelector": label_selector, "fieldSelector": field_selector}
        self._callbacks: list[OnChange[T]] = [on_change] if on_change else []
        self._slim: Callable[[T], T] = slim or (lambda item: item)
        self._keep, self._optional = keep, optional
        self._pace, self._clock, self._sleep = pace or Pace(), clock, sleep
        self._rng = rng or random.Random()
        self._items: dict[str, T] = {}
        self._view: Mapping[str, T] = MappingProxyType(self._items)
        self._version = ""
        self._heard = float("-inf")
        self._delay = self._pace.first_delay
        self.failure: ApiError | None = None
        """What is wrong now; None while the API server answers."""

    @property
    def items(self) -> Mapping[str, T]:
        """The objects by key (`namespace/name`, or `name`): a live read-only view, consistent between two awaits."""
        return self._view

    def age(self, now: float | None = None) -> float:
        """Seconds since the server last spoke: up to a minute when all is quiet, infinite before the first list."""
        return (self._clock() if now is None else now) - self._heard

    def on_change(self, callback: OnChange[T]) -> None:
        """Add a callback; objects that are there already are not replayed."""
        self._callbacks.append(callback)

    async def run(self) -> None:
        """List, then watch, for ever; ends only by cancellation."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except Gone:
                self.counters.expired += 1
                self._version = ""
                await self._back_off()
            except ApiError as error:
                self._failed(error)
                await self._back_off()

    def _failed(self, error: ApiError) -> None:
        """Resume after mere connection trouble; any other refusal makes the version itself suspect, so list again."""
        self.counters.failures += 1
        if self.failure is None:
            if self._optional and isinstance(error, NotFound):
                logger.info("%s: the cluster has no such kind; looking again now and then", self.path)
            else:
                logger.warning("%s; trying again", " ".join(str(error).split()))
        self.failure = error
        if not isinstance(error, ApiUnavailable) or error.status not in (0, 429, 503):
            self._version = ""

    @property
    def refused(self) -> ApiError | None:
        """The answer of an API server that is there and says no: the kind is missing, or a role lacks it."""
        return None if isinstance(self.failure, ApiUnavailable) else self.failure

    async def heard(self) -> None:
        """Wait for the first list, or for the API server's no to it: for a kind that one can do without."""
        while not self.synced.is_set() and self.refused is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.synced.wait()

    async def _back_off(self) -> None:
        delay, self._delay = self._delay, min(self._delay * 2, self._pace.longest_delay)
        await self._sleep(delay * self._rng.uniform(0.5, 1.0))

    def _alive(self) -> None:
        self._heard = self._clock()
        self._delay = self._pace.first_delay
        if self.failure is not None:
            logger.info("%s: answering again", self.path)
            self.failure = None

    # --- list --------------------------------------------------------------------------------------------------------

    async def _list(self) -> None:
        try:
            found, version = await self._pages({"limit": self._pace.page_size})
        except Gone:
            # The token of a later page expired: the collection changes faster than we page. One go, then.
            found, version = await self._pages({})
        self.counters.lists += 1
        self._alive()
        self._replace(found)
        self._version = version
        self.synced.set()

    async def _pages(self, extra: Params) -> tuple[dict[str, T], str]:
        found: dict[str, T] = {}
        token = ""
        while True:
            body = await self._api.get_raw(self.path, {**self._params, **extra, "continue": token})
            page = self._decoder.page(body)
            self.counters.unreadable += len(page.unreadable)
            by_page = self._keep is not None and not self.synced.is_set()
            for item in page.items:
                key = item.metadata.key
                found[key] = self._slim(item)
                if by_page:
                    self._put_changed(key, found[key])
                    found[key] = self._items[key]
            for key in page.unreadable:
                # What we knew of it is better than to believe it deleted.
                if key in self._items:
                    found[key] = self._items[key]
            if not page.token:
                return found, page.version
            token = page.token

    def _replace(self, found: dict[str, T]) -> None:
        gone = [key for key in self._items if key not in found]
        for key in gone:
            self._tell(self._items.pop(key), None)
        for key, new in found.items():
            self._put_changed(key, new)

    def _put_changed(self, key: str, new: T) -> None:
        old = self._items.get(key)
        if old is None or old.metadata.resource_version != new.metadata.resource_version:
            self._put(old, new)

    # --- watch -------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        self.counters.watches += 1
        started, said = self._clock(), False
        lines = self._api.watch(
            self.path,
            self._version,
            self._params,
            timeout_seconds=self._pace.watch_timeout * self._rng.uniform(1.0, 2.0),
            read_deadline=self._pace.read_deadline,
        )
        breath = time.perf_counter() + BREATH_SECONDS
        async with aclosing(lines):
            async for line in lines:
                said = True
                self._apply(self._decoder.event(line))
                if time.perf_counter() > breath:
                    await asyncio.sleep(0)
                    breath = time.perf_counter() + BREATH_SECONDS
        if not said and self._clock() - started < 1.0:
            raise ApiUnavailable(f"WATCH {self.path}", 0, "", "the watch ended at once")

    def _apply(self, event: Event[T]) -> None:
        if event.status is not None:
            raise error_of_status(f"WATCH {self.path}", event.status)
        self._alive()
        if event.type == "BOOKMARK":
            self.counters.bookmarks += 1
        elif event.type == "DELETED":
            self.counters.events += 1
            old = self._items.pop(event.metadata.key, None)
            if old is not None:
                self._tell(old, None)
        elif event.object is None:
            self.counters.events += 1
            self.counters.unreadable += 1
        else:
            self.counters.events += 1
            self._put(self._items.get(event.metadata.key), self._slim(event.object))
        self._version = event.metadata.resource_version or self._version

    def _put(self, old: T | None, new: T) -> None:
        """A new UID under the old name is another object: the old one was deleted in between."""
        self._items[new.metadata.key] = new
        if old is not None and old.metadata.uid != new.metadata.uid:
            self._tell(old, None)
            old = None
        self._tell(old, new)
        if self._keep is not None:
            self._items[new.metadata.key] = self._keep(new)

    def _tell(self, old: T | None, new: T | None) -> None:
        for callback in self._callbacks:
            try:
                callback(old, new)
            except Exception:
                self.counters.callback_errors += 1
                logger.exception("%s: a callback failed", self.path)
