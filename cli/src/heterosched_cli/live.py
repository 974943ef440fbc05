"""Questions to the API server. The Kubernetes client costs a second to import, so only live commands import this."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from heterosched.constants import API_VERSION
from heterosched.errors import HeteroSchedError, Unavailable
from heterosched.kube.client import Kube
from heterosched.kube.errors import ApiError, ApiUnavailable, NotFound
from heterosched_cli.doctor.registry import INSTALL
from heterosched_cli.kubeconfig import check_login, check_present

Answer = TypeVar("Answer")
Json = dict[str, Any]
API = f"/apis/{API_VERSION}"
NOT_KNOWN = "your credentials are not accepted: log in again, or use another --context"
TO_INSTALL = f"HeteroSched is not installed there: {INSTALL}, or use another --context"


class NotInstalled(HeteroSchedError):
    """The cluster does not serve our API."""


def ask(question: Callable[[Kube], Awaitable[Answer]], kubeconfig: Path | None, context: str) -> Answer:
    """Connect, ask, close. Raises InvalidInput (credentials), Unavailable (no answer), ApiError (refused)."""

    check_present(kubeconfig)
    check_login(kubeconfig, context)

    async def session() -> Answer:
        async with await Kube.connect(kubeconfig, context or None) as kube:
            return await question(kube)

    try:
        return asyncio.run(session())
    except ApiUnavailable as error:
        raise Unavailable(f"the API server does not answer: {error}; {silence(error)}") from error
    except ApiError as error:
        if error.status == 401:
            raise HeteroSchedError(f"{error}; {NOT_KNOWN}") from error
        if error.status == 403:
            raise HeteroSchedError(f"{error}; ask for the rights or use another --context") from error
        raise


def silence(error: ApiUnavailable) -> str:
    """What to do about an API server that does not answer."""
    if any(words in str(error) for words in ("has expired", "not yet valid", "mismatch, certificate")):
        return "check the dates and names of the server's certificate, and this machine's clock"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "the kubeconfig's certificate-authority is not that of this server: get the kubeconfig anew"
    return "check --kubeconfig, --context and that the cluster is up"


async def list_ours(kube: Kube, plural: str, namespace: str = "") -> list[Json]:
    """All objects of a kind of ours, in one namespace or in all. Raises NotInstalled."""
    path = f"{API}/namespaces/{namespace}/{plural}" if namespace else f"{API}/{plural}"
    try:
        return await kube.list(path)
    except NotFound as error:
        raise NotInstalled(f"the cluster does not serve {plural} of {API_VERSION}; {TO_INSTALL}") from error
