"""The client speaks plain HTTP to an API server and turns every refusal into the error that callers react to."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from heterosched.errors import InvalidInput, Unavailable
from heterosched.kube import client as client_module
from heterosched.kube.client import Kube
from heterosched.kube.errors import AlreadyExists, ApiError, ApiUnavailable, Conflict, Gone, NotFound, Rejected
from http_apiserver import kubeconfig, serving, status, streaming


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", Rejected),
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Conflict),
        (410, "Expired", Gone),
        (422, "Invalid", Rejected),
        (429, "TooManyRequests", ApiUnavailable),
        (500, "InternalError", ApiUnavailable),
        (503, "ServiceUnavailable", ApiUnavailable),
        (403, "Forbidden", ApiError),
    ],
)
async def test_a_refusal_becomes_the_error_of_its_kind(
    tmp_path: Path, code: int, reason: str, kind: type[ApiError]
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return status(code, reason, "spec.tasks: too many")

    async with serving(refuse) as url, await Kube.connect(kubeconfig(tmp_path, url)) as kube:
        with pytest.raises(ApiError) as caught:
            await kube.post("/api/v1/namespaces/default/pods", {"kind": "Pod"})
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.reason) == (code, reason)
    assert "POST /api/v1/namespaces/default/pods" in str(caught.value)
    assert "spec.tasks: too many" in str(caught.value)


async def test_an_answer_that_is_no_status_is_quoted(tmp_path: Path) -> None:
    async def proxy(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway</html>")

    async with serving(proxy) as url, await Kube.connect(kubeconfig(tmp_path, url)) as kube:
        with pytest.raises(ApiUnavailable, match="bad gateway"):
            await kube.get("/api/v1/nodes")


async def test_no_server_and_no_answer_are_unavailable(tmp_path: Path) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async with serving(hang) as url:
        async with await Kube.connect(kubeconfig(tmp_path, url), context="nowhere") as kube:
            with pytest.raises(Unavailable):
                await kube.get("/version")
        async with await Kube.connect(kubeconfig(tmp_path, url)) as kube:
            with pytest.raises(Unavailable):
                await kube.request("GET", "/version", within=0.2)


async def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="absent: there is no such file; give the kubeconfig"):
        await Kube.connect(tmp_path / "absent")


async def test_bodies_and_content_types_arrive_as_meant(tmp_path: Path) -> None:
    seen: list[tuple[str, str, str, Any]] = []

    async def note(request: web.Request) -> web.Response:
        seen.append((request.method, request.path_qs, request.headers["Content-Type"], await request.json()))
        return web.json_response({"kind": "Job"})

    async with serving(note) as url, await Kube.connect(kubeconfig(tmp_path, url)) as kube:
        await kube.post("/jobs", {"a": 1}, params={"dryRun": "All", "fieldManager": "us"})
        await kube.patch("/jobs/x", {"metadata": {"uid": "u"}})
        await kube.patch("/jobs/x", [{"op": "remove", "path": "/a"}], kind="json")
        await kube.delete("/jobs/x", uid="u")
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    assert seen == [
        ("POST", "/jobs?dryRun=All&fieldManager=us", "application/json", {"a": 1}),
        ("PATCH", "/jobs/x", "application/merge-patch+json", {"metadata": {"uid": "u"}}),
        ("PATCH", "/jobs/x", "application/json-patch+json", [{"op": "remove", "path": "/a"}]),
        ("DELETE", "/jobs/x", "application/json", {**options, "preconditions": {"uid": "u"}}),
    ]


async def test_a_list_follows_the_pages_and_starts_over_when_a_token_expires(tmp_path: Path) -> None:
    asked: list[str] = []

    async def pages(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        if "continue" in request.query:
            return status(410, "Expired")
        if "limit" in request.query:
            return web.json_response({"metadata": {"continue": "a=="}, "items": [{"n": 1}]})
        return web.json_response({"metadata": {}, "items": [{"n": 1}, {"n": 2}]})

    async with serving(pages) as url, await Kube.connect(kubeconfig(tmp_path, url)) as kube:
        found = await kube.list("/x", params={"labelSelector": "a in (b,c)"}, page_size=1)
    assert found == [{"n": 1}, {"n": 2}]
    assert len(asked) == 3


async def test_watch_lines_come_whole_however_the_bytes_arrive(tmp_path: Path) -> None:
    big = json.dumps({"type": "ADDED", "object": {"x": "y" * 3_000_000}}).encode()
    whole = big + b'\n{"a":1}\n\n{"b":2}\n{"cut": '
    handler = streaming(*(whole[i : i + 700_001] for i in range(0, len(whole), 700_001)))
    async with serving(handler) as url, await Kube.connect(kubeconfig(tmp_path, url)) as kube:
        lines = [line async for line in kube.watch("/api/v1/pods", "5")]
    assert lines == [big, b'{"a":1}', b'{"b":2}']


async def test_a_watch_that_falls_silent_is_unavailable(tmp_path: Path) -> None:
    async with serving(streaming(b'{"a":1}\n', then=30)) as url, await Kube.connect(kubeconfig(tmp_path, url)) as kube:
        got: list[bytes] = []
        with pytest.raises(Unavailable):
            async for line in kube.watch("/api/v1/pods", "5", read_deadline=0.2):
                got.append(line)
    assert got == [b'{"a":1}']


async def test_a_watch_that_is_cut_is_unavailable_and_an_old_version_is_gone(tmp_path: Path) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        if request.query["resourceVersion"] == "1":
            return status(410, "Expired")
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"a":1}\n')
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(cut) as url, await Kube.connect(kubeconfig(tmp_path, url)) as kube:
        with pytest.raises(Unavailable):
            async with aclosing(kube.watch("/api/v1/pods", "5")) as lines:
                assert [line async for line in lines] == [b'{"a":1}']
        with pytest.raises(Gone):
            await anext(kube.watch("/api/v1/pods", "1"))


async def test_a_token_file_is_read_again_and_its_newline_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.json_response({})

    token = tmp_path / "token"
    token.write_text("first\n")
    monkeypatch.setattr(client_module, "CREDENTIALS_PERIOD", 0.0)
    async with serving(note) as url, await Kube.connect(kubeconfig(tmp_path, url, tokenFile=str(token))) as kube:
        await kube.get("/a")
        token.write_text("second\n")
        await kube.get("/b")
    assert seen == ["Bearer first", "Bearer second"]


async def test_the_service_account_of_a_pod_is_used_where_there_is_no_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(InvalidInput, match="in-cluster service account"):
        await Kube.connect()


async def test_a_missing_kubeconfig_or_context_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="absent"):
        await Kube.connect(tmp_path / "absent")
    with pytest.raises(InvalidInput, match="elsewhere"):
        await Kube.connect(kubeconfig(tmp_path, "http://127.0.0.1:1"), context="elsewhere")


async def test_nobody_leads_us_and_what_we_carry_elsewhere(tmp_path: Path) -> None:
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.headers.get("x-own", ""))
        return web.json_response({"items": []})

    async def lead(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{there}{request.path}"})

    async with (
        serving(elsewhere) as there,
        serving(lead) as url,
        await Kube.connect(kubeconfig(tmp_path, url)) as kube,
    ):
        with pytest.raises(ApiUnavailable, match=r"the answer leads elsewhere \(302\)"):
            await kube.ask("/api/v1/namespaces/n/pods/p:9102/proxy/v1/tas", {"x-own": "secret"})
    assert seen == []
