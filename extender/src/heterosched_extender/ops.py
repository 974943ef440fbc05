"""Everything but the verbs: probes and metrics here, explanations in an application that is loaded when first asked.

Probes and metrics are asked every few seconds, for ever; explanations by people, now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from heterosched_extender.app import Asgi, Message, Receive, Scope, Send, send_answer
from heterosched_extender.gate import Gate, open_gate


class Health(Protocol):
    """Whether the process can do its work; each answers "" or what is wrong."""

    def not_ready(self) -> str:
        """Why no advice can be given yet."""
        ...

    def not_alive(self) -> str:
        """Why only a restart helps."""
        ...

    def without(self) -> list[str]:
        """What it does without, a line each: kinds that the cluster lacks, or that a role does not let it read."""
        ...


class Still:
    """Health of a process that serves a file: ready until it is told to stop."""

    def __init__(self) -> None:
        self.stopping = False

    def not_ready(self) -> str:
        """Only on the way out."""
        return "stopping" if self.stopping else ""

    def not_alive(self) -> str:
        """Nothing can die in it."""
        return ""

    def without(self) -> list[str]:
        """A file is all there is."""
        return []


class Operations:
    """ASGI. `load` makes the application that answers all other paths; it may take a second, in a thread. `gate` says
    who may ask it.
    """

    def __init__(
        self, health: Health, registry: CollectorRegistry, load: Callable[[], Asgi], gate: Gate = open_gate
    ) -> None:
        self._health, self._registry, self._load, self._gate = health, registry, load, gate
        self._others: asyncio.Future[Asgi] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path == "/healthz":
            await _probe(scope, send, self._health.not_alive())
        elif path == "/readyz":
            verbose = b"verbose" in scope["query_string"]
            await _probe(scope, send, self._health.not_ready(), self._health.without() if verbose else ())
        elif path == "/metrics":
            await _say(scope, send, 200, generate_latest(self._registry), CONTENT_TYPE_LATEST)
        elif scope["type"] != "lifespan" and (refusal := await self._gate(scope)) is not None:
            await send_answer(send, *refusal)
        else:
            if self._others is None:
                self._others = asyncio.ensure_future(asyncio.to_thread(self._load))
            application = await asyncio.shield(self._others)
            await application(scope, receive, send)


async def _probe(scope: Scope, send: Send, trouble: str, more: Iterable[str] = ()) -> None:
    text = "\n".join([trouble or "ok", *more])
    await _say(scope, send, 503 if trouble else 200, text.encode(), "text/plain; charset=utf-8")


async def _say(scope: Scope, send: Send, status: int, body: bytes, kind: str) -> None:
    if scope["method"] not in ("GET", "HEAD"):
        status, body, kind = 405, b"ask by GET", "text/plain"
    headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    start: Message = {"type": "http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
