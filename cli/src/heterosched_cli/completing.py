"""What a shell offers at the Tab key: names from the live cluster, and from what is installed here.

A shell waits for the answer, so the light client asks, few objects, briefly; whatever goes wrong, nothing is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import typer

from heterosched_cli.kubeconfig import check_present, contexts_of, namespace_of

PATIENCE_SECONDS: Final = 2.0
MOST: Final = 500
"""Objects that are asked for: nobody reads more."""
OURS: Final = "/apis/heterosched.io/v1alpha1"
Offer = Callable[[typer.Context, str], list[str]]


def jobs(ctx: typer.Context, incomplete: str) -> list[str]:
    """HeteroJobs of the namespace that the line names so far."""
    return _offered(ctx, incomplete, OURS, "heterojobs")


def profiles(ctx: typer.Context, incomplete: str) -> list[str]:
    """ThroughputProfiles of the namespace that the line names so far."""
    return _offered(ctx, incomplete, OURS, "throughputprofiles")


def pods(ctx: typer.Context, incomplete: str) -> list[str]:
    """Pods of the namespace that the line names so far."""
    return _offered(ctx, incomplete, "/api/v1", "pods")


def nodes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Nodes of the cluster."""
    return _fitting(_names(ctx, "/api/v1/nodes"), incomplete)


def namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    """Namespaces of the cluster."""
    return _fitting(_names(ctx, "/api/v1/namespaces"), incomplete)


def policies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Policies that are built in or come with a plug-in, and those of the cluster."""
    from heterosched.policy.hooks import known_rows

    return _fitting([*known_rows(), *_names(ctx, f"{OURS}/schedulingpolicies")], incomplete)


def strategies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Strategies that are installed here."""
    from importlib.metadata import entry_points

    from heterosched.algorithms.base import ENTRY_POINTS

    return _fitting(["Auto", "jps", *(point.name for point in entry_points(group=ENTRY_POINTS))], incomplete)


def contexts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Contexts of the kubeconfig."""
    try:
        return _fitting(contexts_of(_path(ctx)), incomplete)
    except Exception:
        return []


def _offered(ctx: typer.Context, incomplete: str, group: str, plural: str) -> list[str]:
    if ctx.params.get("all_namespaces"):
        return _fitting(_names(ctx, f"{group}/{plural}"), incomplete)
    try:
        place = namespace_of(ctx.params.get("namespace") or "", _path(ctx), ctx.params.get("context") or "")
    except Exception:
        return []
    return _fitting(_names(ctx, f"{group}/namespaces/{place}/{plural}"), incomplete)


def _names(ctx: typer.Context, path: str) -> list[str]:
    import asyncio

    kubeconfig, context = _path(ctx), ctx.params.get("context") or ""
    try:
        check_present(kubeconfig)
        return asyncio.run(asyncio.wait_for(_listed(path, kubeconfig, context), PATIENCE_SECONDS))
    except Exception:  # no credentials, no answer, no rights, no such kind: nothing to offer
        return []


async def _listed(path: str, kubeconfig: Path | None, context: str) -> list[str]:
    import msgspec

    from heterosched.kube.access import plain_access
    from heterosched.kube.reader import Reader

    access = plain_access(kubeconfig, context or None)
    if access is not None:
        async with Reader(access) as reader:
            body: Any = msgspec.json.decode(await reader.get_raw(path, {"limit": MOST}))
    else:
        from heterosched.kube.client import Kube

        async with await Kube.connect(kubeconfig, context or None) as kube:
            body = await kube.get(path, {"limit": MOST})
    return [item["metadata"]["name"] for item in body["items"]]


def _path(ctx: typer.Context) -> Path | None:
    given = ctx.params.get("kubeconfig")
    return Path(given) if given else None


def _fitting(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(dict.fromkeys(name for name in names if name.startswith(incomplete)))
