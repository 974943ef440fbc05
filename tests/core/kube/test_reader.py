"""The small client gets what the large one gets from an API server, the same errors included, on any connection."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from heterosched.errors import InvalidInput
from heterosched.kube import reader as reader_module
from heterosched.kube.access import Access
from heterosched.kube.errors import ApiError, ApiUnavailable, Gone, NotFound
from heterosched.kube.reader import Reader
from http_apiserver import serving, status, streaming


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[Reader, list[bytes]]]:
    """A reader of a server that gives each connection one of the answers, whatever is asked, and hangs up."""
    asked, left = list[bytes](), list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with Reader(Access(f"http://127.0.0.1:{port}")) as found:
            yield found, asked
    finally:
        server.close()
        await server.wait_closed()


async def test_a_page_comes_whole_and_connections_are_used_again() -> None:
    seen = list[object]()
    big = json.dumps({"items": ["y" * 3_000_000]})

    async def page(request: web.Request) -> web.Response:
        seen.append(request.transport)
        assert request.path_qs == "/prefix/api/v1/nodes?limit=5&watch=true"
        return web.Response(text=big)

    async with serving(page) as url, Reader(Access(f"{url}/prefix")) as reader:
        for _ in range(3):
            assert await reader.get_raw("/api/v1/nodes", {"limit": 5, "watch": True, "continue": ""}) == big.encode()
    assert len(set(map(id, seen))) == 1


async def test_a_connection_that_the_server_has_closed_meanwhile_costs_nothing() -> None:
    kept = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    async with answering(kept, kept) as (reader, asked):
        assert await reader.get_raw("/a") == b"{}"
        await asyncio.sleep(0.05)
        assert await reader.get_raw("/b") == b"{}"
    assert [line.split()[1] for line in asked] == [b"/a", b"/b"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n" + b'{"a":1}',
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + b'{"a":1}',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\nTrailer: x\r\n\r\n',
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + b'{"a":1}',
    ],
)
async def test_every_kind_of_body_is_read_to_its_end(answer: bytes) -> None:
    async with answering(answer) as (reader, _):
        assert await reader.get_raw("/a") == b'{"a":1}'


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 many OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2**19,
    ],
)
async def test_what_is_no_whole_answer_is_unavailable(answer: bytes) -> None:
    async with answering(answer) as (reader, _):
        with pytest.raises(ApiUnavailable, match="GET /a"):
            await reader.get_raw("/a")


async def test_refusals_are_errors_of_their_kind() -> None:
    async def refuse(request: web.Request) -> web.Response:
        return status(int(request.path[1:]), "Why", "that is it")

    async with serving(refuse) as url, Reader(Access(url)) as reader:
        for code, kind in ((403, ApiError), (404, NotFound), (410, Gone), (429, ApiUnavailable), (500, ApiUnavailable)):
            with pytest.raises(ApiError, match="that is it") as caught:
                await reader.get_raw(f"/{code}")
            assert (type(caught.value), caught.value.status) == (kind, code)


async def test_no_server_and_no_answer_in_time_are_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async with Reader(Access("http://127.0.0.1:1")) as reader:
        with pytest.raises(ApiUnavailable, match="GET /version"):
            await reader.get_raw("/version")
    monkeypatch.setattr(reader_module, "REQUEST_TIMEOUT", 0.2)
    async with serving(hang) as url, Reader(Access(url)) as reader:
        with pytest.raises(ApiUnavailable, match="TimeoutError"):
            await reader.get_raw("/version")


async def test_watch_lines_come_whole_however_the_bytes_arrive() -> None:
    big = json.dumps({"type": "ADDED", "object": {"x": "y" * 3_000_000}}).encode()
    whole = big + b'\n{"a":1}\n\n{"b":2}\n{"cut": '
    handler = streaming(*(whole[i : i + 700_001] for i in range(0, len(whole), 700_001)))
    async with serving(handler) as url, Reader(Access(url)) as reader:
        assert [line async for line in reader.watch("/api/v1/pods", "5")] == [big, b'{"a":1}', b'{"b":2}']


async def test_a_watch_that_falls_silent_is_unavailable() -> None:
    got = list[bytes]()
    async with serving(streaming(b'{"a":1}\n', then=30)) as url, Reader(Access(url)) as reader:
        with pytest.raises(ApiUnavailable, match="WATCH /api/v1/pods"):
            async for line in reader.watch("/api/v1/pods", "5", read_deadline=0.2):
                got.append(line)
    assert got == [b'{"a":1}']


async def test_a_watch_that_is_cut_is_unavailable_and_an_old_version_is_gone() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        if request.query["resourceVersion"] == "1":
            return status(410, "Expired")
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"a":1}\n')
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(cut) as url, Reader(Access(url)) as reader:
        with pytest.raises(ApiUnavailable):
            async with aclosing(reader.watch("/api/v1/pods", "5")) as lines:
                assert [line async for line in lines] == [b'{"a":1}']
        with pytest.raises(Gone):
            await anext(reader.watch("/api/v1/pods", "1"))


async def test_a_token_file_is_read_again_after_a_minute_or_a_refusal(tmp_path: Path) -> None:
    seen = list[str]()

    async def note(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return status(401, "Unauthorized") if seen[-1] == "Bearer old" else web.json_response({})

    token = tmp_path / "token"
    token.write_text("first\n")
    async with serving(note) as url, Reader(Access(url, token_file=str(token))) as reader:
        await reader.get_raw("/a")
        token.write_text("old\n")
        await reader.get_raw("/a")
        reader._due = 0.0
        with pytest.raises(ApiError, match="401"):
            await reader.get_raw("/a")
        token.write_text("new\n")
        await reader.get_raw("/a")
    assert seen == ["Bearer first", "Bearer first", "Bearer old", "Bearer new"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key, as PEM texts."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=api"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:api.example"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*made, *names, *files], check=True, capture_output=True)
    return (folder / "cert.pem").read_text(), (folder / "key.pem").read_text()


async def test_tls_with_certificates_on_both_sides(tmp_path: Path, certificate: tuple[str, str]) -> None:
    (tmp_path / "both.pem").write_text("".join(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=certificate[0])
    context.load_cert_chain(tmp_path / "both.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({})

    async with serving(answer, context) as url:
        for name in ("", "api.example"):
            async with Reader(Access(url, certificate[0], *certificate, server_name=name)) as reader:
                assert await reader.get_raw("/a") == b"{}"
        async with Reader(Access(url, "", *certificate, verify=False)) as reader:
            assert await reader.get_raw("/a") == b"{}"
        for wrong in (
            Access(url, certificate[0], *certificate, server_name="elsewhere"),
            Access(url, "", *certificate),
        ):
            async with Reader(wrong) as reader:
                with pytest.raises(ApiUnavailable, match="certificate"):
                    await reader.get_raw("/a")


def test_certificates_that_are_none_are_named() -> None:
    with pytest.raises(InvalidInput, match="check the certificates"):
        Reader(Access("https://10.0.0.1", "no certificate"))


async def test_a_review_is_posted_with_its_length() -> None:
    async def review(request: web.Request) -> web.Response:
        assert (request.method, request.content_type, request.path) == ("POST", "application/json", "/prefix/reviews")
        return web.json_response({"status": await request.json()}, status=201)

    async with serving(review) as url, Reader(Access(f"{url}/prefix")) as reader:
        for number in range(2):
            assert await reader.post("/reviews", {"spec": number}) == {"status": {"spec": number}}


async def test_a_refused_post_names_itself() -> None:
    async def refuse(request: web.Request) -> web.Response:
        return status(403, "Forbidden")

    async with serving(refuse) as url, Reader(Access(url)) as reader:
        with pytest.raises(ApiError, match="POST /reviews: 403 Forbidden"):
            await reader.post("/reviews", {})
