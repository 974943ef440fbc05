"""What checks ask of a cluster. Each question is asked once, however many checks want to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from heterosched.errors import Unavailable
from heterosched.kube.client import Kube, Reply
from heterosched.kube.errors import ApiError, ApiUnavailable, NotFound, error_of
from heterosched_cli.extender_pods import ExtenderPod, Token, token_of
from heterosched_cli.extenders import of_address

Json = dict[str, Any]
Answer = TypeVar("Answer")

NAME_LABEL = "app.kubernetes.io/name"
COMPONENT_LABEL = "app.kubernetes.io/component"
INSTANCE_LABEL = "app.kubernetes.io/instance"
VERSION_LABEL = "app.kubernetes.io/version"
SYSTEM = "heterosched"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an extender answers that runs as a process, or behind a forwarded port."""

    url: str


class Cluster:
    """The API server at `kube`. `namespace`: where the installation is, empty to look for it. `now` is epoch seconds.
    `addresses`: of extenders that are no pods, or are not to be asked as such.

    Every method raises ApiError or one of its kinds.
    """

    def __init__(
        self, kube: Kube, namespace: str = "", now: float | None = None, addresses: Sequence[str] = ()
    ) -> None:
        self._kube, self.namespace = kube, namespace
        self.addresses = tuple(map(Address, addresses))
        self.now = time.time() if now is None else now
        self._asked: dict[str, asyncio.Task[Any]] = {}

    async def get(self, path: str) -> Json:
        """The object at `path`."""
        return await self._once(path, lambda: self._kube.get(path))

    async def there(self, path: str) -> Json | None:
        """The same, or None where there is no such thing."""
        try:
            return await self.get(path)
        except NotFound:
            return None

    async def list(self, path: str, **params: str) -> Sequence[Json]:
        """All objects of a collection."""
        return await self._once(f"{path}?{urlencode(params)}", lambda: self._kube.list(path, params))

    async def post(self, path: str, body: Json) -> Json:
        """What the API server makes of `body`."""
        return await self._kube.post(path, body)

    async def raw(self, path: str) -> Reply:
        """The answer to GET `path`, headers included, whatever its status."""
        return await self._once(f"raw {path}", lambda: self._kube.ask(path, {}))

    async def ahead(self) -> float | None:
        """By how many seconds this machine's clock is ahead of the API server's; None where that tells no time."""
        told = (await self.raw("/version")).headers.get("Date", "")
        try:
            return self.now - parsedate_to_datetime(told).timestamp()
        except ValueError:
            return None

    async def earliest(self) -> float:
        """Now, by the slower of the two clocks: by it no age is overrated, so nobody is accused for a fast clock. The
        API server tells whole seconds.
        """
        return self.now - max(0.0, (await self.ahead() or 0.0) - 1.0)

    async def text(self, path: str) -> str:
        """A body that is no JSON, such as a log."""
        reply = await self.raw(path)
        if reply.status >= 300:
            raise error_of(f"GET {path}", reply.status, reply.body)
        return reply.body.decode("utf-8", "replace")

    async def extender(self, pod: ExtenderPod, path: str) -> tuple[Reply, Token]:
        """What an extender says at `path`, and the token that it was asked with, where it takes one: anybody's pod may
        have our labels, and probes and metrics are open.
        """
        token = Token()
        if path.startswith("/v1/"):
            token = await self._once(
                f"token {pod.namespace}", lambda: token_of(self._kube, pod.namespace, bool(self.namespace))
            )
        way = pod.path(path)
        return await self._once(f"extender {way}", lambda: self._kube.ask(way, token.headers, 10.0)), token

    async def address(self, place: Address, path: str) -> Reply:
        """What an extender says that is asked straight. Raises Unavailable, BadParameter (an address that is none)."""
        bare, _, query = path.partition("?")
        asked = dict(parse_qsl(query))
        said = await self._once(f"{place.url} {path}", lambda: asyncio.to_thread(of_address, place.url, bare, asked))
        if said.trouble:
            raise Unavailable(said.trouble)
        return Reply(said.status, said.body, {})

    async def any_of(self, path: str, **params: str) -> Sequence[Json]:
        """All objects of a collection, `path` with `{}` for the namespace: of the one that was named, else of all; none
        where they may not be listed.
        """
        try:
            return await self.list(path.format(f"namespaces/{self.namespace}/" if self.namespace else ""), **params)
        except ApiUnavailable:
            raise
        except ApiError:
            return []

    async def objects(self, path: str, **labels: str) -> Sequence[Json]:
        """Objects of ours, `path` with `{}` for the namespace: of the whole cluster, else of the one that was named."""
        selector = ",".join(f"{name}={value}" for name, value in {NAME_LABEL: SYSTEM, **labels}.items())
        try:
            return await self.list(path.format(""), labelSelector=selector)
        except ApiUnavailable:
            raise
        except ApiError as error:
            if error.status not in (401, 403) or not self.namespace:
                raise
        return await self.list(path.format(f"namespaces/{self.namespace}/"), labelSelector=selector)

    async def component(self, name: str) -> Sequence[Json]:
        """Deployments of `operator` or `scheduler`: in the namespace that was named, where one was."""
        found = await self.objects("/apis/apps/v1/{}deployments")
        return [
            own for own in found if label(own, COMPONENT_LABEL) == name and self.namespace in ("", namespace_of(own))
        ]

    async def pods(self, deployment: Json) -> Sequence[Json]:
        """The pods that a Deployment of ours selects and that are not on their way out."""
        labels = deployment["spec"]["selector"].get("matchLabels") or {}
        selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
        found = await self.list(f"/api/v1/namespaces/{namespace_of(deployment)}/pods", labelSelector=selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def allowed(self, user: str, verb: str, group: str, resource: str, namespace: str = "") -> bool:
        """Whether `user` may, as the API server's own authoriser judges."""
        kind, _, part = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": kind, "subresource": part, "namespace": namespace}
        groups = ["system:serviceaccounts", "system:authenticated"]
        spec = {"user": user, "groups": groups, "resourceAttributes": asked}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        key = f"may {user} {verb} {group}/{resource} {namespace}"
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        review = await self._once(key, lambda: self._kube.post(path, body))
        return bool((review.get("status") or {}).get("allowed"))

    async def _once(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(ask())
        answer: Answer = await asyncio.shield(self._asked[key])
        return answer


def label(thing: Json, name: str) -> str:
    """A label, empty where it is missing."""
    return str((thing["metadata"].get("labels") or {}).get(name, ""))


def namespace_of(thing: Json) -> str:
    """The namespace, empty for what is cluster-wide."""
    return str(thing["metadata"].get("namespace", ""))


def key_of(thing: Json) -> str:
    """`namespace/name`."""
    return f"{namespace_of(thing)}/{thing['metadata']['name']}"


def condition(thing: Json, type: str) -> Json:
    """The condition of this type, empty where it is not set."""
    found = (thing.get("status") or {}).get("conditions") or ()
    return next((own for own in found if own.get("type") == type), {})


def moment(text: str) -> float:
    """Epoch seconds of a time as the API server writes it, 0 where it is missing."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else 0.0
