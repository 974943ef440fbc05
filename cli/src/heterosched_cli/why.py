"""`heterosched why`: the decision about a pod, as the extender that made it recorded it.

Scheduler replicas keep their own records, so all that are named are asked and the latest decision is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import httpx2
import msgspec

from heterosched.errors import HeteroSchedError, InvalidInput, Unavailable
from heterosched.policy.explain import Decision, render
from heterosched_cli.kubeconfig import namespace_of
from heterosched_cli.output import Format, warn, write_data

TIMEOUT_SECONDS = 5.0


class NoRecord(HeteroSchedError):
    """No extender has decided about the pod, or the record is gone."""


def explain(
    pod: str,
    node: str,
    extenders: Sequence[str],
    namespace: str,
    kubeconfig: Path | None,
    context: str,
    format: Format,
) -> None:
    """Print the decision. Raises InvalidInput (a name), NoRecord, Unavailable (no extender answers)."""
    place, name = _named(pod, namespace, kubeconfig, context)
    decision = find(place, name, node, extenders)
    if format in (Format.JSON, Format.YAML):
        write_data(msgspec.to_builtins(decision), format)
    elif format is Format.NAME:
        print(decision.bound or (decision.best.node if decision.best else ""))
    else:
        print(render(decision))


def find(namespace: str, pod: str, node: str, extenders: Sequence[str]) -> Decision:
    """The latest decision that any of the extenders has on record."""
    found, silent = [], []
    with httpx2.Client(timeout=TIMEOUT_SECONDS) as client:
        for url in extenders:
            try:
                answer = _ask(client, url, namespace, pod, node)
            except Unavailable as error:
                silent.append(str(error))
                continue
            if answer is not None:
                found.append(answer)
    if found:
        return max(found, key=lambda decision: decision.at)
    if silent and len(silent) == len(extenders):
        remedy = "give its address with --extender or HETEROSCHED_DECISIONS_URL (kubectl port-forward may lead there)"
        raise Unavailable("\n".join([*silent, remedy]))
    for problem in silent:
        warn(problem)
    raise NoRecord(
        f"Pod {namespace}/{pod}: no decision on record; check the name, the namespace and that the pod's "
        "schedulerName is heterosched (a record also ends with its extender or after some time)"
    )


def _ask(client: httpx2.Client, url: str, namespace: str, pod: str, node: str) -> Decision | None:
    address = f"{url.rstrip('/')}/v1/decisions/{quote(namespace, safe='')}/{quote(pod, safe='')}"
    try:
        answer = client.get(address, params={"node": node} if node else {})
    except httpx2.InvalidURL as error:
        raise InvalidInput("--extender", url, str(error), "write an address such as http://127.0.0.1:9102") from error
    except httpx2.HTTPError as error:
        raise Unavailable(f"extender {url} does not answer: {error or type(error).__name__}") from error
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        raise Unavailable(f"extender {url} answers {answer.status_code}: {answer.text[:200].strip()}")
    try:
        return msgspec.json.decode(answer.content, type=Decision)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Unavailable(f"extender {url} answers what is no decision: {error}") from error


def _named(pod: str, namespace: str, kubeconfig: Path | None, context: str) -> tuple[str, str]:
    """Namespace and name from `NAME`, `pod/NAME` or `NAMESPACE/NAME`."""
    first, _, rest = pod.partition("/")
    if not rest or first in ("pod", "pods", "po"):
        return namespace_of(namespace, kubeconfig, context), rest or first
    if "/" in rest or (namespace and namespace != first):
        raise InvalidInput("POD", pod, f"is no pod of namespace {namespace or first}", "write NAME or NAMESPACE/NAME")
    return first, rest
