"""Whatever lies behind a failed query is told in a few words, without the libraries' texts."""

from __future__ import annotations

import socket
import ssl

import pytest
import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError, ReadTimeoutError

from heterosched.telemetry.failures import LONGEST_ERROR, brief, reason_of, refusal

URL = "/api/v1/query?query=max+by+%28node%29"


def wrapped(reason: Exception) -> requests.ConnectionError:
    """As requests and urllib3 hand it up."""
    return requests.ConnectionError(MaxRetryError(None, URL, reason))  # type: ignore[arg-type]


def behind(kind: type[Exception], cause: Exception) -> Exception:
    """An error of urllib3 that was raised from `cause`."""
    found = kind(None, "text of its own")
    found.__cause__ = cause
    return found


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (wrapped(behind(NewConnectionError, ConnectionRefusedError(111, "refused"))), "connection refused"),
        (wrapped(behind(NewConnectionError, socket.gaierror(-2, "unknown"))), "its host name is not known"),
        (wrapped(behind(NewConnectionError, OSError(113, "No route to host"))), "No route to host"),
        (wrapped(ReadTimeoutError(None, URL, "read")), "timed out after 5 s"),  # type: ignore[arg-type]
        (requests.ReadTimeout("x"), "timed out after 5 s"),
        (
            requests.ConnectionError(ProtocolError("aborted", ConnectionResetError(104, "reset by peer"))),
            "reset by peer",
        ),
        (requests.ConnectionError(ProtocolError("aborted")), "the connection was closed"),
        (requests.exceptions.SSLError(ssl.SSLError(1, "[SSL] wrong version")), "TLS fails"),
        (FileNotFoundError(2, "No such file or directory", "/t"), "/t: No such file or directory"),
        (OSError("invalid path: /ca"), "invalid path: /ca"),
        (requests.TooManyRedirects(URL), "TooManyRedirects"),
    ],
)
def test_the_cause_is_found_behind_what_wraps_it(error: Exception, told: str) -> None:
    found = reason_of(error, 5.0)
    assert found.startswith(told)
    assert URL not in found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('HTTP Status Code 400 (b\'{"error": "1:2: parse error"}\')', (400, "HTTP status 400: 1:2: parse error")),
        ("HTTP Status Code 500 (b'<html>')", (500, "HTTP status 500")),
        ("HTTP Status Code 500 (b'[1]')", (500, "HTTP status 500")),
        ("HTTP Status Code 503 (b'\\xff')", (503, "HTTP status 503")),
        ("HTTP Status Code 403 (b'')", (403, "HTTP status 403: it wants other credentials")),
        ("another text", (0, "another text")),
    ],
)
def test_the_status_and_prometheus_own_words_are_read(text: str, found: tuple[int, str]) -> None:
    assert refusal(PrometheusApiClientException(text)) == found


def test_a_long_text_is_one_line_that_ends_between_words() -> None:
    found = brief("word\n" * 200)
    assert found.endswith("word ...")
    assert len(found) <= LONGEST_ERROR
