"""Two uvicorn servers in one event loop: the verbs on loopback, the rest on the pod's address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

import uvicorn

from heterosched.errors import InvalidInput
from heterosched_extender.app import Verbs
from heterosched_extender.protocol import VerbProtocol
from heterosched_extender.tls import Tls

logger = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 120
"""Above the 90 s after which Go drops an idle connection: if the server closed first, a POST under way would be lost.
"""

DRAIN_SECONDS = 2
"""How long requests under way may take once the process is told to stop."""


class Stoppable(Protocol):
    """What has to know that the process is on its way out."""

    stopping: bool


class _Server(uvicorn.Server):
    """Leaves signals to us: of two servers in a process only one could have them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InvalidInput when the address cannot be had, before anything else is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise InvalidInput(
            f"address {host}:{port}", "", str(error), "stop what holds it, or choose another port"
        ) from error
    opened.listen(128)
    opened.setblocking(False)
    return opened


def address(opened: socket.socket) -> str:
    """`host:port` as it is bound."""
    host, port = opened.getsockname()[:2]
    return f"{host}:{port}"


def _server(app: Any, tls: Tls | None = None) -> _Server:
    config = uvicorn.Config(
        app,
        loop="none",
        http=VerbProtocol if isinstance(app, Verbs) else "httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=128,
        ssl_context_factory=None if tls is None else lambda config, default: tls.context,
    )
    return _Server(config)


async def serve(
    apps: list[tuple[Any, socket.socket]],
    health: Stoppable,
    work: Callable[[], Awaitable[None]] | None = None,
    tls: Tls | None = None,
) -> None:
    """Serve `apps` on their sockets, the verbs by `tls`, and run `work` until SIGTERM or SIGINT, or until `work` fails
    (its error is raised).
    """
    servers = [_server(app, tls if isinstance(app, Verbs) else None) for app, _ in apps]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = [asyncio.create_task(server.serve([opened])) for server, (_, opened) in zip(servers, apps, strict=True)]
    working = [asyncio.ensure_future(work())] if work is not None else []
    if tls is not None:
        working.append(asyncio.ensure_future(tls.watch()))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *serving, *working], return_when=asyncio.FIRST_COMPLETED)
    finally:
        health.stopping = True
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving, return_exceptions=True)
        failed = [task.exception() for task in (*working, *serving) if task.done() and not task.cancelled()]
        for task in [stopping, *working]:
            task.cancel()
        await asyncio.gather(stopping, *working, return_exceptions=True)
    for error in failed:
        if error is not None:
            raise error
