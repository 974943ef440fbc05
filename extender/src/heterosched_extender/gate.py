"""Who may read decisions: on an address that others reach, whom the API server knows and allows.

The API server confirms the bearer token (TokenReview) and says whether its user may (SubjectAccessReview) get or list a
resource that exists in roles alone: `decisions.heterosched.io`, in the pod's namespace or in all, or, for what is
measured of nodes, `telemetry.heterosched.io`. So the cluster's own roles say who sees what. A token is never logged and
never kept: verdicts are remembered by a digest, for seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from heterosched.constants import DECISIONS_AUDIENCE, GROUP, RESOURCE_DECISIONS, RESOURCE_TELEMETRY, TOKEN_HEADER
from heterosched.errors import HeteroSchedError
from heterosched.kube.errors import ApiError
from heterosched_extender.app import Answer, Scope

logger = logging.getLogger(__name__)

ALLOWED_SECONDS = 30.0
REFUSED_SECONDS = 5.0
"""Shorter than the other: who has just been given a role tries again at once."""
MOST_KEPT = 1024
LONGEST_TOKEN = 16 * 2**10
MOST_AT_ONCE = 4
MOST_WAITING = 32
"""Beyond that a caller is sent away: strangers must not make us a burden to the API server."""
ANSWER_SECONDS = 10.0

TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

Json = dict[str, Any]
Refusal: TypeAlias = tuple[Answer, tuple[bytes, bytes]]
"""An answer, and a header of it."""
Gate: TypeAlias = Callable[[Scope], Awaitable[Refusal | None]]
Mode = Literal["auto", "always", "never"]


class Reviewer(Protocol):
    """The API server, as far as it confirms and allows."""

    async def post(self, path: str, body: Json) -> Json:
        """What it makes of `body`. Raises ApiError."""
        ...


async def open_gate(scope: Scope) -> Refusal | None:
    """Everybody may: where a file is served, or the settings say so."""
    return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request needs the right to. An empty `namespace` is all of them."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        place = f"in namespace {self.namespace}" if self.namespace else "cluster-wide"
        return f"{self.verb} {self.resource}.{GROUP} {place}"


def wanted_of(path: str) -> Wanted:
    """The right that `path` asks for; what is not known asks for the greatest."""
    parts = path.split("/")[1:]
    if parts[:2] == ["v1", "decisions"] and len(parts) == 4 and all(parts):
        return Wanted("get", RESOURCE_DECISIONS, parts[2], parts[3])
    if path in ("/v1/capabilities", "/v1/tas"):
        return Wanted("get", RESOURCE_TELEMETRY)
    return Wanted("list", RESOURCE_DECISIONS)


class Guard:
    """A gate that asks `api`. `clock` counts seconds; `mode` auto lets callers on this very machine pass.

    `kubectl port-forward` comes from loopback: the API server has asked for the right to `pods/portforward` then.
    """

    def __init__(self, api: Reviewer, mode: Mode = "auto", clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._mode, self._clock = api, mode, clock
        self._secret = secrets.token_bytes(32)
        self._kept: dict[tuple[bytes, Wanted], tuple[float, Refusal | None]] = {}
        self._free, self._waiting = asyncio.Semaphore(MOST_AT_ONCE), 0

    async def __call__(self, scope: Scope) -> Refusal | None:
        """None for who may pass, else what to answer."""
        if self._mode == "auto" and _local(scope):
            return None
        token = _token(scope["headers"])
        if not token:
            return _refusal(401, f"send a bearer token, by Authorization or {TOKEN_HEADER}; {_WAYS}")
        if len(token) > LONGEST_TOKEN:
            return _refusal(401, f"the token is longer than {LONGEST_TOKEN} bytes; send a bearer token of the cluster")
        wanted = wanted_of(scope["path"])
        key = hashlib.blake2b(token, key=self._secret, digest_size=32).digest(), wanted
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        return await self._judged(key, token, wanted)

    async def _judged(self, key: tuple[bytes, Wanted], token: bytes, wanted: Wanted) -> Refusal | None:
        if self._waiting >= MOST_WAITING:
            return _refusal(503, "too many tokens are being confirmed; try again")
        self._waiting += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._free:
                verdict = await self._verdict(token.decode("latin-1"), wanted)
        except (HeteroSchedError, TimeoutError, msgspec.DecodeError) as error:
            trouble = _trouble(error)
            logger.warning("no token can be confirmed: %s; %s", trouble, _OWN)
            return _refusal(503, f"your token cannot be confirmed: {trouble}; {_OWN}")
        finally:
            self._waiting -= 1
        self._keep(key, verdict)
        return verdict

    def _keep(self, key: tuple[bytes, Wanted], verdict: Refusal | None) -> None:
        now = self._clock()
        if len(self._kept) >= MOST_KEPT:
            self._kept = {own: kept for own, kept in self._kept.items() if kept[0] > now}
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept.pop(key, None)
        self._kept[key] = now + (ALLOWED_SECONDS if verdict is None else REFUSED_SECONDS), verdict

    async def _verdict(self, token: str, wanted: Wanted) -> Refusal | None:
        user = await self._user(token)
        if user is None:
            return _refusal(401, f"the API server does not know this token, or it has expired; {_WAYS}")
        who = {name: user[name] for name in ("uid", "groups", "extra") if user.get(name)}
        resource = {"verb": wanted.verb, "group": GROUP, "resource": wanted.resource}
        place = {"namespace": wanted.namespace, "name": wanted.name}
        spec = {"user": user.get("username", ""), **who, "resourceAttributes": {**resource, **place}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        status = (await self._api.post(ACCESS_REVIEWS, review)).get("status") or {}
        if status.get("allowed") is True:
            return None
        role = "bind ClusterRole heterosched-view (kubectl create clusterrolebinding, or rolebinding for a namespace)"
        return _refusal(403, f"{user.get('username')} may not {wanted}; {role}")

    async def _user(self, token: str) -> Json | None:
        """Who the token stands for: one for decisions alone, else one for the API server itself."""
        for audiences in ([DECISIONS_AUDIENCE], None):
            spec = {"token": token} if audiences is None else {"token": token, "audiences": audiences}
            review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
            status = (await self._api.post(TOKEN_REVIEWS, review)).get("status") or {}
            if status.get("authenticated") is True:
                return status.get("user") or {}
        return None


def gate_of(api: Reviewer, mode: Mode) -> Gate:
    """The gate that the setting `decisions_auth` asks for."""
    return open_gate if mode == "never" else Guard(api, mode)


_WAYS = (
    f"kubectl create token heterosched-viewer --audience {DECISIONS_AUDIENCE} -n NAMESPACE makes one, "
    "and kubectl port-forward needs none"
)
_OWN = "the extender needs the right to create tokenreviews and subjectaccessreviews (ClusterRole heterosched-extender)"


def _trouble(error: Exception) -> str:
    """What went wrong, without what was sent."""
    if isinstance(error, ApiError):
        return f"{error.request}: {error.status or 'no answer'} {error.reason}"
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__


def _refusal(status: int, text: str) -> Refusal:
    challenge = b'Bearer realm="heterosched"' if status == 401 else b""
    header = (b"www-authenticate", challenge) if challenge else (b"cache-control", b"no-store")
    return (status, msgspec.json.encode({"detail": text})), header


def _token(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Our own header goes first: a proxy in between may have filled the other one."""
    found: Mapping[bytes, bytes] = dict(headers)
    own = found.get(TOKEN_HEADER.encode(), b"").strip()
    if own:
        return own
    kind, _, token = found.get(b"authorization", b"").strip().partition(b" ")
    return token.strip() if kind.lower() == b"bearer" else b""


def _local(scope: Scope) -> bool:
    """Whether both ends of the connection are loopback: what a mesh's proxy hands on has the pod's address."""
    ends = scope.get("client"), scope.get("server")
    hosts = [end[0].removeprefix("::ffff:") if end else "" for end in ends]
    return all(host == "::1" or host.startswith("127.") for host in hosts)
