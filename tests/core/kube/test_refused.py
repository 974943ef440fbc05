"""A kind that the API server does not let us read is told as long as that lasts, and waited for no longer than that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from eventually import eventually
from heterosched.kube.errors import ApiError, ApiUnavailable, NotFound
from heterosched.kube.listwatch import Params
from heterosched.kube.objects import PodObject
from heterosched.kube.reflector import Pace, Reflector


class Server:
    """Answers lists with `trouble` as long as there is one, else with an empty page."""

    def __init__(self, trouble: ApiError | None) -> None:
        self.trouble = trouble

    async def get_raw(self, path: str, params: Params) -> bytes:
        if self.trouble is not None:
            raise self.trouble
        return b'{"metadata":{"resourceVersion":"1"},"items":[]}'

    async def watch(
        self, path: str, resource_version: str, params: Params, *, timeout_seconds: float, read_deadline: float
    ) -> AsyncGenerator[bytes, None]:
        await asyncio.Event().wait()
        yield b""


FORBIDDEN = ApiError("GET /x", 403, "Forbidden", "no role allows it")
MISSING = NotFound("GET /x", 404, "NotFound", "no such kind")


@pytest.mark.parametrize("trouble", [FORBIDDEN, MISSING])
async def test_a_refusal_is_an_answer_and_goes_when_the_right_comes(trouble: ApiError) -> None:
    server = Server(trouble)
    reflector = Reflector(server, "/x", PodObject, pace=Pace(first_delay=0.01, longest_delay=0.01))
    running = asyncio.create_task(reflector.run())
    async with asyncio.timeout(10):
        await reflector.heard()
    assert (reflector.refused, reflector.synced.is_set()) == (trouble, False)
    server.trouble = None
    assert await eventually(lambda: reflector.synced.is_set())
    assert reflector.refused is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_server_that_does_not_answer_refuses_nothing_and_is_waited_for() -> None:
    server = Server(ApiUnavailable("GET /x", 0, "", "down"))
    reflector = Reflector(server, "/x", PodObject, pace=Pace(first_delay=0.01, longest_delay=0.01))
    running, hearing = asyncio.create_task(reflector.run()), asyncio.create_task(reflector.heard())
    assert await eventually(lambda: reflector.failure is not None)
    assert reflector.refused is None
    assert not hearing.done()
    server.trouble = None
    await asyncio.wait_for(hearing, 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
