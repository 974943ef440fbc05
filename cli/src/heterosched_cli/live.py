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
from heterosched_cli.kubeconfig import check_present

Answer = TypeVar("Answer")
Json = dict[str, Any]
API = f"/apis/{API_VERSION}"


class NotInstalled(HeteroSchedError):
    """The cluster does not serve our API."""


def ask(question: Callable[[Kube], Awaitable[Answer]], kubeconfig: Path | None, context: str) -> Answer:
    """Connect, ask, close. Raises InvalidInput (credentials), Unavailable (no answer), ApiError (refused)."""

    check_present(kubeconfig)

    async def session() -> Answer:
        async with await Kube.connect(kubeconfig, context or None) as kube:
            return await question(kube)

    try:
        return asyncio.run(session())
    except ApiUnavailable as error:
        remedy = "check --kubeconfig, --context and that the cluster is up"
        raise Unavailable(f"the API server does not answer: {error}; {remedy}") from error
    except ApiError as error:
        if error.status in (401, 403):
            raise HeteroSchedError(f"{error}; ask for the rights or use another --context") from error
        raise


async def list_ours(kube: Kube, plural: str, namespace: str = "") -> list[Json]:
    """All objects of a kind of ours, in one namespace or in all. Raises NotInstalled."""
    path = f"{API}/namespaces/{namespace}/{plural}" if namespace else f"{API}/{plural}"
    try:
        return await kube.list(path)
    except NotFound as error:
        remedy = "install it with kubectl apply -f crds/"
        raise NotInstalled(f"the cluster does not serve {plural} of {API_VERSION}; {remedy}") from error
