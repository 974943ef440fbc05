"""Questions to extenders: replicas keep their own records, so all of them are asked and the latest counts.

Where none is named they are found through the API server; where that leads nowhere, on this machine's own port.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from urllib.parse import quote

import httpx2
import msgspec
import typer

from heterosched.errors import HeteroSchedError, InvalidInput, Unavailable
from heterosched_cli.kubeconfig import check_present, namespace_of
from heterosched_cli.options import EXTENDER
from heterosched_cli.output import note, warn
from heterosched_cli.places import Extenders
from heterosched_cli.values import NAMESPACE

if TYPE_CHECKING:
    from heterosched.kube.client import Kube, Reply
    from heterosched_cli.extender_pods import ExtenderPod

TIMEOUT_SECONDS = 5.0

Answer = TypeVar("Answer")
Query: TypeAlias = Mapping[str, str | Sequence[str]]


class NoRecord(HeteroSchedError):
    """No extender has decided about the pod, or the record is gone."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one question; `trouble` where nothing did."""

    place: str
    status: int = 0
    body: bytes = b""
    trouble: str = ""


def pod_of(given: str, namespace: str, kubeconfig: Path | None, context: str) -> tuple[str, str]:
    """Namespace and name from `NAME`, `pod/NAME` or `NAMESPACE/NAME`. Raises BadParameter, InvalidInput."""
    first, _, rest = given.partition("/")
    if not rest or first in ("pod", "pods", "po"):
        return namespace_of(namespace, kubeconfig, context), rest or first
    if "/" in rest or (namespace and namespace != first):
        problem = f"{given!r} is no pod of namespace {namespace or first}; write NAME or NAMESPACE/NAME"
        raise typer.BadParameter(problem, param_hint="POD")
    return first, rest


def latest(
    namespace: str,
    pod: str,
    query: Mapping[str, str],
    extenders: Extenders,
    read: Callable[[bytes], Answer],
    at: Callable[[Answer], float | str],
) -> Answer:
    """The answer about the latest decision on record; `read` makes it of an answer's bytes, `at` says when it was.

    Raises NoRecord, Unavailable (no extender answers), BadParameter (an address that is none), InvalidInput.
    """
    path = f"/v1/decisions/{quote(namespace, safe='')}/{quote(pod, safe='')}"
    found = list(_answers(path, query, extenders, read, "decision"))
    if found:
        return max(found, key=at)
    raise NoRecord(
        f"Pod {namespace}/{pod}: no decision on record; check the name, the namespace and that the pod's "
        "schedulerName is heterosched (a record also ends with its extender or after some time)"
    )


def first(path: str, query: Query, extenders: Extenders, read: Callable[[bytes], Answer]) -> Answer:
    """What the first extender that answers says at `path`: of the cluster all replicas know the same.

    Raises NoRecord (none of them knows what is asked about), Unavailable, BadParameter (an address that is none).
    """
    for answer in _answers(path, query, extenders, read, "report"):
        return answer
    words = [word for given in query.values() for word in ([given] if isinstance(given, str) else given)]
    raise NoRecord(f"no extender knows {' or '.join(words) or path}; check the name, or update the extender")


def _answers(
    path: str, query: Query, extenders: Extenders, read: Callable[[bytes], Answer], kind: str
) -> Iterator[Answer]:
    """What each extender says at `path`. Raises Unavailable where all are silent; some are a warning, if none knows."""
    silent, asked, known = list[str](), 0, False
    for said in _said(path, query, extenders):
        asked += 1
        try:
            answer = _read(said, read, kind)
        except Unavailable as error:
            silent.append(str(error))
            continue
        if answer is not None:
            known = True
            yield answer
    if silent and len(silent) == asked:
        place = "the address of an extender's operations port (kubectl port-forward may lead there)"
        raise Unavailable("\n".join(silent) + f"; give {place} with --extender or HETEROSCHED_DECISIONS_URL")
    for problem in () if known else silent:
        warn(problem)


def is_namespace(given: str) -> bool:
    """Whether an `--extender` names a namespace, and no address."""
    return NAMESPACE.fullmatch(given) is not None


def _said(path: str, query: Query, extenders: Extenders) -> Iterator[Said]:
    """The answers, one by one. Raises NoExtender, InvalidInput, BadParameter."""
    if not extenders.given:
        yield from _found(path, query, extenders)
    for given in extenders.given:
        if is_namespace(given):
            yield from _of_pods(path, query, extenders, given)
        else:
            yield of_address(given, path, query)


def _found(path: str, query: Query, extenders: Extenders) -> Iterator[Said]:
    """Of the cluster's extenders; where they cannot be asked, of the one on this machine, if there is one."""
    try:
        check_present(extenders.kubeconfig)
    except InvalidInput as error:
        here = of_address(EXTENDER, path, query)
        yield replace(here, trouble=f"{error}\n{here.trouble}") if here.trouble else here
        return
    from heterosched_cli.extender_pods import NoExtender

    try:
        yield from _of_pods(path, query, extenders)
    except (NoExtender, Unavailable) as error:
        here = of_address(EXTENDER, path, query)
        if here.trouble:
            raise Unavailable(f"{error}\nnor is one forwarded to this machine: {here.trouble}") from error
        note(f"asked {EXTENDER}: {error}")
        yield here


def _of_pods(path: str, query: Query, extenders: Extenders, namespace: str = "") -> list[Said]:
    """Through the API server. Raises NoExtender, Unavailable (it does not answer), InvalidInput."""
    from heterosched_cli.extender_pods import ask_all, find, status_of
    from heterosched_cli.live import ask

    async def question(kube: Kube) -> list[tuple[ExtenderPod, Reply]]:
        return await ask_all(kube, await find(kube, namespace), path, query, extenders.tokens, bool(namespace))

    found = list[Said]()
    for pod, reply in ask(question, extenders.kubeconfig, extenders.context):
        refused = status_of(reply)
        trouble = f"{pod} cannot be reached: {refused}" if refused is not None else ""
        found.append(Said(str(pod), reply.status, reply.body, trouble))
    return found


def of_address(url: str, path: str, query: Query) -> Said:
    """Straight, with the token of the environment where there is one and the path is not open to all.

    Raises BadParameter (an address that is none).
    """
    token = os.environ.get("HETEROSCHED_DECISIONS_TOKEN", "").strip() if path.startswith("/v1/") else ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx2.get(f"{url.rstrip('/')}{path}", params=dict(query), headers=headers, timeout=TIMEOUT_SECONDS)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        remedy = "write an address such as http://127.0.0.1:9102, or the namespace of the extenders"
        problem = str(error).rstrip(".")
        raise typer.BadParameter(f"{url!r}: {problem}; {remedy}", param_hint="--extender") from error
    except httpx2.HTTPError as error:
        return Said(url, trouble=f"extender {url} does not answer: {error or type(error).__name__}")
    return Said(f"extender {url}", answer.status_code, answer.content)


def _read(said: Said, read: Callable[[bytes], Answer], kind: str) -> Answer | None:
    """The answer, None for `no such`. Raises Unavailable."""
    if said.trouble:
        raise Unavailable(said.trouble)
    if said.status == 404:
        return None
    if said.status != 200:
        raise Unavailable(f"{said.place} answers {said.status}: {_words(said.body)}")
    try:
        return read(said.body)
    except (msgspec.DecodeError, UnicodeError, InvalidInput) as error:
        raise Unavailable(f"{said.place} answers what is no {kind}: {error}") from error


def _words(body: bytes) -> str:
    """The sentence in an error's body, else its beginning."""
    try:
        found = msgspec.json.decode(body)
        return str(found["detail"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace").strip()
