"""uvicorn's HTTP/1.1 protocol with a short way for the verbs: no ASGI task, no queue, one write for each answer.

A verb needs nothing of ASGI: the body is complete or it is not, and the answer is there at once. What ASGI does in
between (a scope, a task, two messages each way) takes longer than scoring fifty nodes. Every other request, and a verb
that comes in an unusual way (pipelined behind another answer, `Expect: 100-continue`, HTTP/1.0), goes the ASGI way and
gets the same answer there.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from heterosched_extender.app import Answer, Verbs

REQUEST_SECONDS = 30.0
"""How long a request may take to arrive, from its first byte on; the scheduler sends its own at once."""

LINGER_SECONDS = 5.0
"""How long the rest of a refused body is read and thrown away."""

_HEAD = b"HTTP/1.1 %b\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\n"
_STATUS = {status.value: f"{status.value} {status.phrase}".encode() for status in HTTPStatus}
_SMALL = 16_384
"""Bytes of an answer up to which a copy is cheaper than a second piece for the kernel."""


class VerbProtocol(HttpToolsProtocol):
    """One connection. `config.app` must be a `Verbs`."""

    _verb: str = ""
    _begun = False
    _parts: list[bytes]
    _size = 0
    _refused = False
    _closing = False
    _deadline: asyncio.TimerHandle | None = None

    @property
    def _verbs(self) -> Verbs:
        verbs: Verbs = self.app
        return verbs

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that never says anything is closed like one that has fallen silent."""
        super().connection_made(transport)
        self._keep_alive()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing waits any more."""
        self._verb = ""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes; a head, or a verb, that is not complete with them has a time limit."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._verb or self._begun:
            self._deadline = self._deadline or self.loop.call_later(REQUEST_SECONDS, self._too_slow)
        elif self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete):
            self._keep_alive()  # an empty line between requests says nothing

    def on_message_begin(self) -> None:
        """A scope is made only for requests that need one."""
        self.url = b""
        self._begun = True
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """Decide which way the request goes."""
        self._begun = False
        usual = self.parser.get_method() == b"POST" and self.parser.get_http_version() == "1.1"
        free = self.cycle is None or self.cycle.response_complete
        verb = self.url.decode("latin-1")
        if not usual or not free or verb not in self._verbs.paths or self.expect_100_continue:
            self._by_asgi()
            return
        self._verb, self._parts, self._size, self._refused = verb, [], 0, False
        for name, value in self.headers:
            if name == b"content-length" and int(value) > self._verbs.body_limit:
                self._refuse()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if not self._verb:
            super().on_body(body)
        elif not self._refused:
            self._parts.append(body)
            self._size += len(body)
            if self._size > self._verbs.body_limit:
                self._refuse()

    def on_message_complete(self) -> None:
        """Answer a verb here and now."""
        if not self._verb:
            super().on_message_complete()
        elif self._refused:
            self.transport.close()
        else:
            verb, parts = self._verb, self._parts
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            self._verb = ""
            self._in_time()
            closing = self._closing or not self.parser.should_keep_alive()
            self._say(self._verbs.answer(verb, body), closing)
            if closing:
                self.transport.close()
            else:
                self._keep_alive()
                self.loop.call_soon(self._verbs.rest)

    def shutdown(self) -> None:
        """The server stops: a verb that is still arriving is answered first."""
        if self._verb and not self._refused:
            self._closing = True
        else:
            super().shutdown()

    def _by_asgi(self) -> None:
        self._in_time()
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _refuse(self) -> None:
        """Say no, then read the rest: a connection closed with bytes unread is reset, and the answer lost."""
        self._refused, self._parts = True, []
        self._say(self._verbs.too_large(self._verb), True)
        self._in_time()
        self._deadline = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._refused = True
            self._say(self._verbs.too_slow(self._verb), True)
            self.transport.close()

    def _say(self, answer: Answer, closing: bool) -> None:
        status, body = answer
        extra = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
        head = _HEAD % (_STATUS[status], extra, len(body)) + (b"connection: close\r\n\r\n" if closing else b"\r\n")
        if len(body) <= _SMALL:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))
        self.server_state.total_requests += 1

    def _keep_alive(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
