"""`heterosched why`: the decision about a pod, as the extender that made it recorded it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from heterosched.policy.decision import Decision
from heterosched.policy.render import render
from heterosched_cli.extenders import latest, pod_of
from heterosched_cli.output import Format, write_data
from heterosched_cli.places import Extenders


def explain(
    pod: str,
    node: str,
    extenders: Extenders,
    namespace: str,
    kubeconfig: Path | None,
    context: str,
    format: Format,
) -> None:
    """Print the decision. Raises InvalidInput (a name), NoRecord, Unavailable (no extender answers)."""
    place, name = pod_of(pod, namespace, kubeconfig, context)
    query = {"node": node} if node else {}
    decision = latest(place, name, query, extenders, _read, lambda decision: decision.at)
    if format in (Format.JSON, Format.YAML):
        write_data(msgspec.to_builtins(decision), format)
    elif format is Format.NAME:
        advised = decision.best.node if decision.best else ""
        print(f"node/{decision.bound or advised}" if decision.bound or advised else "")
    else:
        print(render(decision))


def _read(text: bytes) -> Decision:
    return msgspec.json.decode(text, type=Decision)
