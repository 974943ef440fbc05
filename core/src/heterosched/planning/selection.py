"""Which nodes a pod template may run on: node selector, required node affinity, taints and tolerations.

The rules are those of Kubernetes' own scheduler; preferences (soft affinity, PreferNoSchedule) exclude nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from heterosched.errors import InvalidInput
from heterosched.model import Node, Taint

Json = Mapping[str, Any]
_EXCLUDING = ("NoSchedule", "NoExecute")
NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Selection:
    """Asks `selected` once for all templates that select alike, of whatever job."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._known: dict[bytes, frozenset[str] | None] = {}

    def __call__(
        self, template: Json, object: str, field: str, also: Mapping[str, str] = NO_LABELS
    ) -> frozenset[str] | None:
        """As `selected`, on the nodes given before. Raises InvalidInput."""
        spec = template.get("spec")
        read = spec if isinstance(spec, Mapping) else {}
        parts = [*(read.get(name) for name in ("nodeSelector", "affinity", "tolerations")), dict(also)]
        try:
            key = msgspec.json.encode(parts)
        except (TypeError, ValueError):
            return selected(template, self._nodes, object, field, also)
        if key not in self._known:
            self._known[key] = selected(template, self._nodes, object, field, also)
        return self._known[key]


def selected(
    template: Json, nodes: Sequence[Node], object: str, field: str, also: Mapping[str, str] = NO_LABELS
) -> frozenset[str] | None:
    """Names of the nodes that the template may use and that have the labels `also`; None where that is all of them.

    Raises InvalidInput.
    """
    try:
        spec = template.get("spec") or {}
        selector = [*(spec.get("nodeSelector") or {}).items(), *also.items()]
        affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        terms = (required.get("nodeSelectorTerms") or []) if required else None
        tolerations = spec.get("tolerations") or []
        found = frozenset(
            node.name
            for node in nodes
            if all(node.labels.get(key) == value for key, value in selector)
            and (terms is None or any(_term(term, node) for term in terms))
            and all(_tolerated(taint, tolerations) for taint in node.taints)
        )
    except (AttributeError, TypeError, LookupError, ValueError) as error:
        problem = f"the node selector, affinity or tolerations cannot be read ({error})"
        raise InvalidInput(object, f"{field}.spec", problem, "write them as in a pod") from error
    return None if len(found) == len(nodes) else found


def _term(term: Json, node: Node) -> bool:
    """One nodeSelectorTerm: all its requirements hold; an empty term selects nothing."""
    labels, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not labels and not fields:
        return False
    own = {"metadata.name": node.name}
    return all(_holds(need, node.labels) for need in labels) and all(_holds(need, own) for need in fields)


def _holds(need: Json, labels: Mapping[str, str]) -> bool:
    value, operator = labels.get(need["key"]), need["operator"]
    values = [str(item) for item in need.get("values") or []]
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if operator == "NotIn":
        return value is None or value not in values
    if operator == "In":
        return value is not None and value in values
    if operator in ("Gt", "Lt"):
        if value is None or not value.lstrip("-").isdecimal():
            return False
        return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    raise ValueError(f"unknown operator {operator!r}")


def _tolerated(taint: Taint, tolerations: Iterable[Json]) -> bool:
    return taint.effect not in _EXCLUDING or any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: Json, taint: Taint) -> bool:
    if toleration.get("effect") not in (None, "", taint.effect):
        return False
    key, exists = toleration.get("key") or "", toleration.get("operator") == "Exists"
    if not key:
        return exists
    return key == taint.key and (exists or (toleration.get("value") or "") == taint.value)
