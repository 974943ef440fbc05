"""An API server of recorded answers, on a real port, with the kubeconfig that leads to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from http_apiserver import kubeconfig

Answer = Any
"""A body (200), a status with which the API server refuses, a pair of status and body, or a function of the request
that gives one of these.
"""


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Recorded:
    """The answers by path, a POST's by `POST path`; for others 404. A function may answer for a whole prefix that ends
    with `*`. `asked` is what came in.
    """

    answers: dict[str, Answer]
    kubeconfig: Path
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, bytes]:
        """Status and body."""
        self.asked.append(request)
        key = request.path if request.method == "GET" else f"{request.method} {request.path}"
        found: Any = self.answers.get(key)
        if found is None:
            prefixes = [name for name in self.answers if name.endswith("*") and key.startswith(name[:-1])]
            found = self.answers[max(prefixes, key=len)] if prefixes else 404
        if callable(found):
            found = found(request)
        status, body = found if isinstance(found, tuple) else (200, found)
        if isinstance(body, int):
            words = {403: "Forbidden", 404: "NotFound", 503: "ServiceUnavailable"}
            who = f'User "me" cannot {request.method} {request.path}' if body == 403 else f"no {request.path}"
            status = body
            body = {"kind": "Status", "apiVersion": "v1", "code": status, "reason": words[status], "message": who}
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()


@contextmanager
def recorded(answers: Mapping[str, Answer], folder: Path, date: str = "") -> Iterator[Recorded]:
    """A port that answers so; `date` instead of the server's own clock in the header of that name."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split, size = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, text = found.answer(Request(self.command, unquote(split.path), split.query, headers, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:
            self.do_GET()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date or super().date_time_string(timestamp)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found = Recorded(dict(answers), kubeconfig(folder, f"http://127.0.0.1:{server.server_port}", token="t0"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
