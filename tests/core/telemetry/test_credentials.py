"""Prometheus is reached with TLS, a password or a token, which may change while we run; what contradicts is refused."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from heterosched.errors import InvalidInput, Unavailable
from heterosched.telemetry.collector import Collector
from heterosched.telemetry.failures import LONGEST_ERROR
from heterosched.telemetry.settings import TelemetrySettings
from heterosched.telemetry.source import BadQuery, Prometheus
from real_prometheus import PROGRAM, RealPrometheus

WEB = """\
tls_server_config: {{cert_file: {folder}/cert.pem, key_file: {folder}/key.pem}}
basic_auth_users: {{reader: $2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG}}
"""
PASSWORD = "s3cret"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealPrometheus, Path]]:
    """A Prometheus that asks for the password above over TLS, and the folder with its certificate."""
    if PROGRAM is None:
        pytest.skip("the Debian package `prometheus` is not installed")
    folder = tmp_path_factory.mktemp("guarded")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=prometheus"]
    files = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run([*made, "-addext", "subjectAltName=IP:127.0.0.1", *files], check=True, capture_output=True)
    server = RealPrometheus(folder, 1, web=WEB.format(folder=folder), login=f"reader:{PASSWORD}")
    server.start()
    yield server, folder
    server.kill()


def ask(settings: TelemetrySettings) -> list[Any]:
    prometheus = Prometheus(settings)
    try:
        return prometheus.query("vector(1)")
    finally:
        prometheus.close()


def test_tls_and_basic_authentication_reach_a_real_prometheus(
    guarded: tuple[RealPrometheus, Path], tmp_path: Path
) -> None:
    server, folder = guarded
    password, cert = tmp_path / "password", str(folder / "cert.pem")
    password.write_text(f"{PASSWORD}\n")
    allowed = TelemetrySettings(server.url, ca_file=cert, user="reader", password_file=str(password))
    assert ask(allowed)[0]["value"][1] == "1"
    password.write_text("wrong")
    with pytest.raises(Unavailable, match="HTTP status 401: it wants other credentials"):
        ask(allowed)
    with pytest.raises(Unavailable, match="401"):
        ask(TelemetrySettings(server.url, ca_file=cert))
    with pytest.raises(Unavailable, match=r"does not answer: its certificate is not believed \(self.signed"):
        ask(TelemetrySettings(server.url, user="reader", password_file=str(password)))


class Answering:
    """A server that answers every query alike and remembers the credentials shown."""

    def __init__(self) -> None:
        self.status, self.body = 200, b'{"data": {"result": []}}'
        self.shown: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.shown.append(self.headers.get("Authorization", ""))
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: object) -> None:
                """Queries are not news."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()


@pytest.fixture
def answering() -> Iterator[Answering]:
    server = Answering()
    yield server
    server.server.shutdown()
    server.server.server_close()
    server.thread.join()


def test_a_token_that_rotates_is_read_anew_for_every_query(answering: Answering, tmp_path: Path) -> None:
    token = tmp_path / "token"
    prometheus = Prometheus(TelemetrySettings(answering.url, bearer_token_file=str(token)))
    for text in ("one", "two"):
        token.write_text(f"{text}\n")
        prometheus.query("up")
    token.unlink()
    with pytest.raises(Unavailable, match="token"):
        prometheus.query("up")
    prometheus.close()
    assert answering.shown == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (500, b"x" * 10_000, Unavailable),
        (503, b"", Unavailable),
        (302, b"", Unavailable),
        (200, b"<html>", Unavailable),
        (200, b'{"data": 3}', Unavailable),
        (200, b"[" * 100_000, Unavailable),
        (200, b'{"status": "error"}', Unavailable),
        (422, b"many-to-many", BadQuery),
    ],
)
def test_whatever_else_is_answered_becomes_one_short_error(
    answering: Answering, status: int, body: bytes, raised: type[Unavailable]
) -> None:
    answering.status, answering.body = status, body
    with pytest.raises(raised) as caught:
        ask(TelemetrySettings(answering.url))
    assert type(caught.value) is raised
    assert len(str(caught.value)) <= LONGEST_ERROR


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (
            400,
            b'{"status":"error","error":"1:6: parse error: \\"up\\""}',
            'refuses the query: HTTP status 400: 1:6: parse error: "up"',
        ),
        (503, b'{"status":"error","error":"TSDB not ready"}', "does not answer: HTTP status 503: TSDB not ready"),
        (502, b"<html><body>Bad Gateway</body></html>", "does not answer: HTTP status 502"),
        (404, b"404 page not found\n", "does not answer: HTTP status 404: give the address of a Prometheus"),
        (200, b"<html>", "does not answer: something else than Prometheus' JSON came back; look at the address"),
    ],
)
def test_an_answer_without_figures_is_told_by_its_status_and_prometheus_own_words(
    answering: Answering, status: int, body: bytes, told: str
) -> None:
    answering.status, answering.body = status, body
    with pytest.raises(Unavailable) as caught:
        ask(TelemetrySettings(answering.url))
    assert str(caught.value).startswith(f"Prometheus at {answering.url} {told}")


def test_no_answer_is_told_in_words_without_the_query(tmp_path: Path) -> None:
    with socket.socket() as silent, socket.socket() as closed:
        for own in (silent, closed):
            own.bind(("127.0.0.1", 0))
        silent.listen(1)
        told = {
            f"http://127.0.0.1:{closed.getsockname()[1]}": "connection refused",
            f"http://127.0.0.1:{silent.getsockname()[1]}": "timed out after 0.2 s",
        }
        for url, why in told.items():
            with pytest.raises(Unavailable) as caught:
                ask(TelemetrySettings(url, timeout=0.2))
            assert str(caught.value) == f"Prometheus at {url} does not answer: {why}"
    with pytest.raises(Unavailable, match=f"{tmp_path}/token: No such file or directory$"):
        ask(TelemetrySettings(bearer_token_file=f"{tmp_path}/token"))


def test_a_token_that_cannot_be_sent_is_not_repeated(answering: Answering, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"one\n{PASSWORD}\n")
    with pytest.raises(Unavailable, match="look at the token file") as caught:
        ask(TelemetrySettings(answering.url, bearer_token_file=str(tmp_path / "token")))
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "prometheus:9090"}, "url"),
        ({"url": "http://prometheus:port"}, "url"),
        ({"url": "http://[::1"}, "url"),
        ({"url": "http://reader:s3cret@prometheus:9090"}, "url"),
        ({"bearer_token_file": "t", "user": "u", "password_file": "p"}, "user"),
        ({"user": "u"}, "password_file"),
        ({"password_file": "p"}, "password_file"),
        ({"key_file": "k"}, "key_file"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_without_repeating_secrets(
    given: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput, match=field) as caught:
        Collector(TelemetrySettings(**given))  # type: ignore[arg-type]
    assert PASSWORD not in str(caught.value)
