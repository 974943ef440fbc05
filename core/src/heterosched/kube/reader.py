"""A client that lists, watches and asks for reviews, over plain asyncio: for a process that is to stay small.

The same answers and errors as `client.Kube`; of HTTP it speaks what an API server does: HTTP/1.1, bodies with a length,
in chunks, or to the end of the connection. It asks for no compression: packing costs both sides more than the network.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from heterosched.errors import InvalidInput
from heterosched.kube.access import Access
from heterosched.kube.errors import error_of
from heterosched.kube.listwatch import (
    CONNECT_TIMEOUT,
    CREDENTIALS_PERIOD,
    REQUEST_TIMEOUT,
    USER_AGENT,
    Params,
    lines_of,
    query_of,
    unreachable,
    watch_params,
)

Json = dict[str, Any]

_BUFFER = 2**18
"""Bytes that are read ahead; a line of a head may be as long."""

_TROUBLE = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)
"""What a connection that fails, ends too early or speaks no HTTP raises (a timeout is an OSError)."""

_UNANSWERED = (ConnectionError, EOFError)
"""How a kept connection fails that the server had closed meanwhile."""


class _Connection:
    """One connection to the server; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self.reusable = False
        self._headers: dict[bytes, bytes] = {}

    def close(self) -> None:
        """Without waiting for the other side."""
        self._writer.transport.abort()

    async def ask(self, request: bytes) -> None:
        """Send a request and read the head of its answer."""
        self.reusable = False
        self._writer.write(request)
        self.status = 100
        while self.status < 200:
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head[:-4].split(b"\r\n")
            version, status, *_ = first.split(b" ", 2)
            if not version.startswith(b"HTTP/1."):
                raise ValueError(f"not an answer of HTTP/1.1: {first[:80]!r}")
            self.status = int(status)
        split = (line.partition(b":") for line in lines)
        self._headers = {name.strip().lower(): value.strip().lower() for name, _, value in split}

    async def body(self) -> AsyncIterator[bytes]:
        """The parts of the body as they arrive; the connection can be used again after the last one."""
        length = self._headers.get(b"content-length")
        if self._headers.get(b"transfer-encoding") == b"chunked":
            while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
                yield (await self._reader.readexactly(size + 2))[:-2]
            while await self._reader.readuntil(b"\r\n") != b"\r\n":
                pass  # trailers
        elif length is not None:
            yield await self._reader.readexactly(int(length))
        else:
            while part := await self._reader.read(_BUFFER):
                yield part
            return
        self.reusable = self._headers.get(b"connection") != b"close"


class Reader:
    """The API server at `access`. `async with` closes what it holds open. Raises ApiError or one of its kinds."""

    def __init__(self, access: Access) -> None:
        split = urlsplit(access.server)
        self._access = access
        self._host, self._prefix = split.hostname or "", split.path
        self._port = split.port or (443 if split.scheme == "https" else 80)
        self._tls = _tls(access) if split.scheme == "https" else None
        self._head = f"Host: {split.netloc}\r\nAccept: application/json\r\nUser-Agent: {USER_AGENT}\r\n"
        self._token, self._due = access.token.strip(), float("-inf")
        self._idle: list[_Connection] = []

    async def __aenter__(self) -> Reader:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._forget_idle()

    async def get_raw(self, path: str, params: Params | None = None) -> bytes:
        """The body of GET `path`."""
        return await self._whole("GET", path + query_of(params), path)

    async def post(self, path: str, body: Json) -> Json:
        """What the API server makes of `body`. A second time it must do no harm: a cut connection is tried again."""
        answer: Json = msgspec.json.decode(await self._whole("POST", path, path, msgspec.json.encode(body)))
        return answer

    async def _whole(self, method: str, target: str, path: str, body: bytes = b"") -> bytes:
        request = f"{method} {path}"
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                connection = await self._asked(target, method, body)
                try:
                    content = b"".join([part async for part in connection.body()])
                finally:
                    self._put_back(connection)
        except _TROUBLE as error:
            raise unreachable(request, error) from error
        if connection.status >= 300:
            raise self._refused(request, connection.status, content)
        return content

    async def watch(
        self,
        path: str,
        resource_version: str,
        params: Params | None = None,
        *,
        timeout_seconds: float = 300.0,
        read_deadline: float = 70.0,
    ) -> AsyncGenerator[bytes, None]:
        """Watch events as raw lines, bookmarks included; see `client.Kube.watch`."""
        request = f"WATCH {path}"
        connection: _Connection | None = None
        try:
            connection = await self._asked(path + query_of(watch_params(params, resource_version, timeout_seconds)))
            if connection.status >= 300:
                content = b"".join([part async for part in _timed(connection.body(), REQUEST_TIMEOUT)])
                raise self._refused(request, connection.status, content)
            async with aclosing(_timed(connection.body(), read_deadline)) as parts:
                async for line in lines_of(parts):
                    yield line
        except _TROUBLE as error:
            raise unreachable(request, error) from error
        finally:
            if connection is not None:
                self._put_back(connection)

    async def _asked(self, target: str, method: str = "GET", body: bytes = b"") -> _Connection:
        """A connection on which the head of the answer has come. A kept one may have been closed meanwhile."""
        request = self._request(target, method, body)
        while self._idle:
            connection = self._idle.pop()
            try:
                await self._ask(connection, request)
                return connection
            except _UNANSWERED:
                continue
        async with asyncio.timeout(CONNECT_TIMEOUT):
            name = self._access.server_name or None if self._tls is not None else None
            opened = await asyncio.open_connection(
                self._host, self._port, ssl=self._tls, server_hostname=name, limit=_BUFFER
            )
        connection = _Connection(*opened)
        await self._ask(connection, request)
        return connection

    @staticmethod
    async def _ask(connection: _Connection, request: bytes) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                await connection.ask(request)
        except BaseException:
            connection.close()
            raise

    def _request(self, target: str, method: str, body: bytes) -> bytes:
        token = self._bearer()
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        sized = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        return f"{method} {self._prefix}{target} HTTP/1.1\r\n{self._head}{bearer}{sized}\r\n".encode() + body

    def _bearer(self) -> str:
        """The token, out of its file again once a minute."""
        if self._access.token_file and time.monotonic() >= self._due:
            self._token = Path(self._access.token_file).read_text().strip()
            self._due = time.monotonic() + CREDENTIALS_PERIOD
        return self._token

    def _refused(self, request: str, status: int, content: bytes) -> Exception:
        if status == 401:
            self._due = float("-inf")  # the token may have been exchanged before its time
        return error_of(request, status, content)

    def _put_back(self, connection: _Connection) -> None:
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()

    def _forget_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()


async def _timed(parts: AsyncIterator[bytes], seconds: float) -> AsyncGenerator[bytes, None]:
    """The parts; TimeoutError when the next one takes longer than that."""
    while True:
        async with asyncio.timeout(seconds):
            part = await anext(parts, None)
        if part is None:
            return
        yield part


def _tls(access: Access) -> ssl.SSLContext:
    """Raises InvalidInput for certificates that cannot be used."""
    try:
        context = ssl.create_default_context(cadata=access.authority or None)
        # Go's verifier, hence kubectl, does not ask for RFC 5280's optional key identifiers; Python 3.13 does.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not access.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if access.certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # OpenSSL reads them from files alone
                file.write(f"{access.certificate}\n{access.key}\n")
                file.flush()
                context.load_cert_chain(file.name)
        return context
    except (ssl.SSLError, OSError, ValueError) as error:
        raise InvalidInput(access.server, "", str(error), "check the certificates in the kubeconfig") from error
