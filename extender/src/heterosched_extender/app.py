"""The two applications: the verbs as raw ASGI (the hot path), everything else in FastAPI.

FastAPI's routing and validation cost more than a whole `/prioritize`; so the verbs are answered in front of it, body
in, bytes out, always with a content length, never chunked.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal, Protocol

import msgspec
from fastapi import FastAPI, HTTPException, Query, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from heterosched.errors import InvalidInput
from heterosched.policy.explain import explain
from heterosched.policy.record import encode_record
from heterosched.policy.render import render
from heterosched_extender.decisions import Decisions, Record
from heterosched_extender.service import NotReady, Service
from heterosched_extender.wire import BadCall

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_LISTED = 50
"""Explaining one decision takes a scoring of all its candidates, in the loop that also answers the verbs."""

Form = Literal["json", "text", "record"]
"""Forms of an explanation: for programs, for people, and with everything that the decision depended on."""


class Health(Protocol):
    """Whether the process can do its work; each answers "" or what is wrong."""

    def not_ready(self) -> str:
        """Why no advice can be given yet."""
        ...

    def not_alive(self) -> str:
        """Why only a restart helps."""
        ...


class TooLarge(Exception):
    """The body is over the limit."""


class Gone(Exception):
    """The client left before its body was complete."""


class Verbs:
    """ASGI: answers the verbs itself and hands every other path to `others`."""

    def __init__(self, service: Service, others: Asgi, body_limit: int) -> None:
        self._service, self._others, self._limit = service, others, body_limit
        self._verbs: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
            "/filter": ("filter", service.filter),
            "/prioritize": ("prioritize", service.prioritize),
            "/strict/filter": ("strict_filter", lambda body: service.filter(body, strict=True)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        verb = self._verbs.get(scope["path"]) if scope["type"] == "http" else None
        if verb is None:
            await self._others(scope, receive, send)
        elif scope["method"] != "POST":
            await _answer(send, 405, _problem("send an ExtenderArgs by POST"), (b"allow", b"POST"))
        else:
            await self._verb(*verb, scope, receive, send)

    async def _verb(
        self, name: str, verb: Callable[[bytes], bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        stats = self._service.stats
        try:
            body = await _body(scope, receive, self._limit)
            started = time.perf_counter()
            answer = verb(body)
            stats.seconds[name].observe(time.perf_counter() - started)
        except Gone:
            return
        except TooLarge:
            stats.errors[name] += 1
            await _answer(
                send, 413, _problem(f"the body is over the limit of {self._limit} bytes"), (b"connection", b"close")
            )
        except BadCall as error:
            stats.errors[name] += 1
            await _answer(send, 400, _problem(str(error)))
        except NotReady as error:
            await _answer(send, 503, _problem(str(error)))
        else:
            await _answer(send, 200, answer)


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes:
    for key, value in scope["headers"]:
        if key == b"content-length" and int(value) > limit:
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


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    start = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


def _problem(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """What the port of the verbs says to any other path."""
    if scope["type"] == "http":
        await _answer(send, 404, _problem("this port answers /filter, /prioritize and /strict/filter alone"))


def operations(decisions: Decisions, health: Health, registry: CollectorRegistry, version: str) -> FastAPI:
    """Probes, metrics and decisions."""
    app = FastAPI(title="HeteroSched extender", version=version, docs_url="/docs", redoc_url=None)

    @app.get("/healthz", summary="200 while the process is worth keeping")
    async def healthz() -> Response:
        return _probe(health.not_alive())

    @app.get("/readyz", summary="200 after the first sync")
    async def readyz() -> Response:
        return _probe(health.not_ready())

    @app.get("/metrics", summary="Prometheus metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/decisions", summary="the latest decisions, newest first")
    async def latest(limit: int = Query(20, ge=1, le=MOST_LISTED)) -> Response:
        records = list(decisions.latest(limit))
        return await asyncio.to_thread(lambda: _json([explain(record.case()) for record in records]))

    @app.get("/v1/decisions/{namespace}/{pod}", summary="why this node, and with ?node= why not that one")
    async def of_namespaced(namespace: str, pod: str, node: str = "", format: Form = "json") -> Response:
        return await asyncio.to_thread(_why, _found(decisions, pod, namespace), node, format, version)

    @app.get("/v1/decisions/{pod}", summary="the same for the newest pod of this name in any namespace")
    async def of_pod(pod: str, node: str = "", format: Form = "json") -> Response:
        return await asyncio.to_thread(_why, _found(decisions, pod, None), node, format, version)

    return app


def _probe(trouble: str) -> Response:
    return Response(trouble or "ok", status_code=503 if trouble else 200, media_type="text/plain")


def _found(decisions: Decisions, pod: str, namespace: str | None) -> Record:
    record = decisions.of_pod(pod, namespace)
    if record is None:
        where = "any namespace" if namespace is None else f"namespace {namespace}"
        raise HTTPException(
            404,
            f"no decision about pod {pod} in {where}: it is not ours, was not scheduled by this replica, or is too old",
        )
    return record


def _why(record: Record, node: str, format: Form, version: str) -> Response:
    """Runs beside the event loop: an explanation for 5,000 nodes takes milliseconds, a verb must not wait for it."""
    case = record.case()
    if format == "record":
        try:
            return Response(encode_record(case, version), media_type="application/json")
        except InvalidInput as error:
            raise HTTPException(413, str(error)) from error
    decision = explain(case, node)
    return Response(render(decision), media_type="text/plain") if format == "text" else _json(decision)


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
