"""Questions to extenders: replicas keep their own records, so all that are named are asked and the latest counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from heterosched.errors import HeteroSchedError, InvalidInput, Unavailable
from heterosched_cli.kubeconfig import namespace_of
from heterosched_cli.output import warn

TIMEOUT_SECONDS = 5.0

Answer = TypeVar("Answer")
Query: TypeAlias = Mapping[str, str | Sequence[str]]


class NoRecord(HeteroSchedError):
    """No extender has decided about the pod, or the record is gone."""


def pod_of(given: str, namespace: str, kubeconfig: Path | None, context: str) -> tuple[str, str]:
    """Namespace and name from `NAME`, `pod/NAME` or `NAMESPACE/NAME`. Raises InvalidInput."""
    first, _, rest = given.partition("/")
    if not rest or first in ("pod", "pods", "po"):
        return namespace_of(namespace, kubeconfig, context), rest or first
    if "/" in rest or (namespace and namespace != first):
        raise InvalidInput("POD", given, f"is no pod of namespace {namespace or first}", "write NAME or NAMESPACE/NAME")
    return first, rest


def latest(
    namespace: str,
    pod: str,
    query: Mapping[str, str],
    extenders: Sequence[str],
    read: Callable[[bytes], Answer],
    at: Callable[[Answer], float | str],
) -> Answer:
    """The answer about the latest decision on record; `read` makes it of an answer's bytes, `at` says when it was.

    Raises NoRecord, Unavailable (no extender answers), InvalidInput (an address that is none).
    """
    path = f"/v1/decisions/{quote(namespace, safe='')}/{quote(pod, safe='')}"
    found = list(_answers(path, query, extenders, read, "decision"))
    if found:
        return max(found, key=at)
    raise NoRecord(
        f"Pod {namespace}/{pod}: no decision on record; check the name, the namespace and that the pod's "
        "schedulerName is heterosched (a record also ends with its extender or after some time)"
    )


def first(path: str, query: Query, extenders: Sequence[str], read: Callable[[bytes], Answer]) -> Answer:
    """What the first extender that answers says at `path`: of the cluster all replicas know the same.

    Raises NoRecord (none of them knows what is asked about), Unavailable, InvalidInput (an address that is none).
    """
    for answer in _answers(path, query, extenders, read, "report"):
        return answer
    words = [word for given in query.values() for word in ([given] if isinstance(given, str) else given)]
    raise NoRecord(f"no extender knows {' or '.join(words) or path}; check the name, or update the extender")


def _answers(
    path: str, query: Query, extenders: Sequence[str], read: Callable[[bytes], Answer], kind: str
) -> Iterator[Answer]:
    """What each extender says at `path`. Raises Unavailable where all are silent; some are a warning, if none knows."""
    silent, known = [], False
    with httpx2.Client(timeout=TIMEOUT_SECONDS) as client:
        for url in extenders:
            try:
                answer = _ask(client, url, path, query, read, kind)
            except Unavailable as error:
                silent.append(str(error))
                continue
            if answer is not None:
                known = True
                yield answer
    if silent and len(silent) == len(extenders):
        place = "the address of an extender's operations port (kubectl port-forward may lead there)"
        raise Unavailable("\n".join(silent) + f"; give {place} with --extender or HETEROSCHED_DECISIONS_URL")
    for problem in () if known else silent:
        warn(problem)


def _ask(
    client: httpx2.Client, url: str, path: str, query: Query, read: Callable[[bytes], Answer], kind: str
) -> Answer | None:
    try:
        answer = client.get(f"{url.rstrip('/')}{path}", params=dict(query))
    except httpx2.InvalidURL as error:
        raise InvalidInput("--extender", url, str(error), "write an address such as http://127.0.0.1:9102") from error
    except httpx2.HTTPError as error:
        raise Unavailable(f"extender {url} does not answer: {error or type(error).__name__}") from error
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        raise Unavailable(f"extender {url} answers {answer.status_code}: {answer.text[:200].strip()}")
    try:
        return read(answer.content)
    except (msgspec.DecodeError, UnicodeError, InvalidInput) as error:
        raise Unavailable(f"extender {url} answers what is no {kind}: {error}") from error
