"""The verbs as raw ASGI, the hot path: body in, bytes out, always with a content length, never chunked.

FastAPI's routing and validation cost more than a whole `/prioritize`; so the verbs are answered in front of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from heterosched_extender.service import NotReady, Service
from heterosched_extender.wire import BadCall

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = tuple[int, bytes]
"""Status and JSON body."""


class TooLarge(Exception):
    """The body is over the limit."""


class Gone(Exception):
    """The client left before its body was complete."""


class Verbs:
    """The verbs: `answer` is the whole of them; called as ASGI it hands every other path to `others`."""

    def __init__(self, service: Service, others: Asgi, body_limit: int) -> None:
        self._service, self._others, self.body_limit = service, others, body_limit
        self.paths: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
            "/filter": ("filter", service.filter),
            "/prioritize": ("prioritize", service.prioritize),
            "/preempt": ("preempt", service.preempt),
            "/narrow/filter": ("filter", lambda body: service.filter(body, narrow=True)),
            "/narrow/prioritize": ("prioritize", service.prioritize),
            "/narrow/preempt": ("preempt", service.preempt),
            "/strict/filter": ("strict_filter", lambda body: service.filter(body, strict=True)),
            "/strict/preempt": ("strict_preempt", lambda body: service.preempt(body, strict=True)),
        }

    def answer(self, path: str, body: bytes) -> Answer:
        """What the verb at `path` says to a complete body; never raises."""
        name, verb = self.paths[path]
        stats = self._service.stats
        started = time.perf_counter()
        try:
            answer = verb(body)
        except BadCall as error:
            stats.errors[name] += 1
            return 400, _problem(str(error))
        except NotReady as error:
            return 503, _problem(str(error))
        stats.seconds[name].observe(time.perf_counter() - started)
        return 200, answer

    def rest(self) -> None:
        """Use the time until the next call; called when an answer is on its way."""
        self._service.think_ahead()

    def too_large(self, path: str) -> Answer:
        """What is said to a body over the limit."""
        self._service.stats.errors[self.paths[path][0]] += 1
        return 413, _problem(f"the body is over the limit of {self.body_limit} bytes")

    def too_slow(self, path: str) -> Answer:
        """What is said to a body that does not end, or (without a path) to a head."""
        if path:
            self._service.stats.errors[self.paths[path][0]] += 1
        return 408, _problem("the request did not arrive in time")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path not in self.paths:
            await self._others(scope, receive, send)
        elif scope["method"] != "POST":
            await send_answer(send, (405, _problem("send an ExtenderArgs by POST")), (b"allow", b"POST"))
        else:
            try:
                body = await _body(scope, receive, self.body_limit)
            except Gone:
                return
            except TooLarge:
                await send_answer(send, self.too_large(path), (b"connection", b"close"))
            else:
                await send_answer(send, self.answer(path, body))


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes:
    for key, value in scope["headers"]:
        if key == b"content-length" and int(value) > limit:  # the parser has seen to it that it is a number
            raise TooLarge
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        if len(whole) > limit:
            raise TooLarge
        return whole
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise Gone


async def send_answer(send: Send, answer: Answer, *headers: tuple[bytes, bytes]) -> None:
    """A JSON answer with its length."""
    status, body = answer
    start = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


def _problem(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """What the port of the verbs says to any other path."""
    if scope["type"] == "http":
        await send_answer(send, (404, _problem("this port answers the verbs alone: filter, prioritize, preempt")))
