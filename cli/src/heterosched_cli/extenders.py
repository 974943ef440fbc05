"""Questions to extenders: replicas keep their own records, so all that are named are asked and the latest counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from heterosched.errors import HeteroSchedError, InvalidInput, Unavailable
from heterosched_cli.kubeconfig import namespace_of
from heterosched_cli.output import warn

TIMEOUT_SECONDS = 5.0

Answer = TypeVar("Answer")


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
    found, silent = [], []
    with httpx2.Client(timeout=TIMEOUT_SECONDS) as client:
        for url in extenders:
            try:
                answer = _ask(client, url, namespace, pod, query, read)
            except Unavailable as error:
                silent.append(str(error))
                continue
            if answer is not None:
                found.append(answer)
    if found:
        return max(found, key=at)
    if silent and len(silent) == len(extenders):
        remedy = "give its address with --extender or HETEROSCHED_DECISIONS_URL (kubectl port-forward may lead there)"
        raise Unavailable("\n".join([*silent, remedy]))
    for problem in silent:
        warn(problem)
    raise NoRecord(
        f"Pod {namespace}/{pod}: no decision on record; check the name, the namespace and that the pod's "
        "schedulerName is heterosched (a record also ends with its extender or after some time)"
    )


def _ask(
    client: httpx2.Client,
    url: str,
    namespace: str,
    pod: str,
    query: Mapping[str, str],
    read: Callable[[bytes], Answer],
) -> Answer | None:
    address = f"{url.rstrip('/')}/v1/decisions/{quote(namespace, safe='')}/{quote(pod, safe='')}"
    try:
        answer = client.get(address, params=dict(query))
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
        raise Unavailable(f"extender {url} answers what is no decision: {error}") from error
