"""A thin asynchronous client of the API server: raw JSON in and out, over the transport of the `kubernetes` package.

Only the transport is used (kubeconfig, client certificates, exec plug-ins, in-cluster tokens, TLS). Its models are not:
decoding a thousand nodes into them takes half a second, into structs that name what we read a twentieth of that.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp
import msgspec
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from heterosched.errors import InvalidInput
from heterosched.kube.access import kubeconfig_path
from heterosched.kube.errors import Gone, error_of
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
Objects = list[Json]
PatchKind = Literal["merge", "json", "strategic", "apply"]

NO_HEADERS: Mapping[str, str] = {}

POOL_SIZE = 256
"""Simultaneous connections: each watch holds one while it lives, and releasing a wide task graph is a burst."""

_PATCH_TYPES: Mapping[PatchKind, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; names of `headers` in any case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Kube:
    """The API server. Make one with `await Kube.connect()` inside the event loop that uses it; `async with` closes it.

    Every method raises ApiError or one of its kinds (`heterosched.kube.errors`); connection trouble is ApiUnavailable.
    """

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    @classmethod
    async def connect(cls, kubeconfig: str | Path | None = None, context: str | None = None) -> Kube:
        """Read the credentials: `kubeconfig`, else $KUBECONFIG, else ~/.kube/config, else the pod's service account.

        Nothing is sent yet. Raises InvalidInput when there are no usable credentials.
        """
        configuration = Configuration(connection_pool_maxsize=POOL_SIZE)
        # Go's verifier, hence kubectl, does not ask for RFC 5280's optional key identifiers; Python 3.13 does.
        configuration.disable_strict_ssl_verification = True
        configuration.trace_configs = [_no_redirects()]
        source = kubeconfig_path(kubeconfig)
        try:
            if source is None:
                load_incluster_config(client_configuration=configuration)
            else:
                loader = await load_kube_config(source, context, configuration, persist_config=False)
                configuration.refresh_api_key_hook = _Refresh(loader)
            return cls(ApiClient(configuration))
        except (ConfigException, OSError, ValueError, TypeError, KeyError) as error:
            where = source or "in-cluster service account"
            raise InvalidInput(
                where, "", str(error), "check the file, the context or the pod's service account"
            ) from error

    async def __aenter__(self) -> Kube:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def get(self, path: str, params: Params | None = None) -> Json:
        """The object at `path`, for instance `/api/v1/nodes/t4-0`."""
        return _decoded(await self.request("GET", path, params=params))

    async def get_raw(self, path: str, params: Params) -> bytes:
        """The body of GET `path`, undecoded."""
        return await self.request("GET", path, params=params)

    async def list(self, path: str, params: Params | None = None, page_size: int = 500) -> Objects:
        """All objects of a collection, page by page; starts over without pages when the page token expires."""
        found: Objects = []
        page: Params = {"limit": page_size, **(params or {})}
        while True:
            try:
                body = await self.get(path, page)
            except Gone:
                if "continue" not in page:
                    raise
                return list((await self.get(path, params))["items"] or ())
            found.extend(body["items"] or ())
            token = body["metadata"].get("continue")
            if not token:
                return found
            page = {**page, "continue": token}

    async def post(self, path: str, body: Json, params: Params | None = None) -> Json:
        """Create an object. Raises AlreadyExists, Rejected, NotFound (no namespace), ApiError 403 (quota, RBAC)."""
        return _decoded(await self.request("POST", path, body=body, params=params))

    async def patch(
        self, path: str, body: Json | Objects, kind: PatchKind = "merge", params: Params | None = None
    ) -> Json:
        """Patch an object; a merge patch with `resourceVersion` or `uid` tests it. Raises Conflict, NotFound."""
        return _decoded(await self.request("PATCH", path, body=body, params=params, content_type=_PATCH_TYPES[kind]))

    async def delete(self, path: str, *, uid: str = "", propagation: str = "Background") -> Json:
        """Delete an object, only if it still has this `uid` where one is given. Raises NotFound, Conflict."""
        options: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        return _decoded(await self.request("DELETE", path, body=options))

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Json | Objects | None = None,
        params: Params | None = None,
        content_type: str = "application/json",
        within: float = REQUEST_TIMEOUT,
    ) -> bytes:
        """One request, answered `within` seconds; the body of a 2xx answer."""
        limit = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_TIMEOUT)
        reply = await self._reply(method, path, body, params, content_type, limit, NO_HEADERS)
        if reply.status >= 300:
            raise error_of(f"{method} {path}", reply.status, reply.body)
        return reply.body

    async def ask(self, path: str, headers: Mapping[str, str], within: float = REQUEST_TIMEOUT) -> Reply:
        """GET `path`, whatever the status: what stands behind a proxy of the API server has words of its own.

        Raises ApiUnavailable alone.
        """
        limit = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_TIMEOUT)
        return await self._reply("GET", path, None, None, "application/json", limit, headers)

    async def _reply(
        self,
        method: str,
        path: str,
        body: Json | Objects | None,
        params: Params | None,
        content_type: str,
        limit: aiohttp.ClientTimeout,
        headers: Mapping[str, str],
    ) -> Reply:
        try:
            response = await self._send(method, path, body, params, content_type, limit, headers)
            async with response:
                return Reply(response.status, await response.read(), response.headers)
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(f"{method} {path}", error) from error

    async def watch(
        self,
        path: str,
        resource_version: str,
        params: Params | None = None,
        *,
        timeout_seconds: float = 300.0,
        read_deadline: float = 70.0,
    ) -> AsyncGenerator[bytes, None]:
        """Watch events as raw lines, bookmarks included, until the server ends the watch after `timeout_seconds`.

        A half-open connection delivers nothing and never fails: the server sends a bookmark about every 60 s, so
        `read_deadline` seconds without a byte raise ApiUnavailable. Raises Gone when `resource_version` is too old.
        """
        query = watch_params(params, resource_version, timeout_seconds)
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=read_deadline)
        request = f"WATCH {path}"
        try:
            response = await self._send("GET", path, None, query, "application/json", limit)
            async with response:
                if response.status >= 300:
                    raise error_of(request, response.status, await response.read())
                async for line in lines_of(response.content.iter_any()):
                    yield line
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(request, error) from error

    async def _send(
        self,
        method: str,
        path: str,
        body: Json | Objects | None,
        params: Params | None,
        content_type: str,
        limit: aiohttp.ClientTimeout,
        extra: Mapping[str, str] = NO_HEADERS,
    ) -> aiohttp.ClientResponse:
        configuration = self._api.configuration
        headers = {"Accept": "application/json", "Content-Type": content_type, "User-Agent": USER_AGENT, **extra}
        bearer = (await configuration.auth_settings()).get("BearerToken")
        if bearer and bearer["value"]:
            # Token files end in a newline more often than not, and the package hands it through.
            headers["Authorization"] = bearer["value"].strip()
        url = configuration.host + path + query_of(params)
        answer = await self._api.rest_client.request(method, url, headers, body, _request_timeout=limit)
        response: aiohttp.ClientResponse = answer.response
        return response


def _no_redirects() -> aiohttp.TraceConfig:
    """An API server sends nobody elsewhere, but what stands behind its proxy may, and our headers are not for that."""

    async def refuse(session: object, context: object, params: aiohttp.TraceRequestRedirectParams) -> None:
        raise aiohttp.ClientError(f"the answer leads elsewhere ({params.response.status}), and is not followed")

    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(refuse)
    return tracing


class _Refresh:
    """Reads the kubeconfig's credentials again once a minute; the package does so for in-cluster tokens only."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._due = time.monotonic() + CREDENTIALS_PERIOD

    async def __call__(self, configuration: Any) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + CREDENTIALS_PERIOD
            await self._loader.load_and_set(configuration)


def _decoded(content: bytes) -> Json:
    decoded: Json = msgspec.json.decode(content)
    return decoded
