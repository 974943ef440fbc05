"""Extenders as pods: found by their labels, asked through the API server's proxy, so that no port has to be opened.

The API server keeps the caller's credentials to itself, and so do we: a pod with our labels may be anybody's, and the
way to it is plain HTTP. What is handed on is a token of ten minutes that is good for decisions and nothing else, made
for a service account that the chart brings.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from heterosched.constants import DECISIONS_AUDIENCE, TOKEN_HEADER
from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.kube.client import Kube, Reply
from heterosched.kube.errors import ApiError, ApiUnavailable
from heterosched_cli.live import NOT_KNOWN

LABELS = "app.kubernetes.io/name=heterosched,app.kubernetes.io/component=scheduler"
USUAL_NAMESPACES = ("heterosched", "heterosched-system")
"""Where to look for those who may not list pods of all namespaces, and what may be trusted unnamed."""
VIEWER = "heterosched-viewer"
OPS_PORT = 9102
TOKEN_SECONDS = 600
ANSWER_SECONDS = 10.0
TOKEN_VARIABLE = "HETEROSCHED_DECISIONS_TOKEN"
FORWARD = "or use kubectl port-forward and --extender http://127.0.0.1:9102"


class NoExtender(HeteroSchedError):
    """There are no extenders in the cluster, or none that may be asked; says what to do."""


@dataclass(frozen=True, slots=True)
class ExtenderPod:
    """Where an extender runs, and the port of its probes, metrics and decisions."""

    namespace: str
    name: str
    port: int = OPS_PORT

    def __str__(self) -> str:
        return f"pod {self.namespace}/{self.name}"

    def path(self, path: str, query: Mapping[str, str | Sequence[str]] | None = None) -> str:
        """The way through the API server to `path` of the extender."""
        asked = f"?{urlencode(dict(query), doseq=True)}" if query else ""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}:{self.port}/proxy{path}{asked}"


@dataclass(frozen=True, slots=True)
class Token:
    """What opens decisions; `trouble` says why there is none."""

    text: str = ""
    trouble: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """As the extender takes it behind a proxy."""
        return {TOKEN_HEADER: self.text} if self.text else {}


async def find(kube: Kube, namespace: str = "") -> list[ExtenderPod]:
    """The extenders that run, in `namespace` or wherever they are. Raises NoExtender, InvalidInput (two
    installations), ApiUnavailable.
    """
    found = pods_that_run(await _labelled(kube, namespace))
    if not found:
        where = f"namespace {namespace}" if namespace else "the cluster"
        raise NoExtender(f"no extender runs in {where} (pods labelled {LABELS}); heterosched doctor says what is wrong")
    places = sorted({pod.namespace for pod in found})
    if len(places) > 1:
        remedy = f"say which one is yours: --extender {places[0]}"
        raise InvalidInput("cluster", "", f"extenders run in several namespaces: {', '.join(places)}", remedy)
    return found


def pods_that_run(pods: Sequence[dict[str, Any]]) -> list[ExtenderPod]:
    """Those of the pods that can answer."""
    return [
        ExtenderPod(pod["metadata"]["namespace"], pod["metadata"]["name"], _port(pod)) for pod in pods if _runs(pod)
    ]


async def token_of(kube: Kube, namespace: str, named: bool = False) -> Token:
    """The token in the environment, else a new one of the viewer's account. Raises ApiUnavailable.

    That of the environment is somebody's own, and whoever may create pods in some namespace may give one our labels: it
    goes to a namespace that the caller has `named`, or to the usual ones, which nobody makes without rights on the
    whole cluster. A new one is of the namespace to which it goes, so it is worth nothing elsewhere.
    """
    own = os.environ.get(TOKEN_VARIABLE, "").strip()
    if own and (named or namespace in USUAL_NAMESPACES):
        return Token(own)
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{VIEWER}/token"
    spec = {"audiences": [DECISIONS_AUDIENCE], "expirationSeconds": TOKEN_SECONDS}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    try:
        return Token((await kube.post(path, request))["status"]["token"])
    except ApiUnavailable:
        raise
    except ApiError as error:
        unsent = f"; {TOKEN_VARIABLE} is sent to a namespace that you name alone: --extender {namespace}" if own else ""
        return Token(trouble=f"{error.message}{unsent}")


async def ask_all(
    kube: Kube,
    pods: Sequence[ExtenderPod],
    path: str,
    query: Mapping[str, str | Sequence[str]],
    known: MutableMapping[str, tuple[float, str]],
    named: bool = False,
) -> list[tuple[ExtenderPod, Reply]]:
    """What each says at `path`; a refusal of the API server itself raises NoExtender. Raises ApiUnavailable.

    `known`: tokens by namespace with the end of their use (monotonic seconds), for who asks again and again. `named`:
    the caller has named the namespace.
    """
    token = await _token(kube, pods[0].namespace, known, named)
    asked = (kube.ask(pod.path(path, query), token.headers, ANSWER_SECONDS) for pod in pods)
    replies = list(zip(pods, await asyncio.gather(*asked), strict=True))
    for pod, reply in replies:
        raise_refused(pod, reply, token)
    return replies


async def _token(kube: Kube, namespace: str, known: MutableMapping[str, tuple[float, str]], named: bool) -> Token:
    until, text = known.get(namespace, (0.0, ""))
    if time.monotonic() < until:
        return Token(text)
    token = await token_of(kube, namespace, named)
    if token.text:
        known[namespace] = time.monotonic() + TOKEN_SECONDS / 2, token.text
    return token


def raise_refused(pod: ExtenderPod, reply: Reply, token: Token) -> None:
    """Raises NoExtender where the API server lets nobody through, or the extender does not know who asks."""
    said = status_of(reply)
    access = f"ask for Role heterosched-access in namespace {pod.namespace}"
    if said is not None and reply.status in (401, 403):
        raise NoExtender(f"{pod}: {said}; {access} (it grants get pods/proxy), {FORWARD}")
    if said is None and reply.status == 401 and token.trouble:
        remedy = f"{access} (it grants create serviceaccounts/token of {VIEWER}), set {TOKEN_VARIABLE}"
        raise NoExtender(f"{pod} wants a token, and none could be made: {token.trouble}; {remedy}, {FORWARD}")


def status_of(reply: Reply) -> str | None:
    """What the API server itself says, where the answer is its own; None for the extender's."""
    try:
        body = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    own = isinstance(body, dict) and body.get("kind") == "Status" and body.get("apiVersion") == "v1"
    return str(body.get("message") or body.get("reason") or reply.status) if own else None


async def _labelled(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    params = {"labelSelector": LABELS}
    try:
        return await kube.list(f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods", params)
    except ApiError as error:
        if error.status == 401:
            raise NoExtender(f"extenders cannot be looked for: {error.message}; {NOT_KNOWN}") from error
        if error.status != 403:
            raise
        refused = error
    for usual in () if namespace else USUAL_NAMESPACES:
        try:
            found = await kube.list(f"/api/v1/namespaces/{usual}/pods", params)
        except ApiUnavailable:
            raise
        except ApiError:
            continue
        if found:
            return found
    remedy = "name the installation's namespace by --extender NAMESPACE, ask for Role heterosched-access there"
    raise NoExtender(f"extenders cannot be looked for: {refused.message}; {remedy}, {FORWARD}")


def _runs(pod: dict[str, Any]) -> bool:
    status = pod.get("status") or {}
    going = "deletionTimestamp" in pod["metadata"]
    return status.get("phase") == "Running" and bool(status.get("podIP")) and not going


def _port(pod: dict[str, Any]) -> int:
    spec = pod.get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for port in container.get("ports") or ():
            if port.get("name") == "ops":
                return int(port["containerPort"])
    return OPS_PORT
