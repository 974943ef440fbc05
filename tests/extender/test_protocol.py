"""On a real socket every request gets its answer or a clear 4xx, and no client can keep another one waiting."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from extender_calls import NOW, a_call, a_pod_manifest, a_snapshot
from heterosched_extender import protocol as protocol_module
from heterosched_extender import serve as serve_module
from heterosched_extender.app import Verbs, nothing_else
from heterosched_extender.decisions import Decisions
from heterosched_extender.serve import KEEP_ALIVE_SECONDS, listen
from heterosched_extender.service import Service

LIMIT = 2_000_000
NAMES = ["t4-0", "t4-1"]
CALL = a_call(a_pod_manifest("p"), NAMES)


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture
def service() -> Service:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = a_snapshot(t4=2)
    return service


@pytest_asyncio.fixture
async def port(service: Service) -> AsyncIterator[int]:
    opened = listen("127.0.0.1", 0)
    server = serve_module._server(Verbs(service, nothing_else, LIMIT))
    running = asyncio.create_task(server.serve([opened]))
    yield opened.getsockname()[1]
    server.should_exit = True
    await running
    opened.close()


def request(path: str, body: bytes, *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), 20)
    return int(head[0].split()[1]), headers, body


async def ask(port: int, *raw: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    try:
        for part in raw:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        return await answer(reader)
    finally:
        writer.close()


async def test_a_connection_is_kept_and_answers_one_call_after_the_other(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in ("/filter", "/prioritize", "/strict/filter", "/nowhere", "/filter"):
        writer.write(request(path, CALL))
        status, headers, body = await answer(reader)
        assert status == (404 if path == "/nowhere" else 200)
        assert headers["content-type"] == "application/json"
        assert json.loads(body)
    writer.close()


async def test_calls_sent_ahead_are_answered_in_order(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    paths = ["/nowhere", "/filter", "/prioritize", "/nowhere", "/filter"]
    writer.write(b"".join(request(path, CALL) for path in paths))
    statuses = [(await answer(reader))[0] for _ in paths]
    assert statuses == [404, 200, 200, 404, 200]
    writer.close()


@pytest.mark.parametrize(
    "raw, status",
    [
        (request("/filter", b"{"), 400),
        (request("/filter", b""), 400),
        (request("/filter", b"[1,2]"), 400),
        (request("/filter", CALL, method="GET"), 405),
        (request("/filter", CALL, method="PUT"), 405),
        (request("/filter", CALL, version="1.0"), 200),
        (request("/filter?x=1", CALL), 200),
        (request("/filter", CALL, "Connection: close"), 200),
        (request("/filter", CALL, "Expect: 100-continue"), 100),
        (b"POST /filter HTTP/1.1\r\nContent-Length: many\r\n\r\n{}", 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
async def test_odd_requests_get_a_clear_answer(port: int, raw: bytes, status: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    line = await asyncio.wait_for(reader.readline(), 20)
    assert int(line.split()[1]) == status
    writer.close()


async def test_a_body_in_pieces_or_chunks_is_put_together(port: int) -> None:
    whole = request("/filter", CALL)
    status, _, body = await ask(port, *(whole[at : at + 97] for at in range(0, len(whole), 97)))
    assert (status, json.loads(body)["NodeNames"]) == (200, NAMES)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (CALL[:50], CALL[50:]))
    head = b"POST /filter HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, _, body = await ask(port, head + chunks + b"0\r\n\r\n")
    assert (status, json.loads(body)["NodeNames"]) == (200, NAMES)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused_and_the_connection_closed(port: int, chunked: bool) -> None:
    body = b"x" * (LIMIT + 1)
    head = b"POST /filter HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else request("/filter", body)
    status, headers, text = await ask(port, raw)
    assert (status, headers["connection"]) == (413, "close")
    assert f"limit of {LIMIT} bytes" in json.loads(text)["error"]


async def test_fifty_thousand_names_and_a_pod_of_a_megabyte_are_answered(port: int) -> None:
    names = [f"node-{number}" for number in range(50_000)]
    status, _, body = await ask(port, request("/filter", a_call(a_pod_manifest("p"), names)))
    assert (status, len(json.loads(body)["NodeNames"])) == (200, 50_000)
    status, _, body = await ask(port, request("/prioritize", a_call(a_pod_manifest("p"), names)))
    assert (status, {each["Score"] for each in json.loads(body)}) == (200, {0})
    giant = a_pod_manifest("p", annotations={"note": "x" * 1_000_000})
    status, _, body = await ask(port, request("/filter", a_call(giant, NAMES)))
    assert (status, json.loads(body)["NodeNames"]) == (200, NAMES)


async def test_sixty_four_clients_at_once_are_all_answered_while_another_dawdles(port: int) -> None:
    _, slow = await asyncio.open_connection("127.0.0.1", port)
    slow.write(request("/filter", CALL)[:-5])

    async def client(number: int) -> list[int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        statuses = []
        for _ in range(5):
            writer.write(request("/prioritize", a_call(a_pod_manifest(f"p-{number}"), NAMES)))
            statuses.append((await answer(reader))[0])
        writer.close()
        return statuses

    found = await asyncio.gather(*(client(number) for number in range(64)))
    assert found == [[200] * 5] * 64
    slow.close()


async def test_a_request_that_does_not_end_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol_module, "REQUEST_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("/filter", CALL)[:-5])
    status, headers, _ = await answer(reader)
    assert (status, headers["connection"]) == (408, "close")
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


@pytest.mark.parametrize("begun", [b"POST /filter HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: a"])
async def test_a_head_that_does_not_end_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(protocol_module, "REQUEST_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("/filter", CALL))
    assert (await answer(reader))[0] == 200
    writer.write(begun)
    assert (await answer(reader))[0] == 408
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_empty_lines_keep_no_connection_open_for_ever(monkeypatch: pytest.MonkeyPatch, service: Service) -> None:
    monkeypatch.setattr(serve_module, "KEEP_ALIVE_SECONDS", 1)
    opened = listen("127.0.0.1", 0)
    server = serve_module._server(Verbs(service, nothing_else, LIMIT))
    running = asyncio.create_task(server.serve([opened]))
    reader, writer = await asyncio.open_connection("127.0.0.1", opened.getsockname()[1])
    writer.write(b"\r\n")
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    server.should_exit = True
    await running
    opened.close()


async def test_an_idle_connection_outlives_the_ninety_seconds_of_the_scheduler(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEEP_ALIVE_SECONDS > 95
    delays: list[float] = []
    loop = asyncio.get_running_loop()
    later: Any = loop.call_later

    def noted(delay: float, *rest: Any) -> Any:
        delays.append(delay)
        return later(delay, *rest)

    monkeypatch.setattr(loop, "call_later", noted)
    opened = listen("127.0.0.1", 0)
    server = serve_module._server(Verbs(service, nothing_else, LIMIT))
    running = asyncio.create_task(server.serve([opened]))
    reader, writer = await asyncio.open_connection("127.0.0.1", opened.getsockname()[1])
    writer.write(request("/filter", CALL))
    assert (await answer(reader))[0] == 200
    assert delays.count(KEEP_ALIVE_SECONDS) == 2, "from the connection on, and again after the answer"
    writer.close()
    server.should_exit = True
    await running
    opened.close()


async def test_scoring_ahead_changes_no_answer(port: int, service: Service) -> None:
    fresh = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    fresh.snapshot = service.snapshot
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in range(20):
        call = a_call(a_pod_manifest(f"p-{number % 7}", cores=str(number)), NAMES)
        for path, alone in (("/filter", fresh.filter), ("/prioritize", fresh.prioritize)):
            writer.write(request(path, call))
            assert (await answer(reader))[2] == alone(call)
    assert service.stats.decisions == fresh.stats.decisions
    assert len(service.decisions) == len(fresh.decisions) == 7
    writer.close()
