"""Decisions and capabilities in FastAPI, with their documentation: for people and programs, not for the scheduler.

Loaded when first asked for (see `heterosched_extender.ops`): its model layer takes a fifth of the process's memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
from fastapi import FastAPI, HTTPException, Query, Response

from heterosched.errors import InvalidInput
from heterosched.policy.explain import explain
from heterosched.policy.record import encode_record
from heterosched.policy.render import render
from heterosched_extender.capabilities import capabilities
from heterosched_extender.decisions import Decisions, Record
from heterosched_extender.service import Service
from heterosched_extender.tas import tas_report

MOST_LISTED = 50
"""Explaining one decision takes a scoring of all its candidates, in the loop that also answers the verbs."""

Form = Literal["json", "text", "record"]
"""Forms of an explanation: for programs, for people, and with everything that the decision depended on."""


def explanations(service: Service, clock: Callable[[], float], version: str) -> FastAPI:
    """The application. `clock` is epoch seconds."""
    decisions = service.decisions
    app = FastAPI(title="HeteroSched extender", version=version, docs_url="/docs", redoc_url=None)

    @app.get("/v1/capabilities", summary="what is measured, estimated or unavailable of each node, and why")
    async def of_nodes(
        node: list[str] = Query([], description="repeatable; those that are not known are left out"),  # noqa: B008
        limit: int = Query(100, ge=1, le=20_000),
    ) -> Response:
        snapshot = service.snapshot
        if snapshot is None:
            raise HTTPException(503, "the extender has not seen the cluster yet")
        asked, readings = [name for name in node if name], service.readings
        if asked and not snapshot.roster.index.keys() & set(asked):
            raise HTTPException(404, f"the extender knows no node {' or '.join(asked)}")
        return await asyncio.to_thread(lambda: _json(capabilities(snapshot, clock(), asked, limit, readings, version)))

    @app.get("/v1/tas", summary="which nodes violate which TASPolicy, and what it would mark them with")
    async def of_tas() -> Response:
        snapshot = service.snapshot
        if snapshot is None:
            raise HTTPException(503, "the extender has not seen the cluster yet")
        return await asyncio.to_thread(lambda: _json(tas_report(snapshot, clock())))

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
