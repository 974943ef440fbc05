"""Two operators notice each other by a Lease that is seen to move; what a dead one left behind is taken over."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from heterosched.kube.errors import ApiError, NotFound
from heterosched_operator import presence as presence_module
from heterosched_operator.presence import STALE_SECONDS, Presence

Json = dict[str, Any]


class Api:
    """An API server that knows one Lease; `lacking` says no to everything."""

    def __init__(self, lease: Json | None = None, lacking: bool = False) -> None:
        self.lease, self.lacking = lease, lacking

    async def get(self, path: str) -> Json:
        if self.lacking:
            raise ApiError(f"GET {path}", 403, "Forbidden", "leases is forbidden")
        if self.lease is None:
            raise NotFound(f"GET {path}", 404, "NotFound", "no such lease")
        return self.lease

    async def post(self, path: str, body: Json) -> Json:
        self.lease = {"metadata": {"resourceVersion": "1"}, "spec": body["spec"]}
        return self.lease

    async def patch(self, path: str, body: Json) -> Json:
        assert self.lease is not None
        self.lease["spec"] = {**self.lease["spec"], **body["spec"]}
        return self.lease

    @property
    def holder(self) -> str | None:
        assert self.lease is not None
        found: str | None = self.lease["spec"].get("holderIdentity")
        return found


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def a_presence(api: Any, clock: Clock, identity: str = "me") -> tuple[Presence, list[str]]:
    told: list[str] = []
    return Presence(api, "home", told.append, clock, identity), told


def of_another(at: str) -> Json:
    return {"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": "other", "renewTime": at}}


async def test_alone_it_makes_the_lease_renews_it_and_gives_it_up() -> None:
    api = Api()
    presence, told = a_presence(api, Clock())
    await presence.beat()
    await presence.beat()
    assert (api.holder, told) == ("me", [])
    await presence.leave()
    assert api.holder is None


async def test_a_lease_that_moves_is_another_operator_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    api, clock = Api(of_another("1")), Clock()
    presence, told = a_presence(api, clock)
    for moment in ("1", "2", "3"):
        api.lease = of_another(moment)
        clock.now += 5
        await presence.beat()
    assert (told, api.holder) == (["other"], "other")
    assert caplog.text.count("another operator is at work: other renews Lease home/heterosched-operator") == 1
    await presence.leave()
    assert api.holder == "other", "it is not ours to give up"


async def test_a_lease_that_stands_still_is_taken_over_without_a_word() -> None:
    api, clock = Api(of_another("1")), Clock()
    presence, told = a_presence(api, clock)
    await presence.beat()
    clock.now += STALE_SECONDS - 1
    await presence.beat()
    assert api.holder == "other"
    clock.now += 1
    await presence.beat()
    assert (api.holder, told) == ("me", [])


async def test_when_the_other_one_has_stopped_that_is_said_too() -> None:
    api, clock = Api(of_another("1")), Clock()
    presence, told = a_presence(api, clock)
    for moment in ("1", "2"):
        api.lease = of_another(moment)
        await presence.beat()
    assert api.lease is not None
    api.lease["spec"]["holderIdentity"] = None
    await presence.beat()
    assert (told, api.holder) == (["other", ""], "me")


async def test_without_the_right_to_a_lease_that_is_said_once_and_nothing_else_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(presence_module, "BEAT_SECONDS", 0.001)
    presence, told = a_presence(Api(lacking=True), Clock())
    running = asyncio.create_task(presence.run())
    await asyncio.sleep(0.05)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert caplog.text.count("a second operator would not be noticed") == 1
    assert told == []
