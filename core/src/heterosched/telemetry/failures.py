"""What went wrong between us and Prometheus, in a few words; pure.

The libraries' own texts repeat the whole query as an URL, name their classes, and may hold what was sent as a token:
nothing of that helps the reader of a status.
"""

from __future__ import annotations

import ast
import json
import re
import socket
import ssl
from collections.abc import Iterator
from textwrap import shorten
from typing import Any, Final

import requests
from urllib3.exceptions import TimeoutError as PoolTimeout

LONGEST_ERROR: Final = 300
"""Characters of a message; a proxy in front of Prometheus answers with whole pages."""

REFUSED: Final = (400, 422)
"""Statuses of a query that cannot be read or carried out (Prometheus, HTTP API, "Format overview")."""

_HINTS: Final = {
    401: "it wants other credentials",
    403: "it wants other credentials",
    404: "give the address of a Prometheus, with the path before /api/v1 where it has one",
}
_ANSWERED: Final = re.compile(r"HTTP Status Code (\d+) \((.*)\)", re.DOTALL)
_REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "its host name is not known"),
    (ssl.SSLCertVerificationError, "its certificate is not believed ({cause.verify_message})"),
    (ssl.SSLError, "TLS fails ({cause})"),
    (TimeoutError, "timed out after {timeout:g} s"),
    (requests.exceptions.InvalidHeader, "its token cannot be sent; look at the token file"),
)


def brief(text: str) -> str:
    """On one line, cut between words where it is too long."""
    return shorten(text, LONGEST_ERROR, placeholder=" ...")


def refusal(error: Exception) -> tuple[int, str]:
    """The HTTP status that prometheus-api-client reports (0 where it reports none), and all that there is to say.

    A page that is not Prometheus' own says nothing: its address is at fault, or a proxy in between.
    """
    found = _ANSWERED.fullmatch(str(error))
    if found is None:
        return 0, str(error)
    status = int(found[1])
    try:
        said: Any = json.loads(ast.literal_eval(found[2]))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        said = None
    text = said.get("error") if isinstance(said, dict) else None
    told = text if isinstance(text, str) and text else _HINTS.get(status, "")
    return status, f"HTTP status {status}: {told}" if told else f"HTTP status {status}"


def reason_of(error: Exception, timeout: float) -> str:
    """Why there was no answer at all. `timeout` in seconds."""
    causes = list(_causes(error))
    for kind, words in _REASONS:  # what is surest first
        for cause in causes:
            if isinstance(cause, kind):
                return words.format(cause=cause, timeout=timeout)
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return f"{cause.filename}: {cause.strerror}" if cause.filename else cause.strerror
    if any(isinstance(cause, (PoolTimeout, requests.Timeout)) for cause in causes):
        # Only now: urllib3 counts every connection that cannot be made as a timeout.
        return f"timed out after {timeout:g} s"
    if isinstance(error, requests.ConnectionError):
        return "the connection was closed"
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return str(error)  # about a certificate's file: it names the path
    if isinstance(error, (ValueError, KeyError, TypeError, RecursionError)):
        return "something else than Prometheus' JSON came back; look at the address"
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that lies behind it; urllib3 wraps by argument and by `reason`, not only by `from`."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
