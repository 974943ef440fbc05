"""What list and watch need of a client, whoever sends the bytes: `client.Kube`, or `reader.Reader`, which only reads.

Apart from both, so that a process that only reads need not load the `kubernetes` package.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Final, Protocol
from urllib.parse import urlencode

from heterosched.kube.errors import ApiUnavailable

Params = Mapping[str, str | int | bool]

USER_AGENT: Final = "heterosched"
REQUEST_TIMEOUT: Final = 30.0
CONNECT_TIMEOUT: Final = 5.0
CREDENTIALS_PERIOD: Final = 60.0
"""Seconds after which a token file or exec plug-in named in the kubeconfig is consulted again."""


class ListWatch(Protocol):
    """What a reflector needs of a client: pages as bytes, and a watch as raw lines."""

    async def get_raw(self, path: str, params: Params) -> bytes:
        """The body of GET `path`. Raises ApiError."""
        ...

    def watch(
        self, path: str, resource_version: str, params: Params, *, timeout_seconds: float, read_deadline: float
    ) -> AsyncGenerator[bytes, None]:
        """Events since `resource_version`, one JSON document each, until the server ends the watch.

        Raises Gone (the version is too old), ApiUnavailable (cut, or no byte for `read_deadline` seconds), ApiError.
        """
        ...


def query_of(params: Params | None) -> str:
    """`?name=value&...` as the API server takes it, without what is empty."""
    if not params:
        return ""
    return "?" + urlencode({k: str(v).lower() if isinstance(v, bool) else v for k, v in params.items() if v != ""})


def watch_params(params: Params | None, resource_version: str, timeout_seconds: float) -> Params:
    """What makes a list a watch, with bookmarks."""
    return {
        **(params or {}),
        "watch": True,
        "allowWatchBookmarks": True,
        "resourceVersion": resource_version,
        "timeoutSeconds": round(timeout_seconds),
    }


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Complete lines; a line that the stream's end cuts short is dropped (the watch resumes before it)."""
    rest = b""
    async for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            if line:
                yield line


def unreachable(request: str, error: BaseException) -> ApiUnavailable:
    """The error of a request that nothing, or nothing whole, has answered."""
    return ApiUnavailable(request, 0, type(error).__name__, str(error) or "no answer in time")
