"""Whatever happens between us and the API server, the reflector ends up with exactly what the server holds."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.kube.errors import ApiUnavailable, Gone, NotFound
from heterosched.kube.listwatch import Params
from heterosched.kube.objects import KubeObject, Metadata, PodObject
from heterosched.kube.reflector import Pace, Reflector
from scripted_apiserver import Change, Fault, ScriptedApiServer, VirtualClock

NAMES = ("a", "b", "c", "d", "e")
PACE = Pace(page_size=2)

changes = st.builds(Change, st.sampled_from(("add", "add", "modify", "delete", "recreate")), st.sampled_from(NAMES))
faults = st.builds(
    Fault,
    st.sampled_from(("bookmark", "cut", "dead", "end", "expired", "refused", "garbage", "list fails")),
    st.lists(changes, max_size=4).map(tuple),
    st.booleans(),
)
scripts = st.lists(st.one_of(changes, faults), max_size=25).map(tuple)


class Mirror:
    """What a consumer knows who only listens to the callbacks; checks that they make sense one after the other."""

    def __init__(self) -> None:
        self.known: dict[str, KubeObject] = {}

    def __call__(self, old: KubeObject | None, new: KubeObject | None) -> None:
        if old is None:
            assert new is not None
            assert new.key not in self.known
            self.known[new.key] = new
        else:
            assert self.known.pop(old.key) is old
            if new is not None:
                assert new.metadata.uid == old.metadata.uid
                self.known[new.key] = new


def reflect(server: ScriptedApiServer, clock: VirtualClock, mirror: Mirror | None = None) -> Reflector[PodObject]:
    return Reflector(
        server, "/api/v1/pods", PodObject, on_change=mirror, pace=PACE, clock=clock, sleep=clock.sleep,
        rng=random.Random(7),
    )  # fmt: skip


async def play(server: ScriptedApiServer, reflector: Reflector[PodObject]) -> None:
    """Run the reflector until the script is over and every event has been delivered."""
    running = asyncio.create_task(reflector.run())
    try:
        await asyncio.wait_for(server.finished.wait(), timeout=20)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def versions(items: dict[str, KubeObject]) -> dict[str, tuple[str, str]]:
    return {key: (item.metadata.uid, item.metadata.resource_version) for key, item in items.items()}


def truth(server: ScriptedApiServer) -> dict[str, tuple[str, str]]:
    meta = {name: item["metadata"] for name, item in server.truth.items()}
    return {name: (found["uid"], found["resourceVersion"]) for name, found in meta.items()}


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(start=st.lists(changes, max_size=6), script=scripts)
def test_items_and_callbacks_equal_the_servers_truth_after_any_history(
    start: list[Change], script: tuple[Change | Fault, ...]
) -> None:
    async def scenario() -> None:
        clock, mirror = VirtualClock(), Mirror()
        server = ScriptedApiServer(clock, script)
        for change in start:
            server.change(change)
        reflector = reflect(server, clock, mirror)
        await play(server, reflector)
        assert versions(dict(reflector.items)) == truth(server)
        assert versions(mirror.known) == truth(server)
        assert reflector.counters.callback_errors == 0
        assert reflector.synced.is_set()

    asyncio.run(scenario())


def least(pod: PodObject) -> PodObject:
    return PodObject(metadata=Metadata(uid=pod.metadata.uid, resource_version=pod.metadata.resource_version))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(start=st.lists(changes, max_size=6), script=scripts)
def test_it_comes_out_the_same_where_hardly_anything_is_kept(
    start: list[Change], script: tuple[Change | Fault, ...]
) -> None:
    known: dict[str, PodObject] = {}

    def told(old: PodObject | None, new: PodObject | None) -> None:
        if old is not None:
            known.pop(old.metadata.uid)
            assert not old.metadata.name
        if new is not None:
            assert new.metadata.name
            known[new.metadata.uid] = new

    async def scenario() -> None:
        clock = VirtualClock()
        server = ScriptedApiServer(clock, script)
        for change in start:
            server.change(change)
        reflector = Reflector(
            server, "/api/v1/pods", PodObject, on_change=told, keep=least, pace=PACE, clock=clock, sleep=clock.sleep,
            rng=random.Random(7),
        )  # fmt: skip
        await play(server, reflector)
        assert versions(dict(reflector.items)) == truth(server)
        assert versions({pod.metadata.name: pod for pod in known.values()}) == truth(server)
        assert reflector.counters.callback_errors == 0

    asyncio.run(scenario())


async def test_deletions_while_the_history_was_compacted_are_reported() -> None:
    clock, deleted = VirtualClock(), list[str]()
    away = (Change("delete", "a"), Change("recreate", "b"), Change("modify", "c"))
    server = ScriptedApiServer(clock, (Fault("cut", away, compact=True),))
    for name in NAMES:
        server.change(Change("add", name))
    reflector = reflect(server, clock)
    reflector.on_change(lambda old, new: deleted.append(old.key) if old and not new else None)
    await play(server, reflector)
    assert deleted == ["a", "b"]
    assert reflector.counters.expired == 1
    assert reflector.counters.lists == 2


async def test_a_cut_watch_resumes_without_listing_again() -> None:
    clock = VirtualClock()
    server = ScriptedApiServer(clock, (Fault("cut", (Change("add", "a"),)), Fault("end", (Change("add", "b"),))))
    reflector = reflect(server, clock)
    await play(server, reflector)
    assert set(reflector.items) == {"a", "b"}
    assert reflector.counters.lists == 1


async def test_a_silent_watch_is_given_up_after_the_read_deadline() -> None:
    clock = VirtualClock()
    server = ScriptedApiServer(clock, (Fault("dead", (Change("add", "a"),)),))
    reflector = reflect(server, clock)
    await play(server, reflector)
    assert "a" in reflector.items
    assert 70.0 in clock.slept
    assert reflector.counters.failures == 1


async def test_age_is_infinite_before_the_first_list_and_grows_while_nothing_is_heard() -> None:
    clock = VirtualClock()
    server = ScriptedApiServer(clock)
    reflector = reflect(server, clock)
    assert reflector.age() == float("inf")
    await play(server, reflector)
    assert reflector.age() == 0.0
    assert reflector.age(now=clock.now + 42.0) == 42.0


async def test_delays_double_up_to_the_limit_and_start_again_after_an_answer() -> None:
    clock = VirtualClock()
    server = ScriptedApiServer(clock, (Fault("cut"),))
    server.failing_lists = [ApiUnavailable("LIST", 0, "ConnectionRefusedError", "refused") for _ in range(9)]
    reflector = reflect(server, clock)
    await play(server, reflector)
    *waits, last = clock.slept
    limits = [min(0.2 * 2**step, PACE.longest_delay) for step in range(9)]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))
    assert last <= 0.2


async def test_an_expired_page_token_makes_one_list_without_pages() -> None:
    clock = VirtualClock()
    server = ScriptedApiServer(clock)
    for name in NAMES:
        server.change(Change("add", name))
    server.failing_lists = [Gone("LIST", 410, "Expired", "the token expired")]
    reflector = reflect(server, clock)
    await play(server, reflector)
    assert set(reflector.items) == set(NAMES)
    assert clock.slept == []


async def test_a_failing_callback_is_counted_and_the_others_still_hear() -> None:
    clock, heard = VirtualClock(), list[str]()

    def broken(old: KubeObject | None, new: KubeObject | None) -> None:
        raise RuntimeError("a defect of a consumer")

    server = ScriptedApiServer(clock, (Change("add", "a"),))
    reflector = reflect(server, clock)
    reflector.on_change(broken)
    reflector.on_change(lambda old, new: heard.append(new.key) if new else None)
    await play(server, reflector)
    assert heard == ["a"]
    assert reflector.counters.callback_errors == 1


class OneStream:
    """A server with an empty list and one fixed stream of lines."""

    def __init__(self, page: bytes, lines: tuple[bytes, ...]) -> None:
        self._page, self._lines = page, lines
        self.params: Params = {}
        self.finished = asyncio.Event()

    async def get_raw(self, path: str, params: Params) -> bytes:
        self.params = params
        return self._page

    async def watch(
        self, path: str, resource_version: str, params: Params, *, timeout_seconds: float, read_deadline: float
    ) -> AsyncGenerator[bytes, None]:
        for line in self._lines:
            yield line
        self.finished.set()
        await asyncio.Event().wait()


async def run_stream(server: OneStream, reflector: Reflector[PodObject]) -> None:
    running = asyncio.create_task(reflector.run())
    await asyncio.wait_for(server.finished.wait(), timeout=20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_object_that_cannot_be_read_costs_neither_its_neighbours_nor_what_was_known_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = (
        b'{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"good","resourceVersion":"1"}},'
        b'{"metadata":{"name":"bad","resourceVersion":"2"},"spec":{"priority":"high"}}]}'
    )
    lines = (
        b'{"type":"MODIFIED","object":{"metadata":{"name":"good","resourceVersion":"6"},"spec":{"priority":"low"}}}',
        b'{"type":"MODIFIED","object":{"metadata":{"name":"bad","resourceVersion":"7"},"spec":{"priority":"low"}}}',
        b'{"type":"ADDED","object":{"metadata":{"name":"other","resourceVersion":"8"}}}',
    )
    server = OneStream(page, lines)
    reflector = Reflector(server, "/api/v1/pods", PodObject)
    await run_stream(server, reflector)
    assert reflector.items["good"].metadata.resource_version == "1"
    assert set(reflector.items) == {"good", "other"}
    assert reflector.counters.unreadable == 3
    assert [record.getMessage().split(" cannot")[0] for record in caplog.records] == [
        "/api/v1/pods bad",
        "/api/v1/pods good",
    ]


async def test_the_deletion_of_an_object_that_cannot_be_read_still_counts() -> None:
    page = b'{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a","resourceVersion":"1"}}]}'
    gone = b'{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"6"},"spec":{"priority":"low"}}}'
    server = OneStream(page, (gone,))
    reflector = Reflector(server, "/api/v1/pods", PodObject, label_selector="x=y")
    await run_stream(server, reflector)
    assert dict(reflector.items) == {}
    assert server.params["labelSelector"] == "x=y"


@pytest.mark.parametrize(("optional", "level"), [(True, logging.INFO), (False, logging.WARNING)])
async def test_a_kind_that_is_missing_is_told_once_on_one_line_and_is_no_warning_where_it_may_be(
    optional: bool, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = VirtualClock()
    server = ScriptedApiServer(clock)
    server.failing_lists = [NotFound("LIST /x", 404, "", "404 page not found\n") for _ in range(3)]
    caplog.set_level(logging.INFO, "heterosched.kube.reflector")
    await play(server, Reflector(server, "/x", PodObject, optional=optional, clock=clock, sleep=clock.sleep))
    told = [record for record in caplog.records if "answering again" not in record.getMessage()]
    assert [record.levelno for record in told] == [level]
    assert "/x" in told[0].getMessage()
    assert "\n" not in told[0].getMessage()
