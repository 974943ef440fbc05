"""Parameters of Argo Workflows where they are static: `{{...}}` filled in, `withItems` and its like spelled out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from heterosched_cli.foreign.findings import Findings
from heterosched_cli.foreign.pods import Json

PLACE: Final = re.compile(r"\{\{\s*(=?[^{}]*?)\s*\}\}")
MOST_ITEMS: Final = 500
REMEDIES: Final = (
    (r"=", "an expression is known at run time only: write its value"),
    (
        r"(steps|tasks|workflow)\..*outputs",
        "tasks hand on no values: let one write to a volume or URI and the next read",
    ),
    (r"(inputs|outputs)\.artifacts|outputs\.", "read and write a volume or a URI that both tasks know"),
    (r"pod\.name|node\.name|retries|workflow\.(uid|creation)|lastRetry", "use $HETEROSCHED_TASK, or the downward API"),
    (r"item", "it stands in withItems only; give the template an input parameter for it"),
)
UNKNOWN: Final = "give the parameter a value in the file (arguments.parameters), or write the value there"

Scope = Mapping[str, str]


def filled(value: Any, scope: Scope, path: str, found: Findings) -> Any:
    """The value with every `{{name}}` of the `scope` in its place; a name that is not there is a problem."""
    if isinstance(value, str):
        return PLACE.sub(lambda match: _one(match[1], scope, path, found), value)
    if isinstance(value, dict):
        return {
            filled(key, scope, path, found): filled(own, scope, f"{path}.{key}", found) for key, own in value.items()
        }
    if isinstance(value, list):
        return [
            filled(own, scope, f"{path}[{own.get('name', index) if isinstance(own, dict) else index}]", found)
            for index, own in enumerate(value)
        ]
    return value


def _one(name: str, scope: Scope, path: str, found: Findings) -> str:
    if name in scope:
        return scope[name]
    remedy = next((text for pattern, text in REMEDIES if re.match(pattern, name)), UNKNOWN)
    found.add(path, f"{{{{{name}}}}} is not known before the workflow runs", remedy)
    return ""


def text_of(value: Any) -> str:
    """A parameter's value as Argo hands it on: texts as they are, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def parameters(arguments: Any, path: str, found: Findings) -> dict[str, Any]:
    """Name and value of each entry of `parameters`; one without a value is None."""
    given = found.mapping(arguments, path)
    found.only(given, path, ("parameters",), {}, {"artifacts": "read and write a volume or a URI that both tasks know"})
    values: dict[str, Any] = {}
    for index, entry in enumerate(found.items(given.get("parameters"), f"{path}.parameters")):
        own = found.mapping(entry, f"{path}.parameters[{index}]")
        name = str(own.get("name", index))
        if own.get("valueFrom"):
            remedy = "write the value there: a HeteroJob reads no values from elsewhere"
            found.add(f"{path}.parameters[{name}].valueFrom", "is known at run time only", remedy)
        values[name] = own.get("value", own.get("default"))
    return values


def items_of(step: Json, scope: Scope, path: str, found: Findings) -> list[Any] | None:
    """What a step is repeated for; None where it is not."""
    if step.get("withItems") is not None:
        return found.items(filled(step["withItems"], scope, f"{path}.withItems", found), f"{path}.withItems")
    if step.get("withParam") is not None:
        text = filled(str(step["withParam"]), scope, f"{path}.withParam", found)
        try:
            return found.items(json.loads(text) if text else [], f"{path}.withParam")
        except ValueError:
            found.add(f"{path}.withParam", f"{text[:60]!r} is no JSON list", "write one")
            return []
    if step.get("withSequence") is not None:
        sequence = filled(step["withSequence"], scope, f"{path}.withSequence", found)
        return _sequence(found.mapping(sequence, f"{path}.withSequence"), f"{path}.withSequence", found)
    return None


def _sequence(given: Json, path: str, found: Findings) -> list[str]:
    start = found.whole(given.get("start"), f"{path}.start") or 0
    count, end = found.whole(given.get("count"), f"{path}.count"), found.whole(given.get("end"), f"{path}.end")
    if (count is None) == (end is None):
        found.add(path, "needs count or end", "give exactly one of the two")
        return []
    last = start + count - 1 if count is not None else end or 0
    step = 1 if last >= start else -1
    if count == 0:
        return []
    if abs(last - start) >= MOST_ITEMS:
        found.add(path, f"{abs(last - start) + 1} items, a HeteroJob has at most {MOST_ITEMS} tasks", "split it")
        return []
    form = str(given.get("format") or "%d")
    try:
        return [form % number for number in range(start, last + step, step)]
    except (TypeError, ValueError):
        found.add(f"{path}.format", f"{form!r} does not take a number", "write one such as %02d")
        return []


def item_scope(item: Any) -> dict[str, str]:
    """`{{item}}`, and `{{item.key}}` where it is a mapping."""
    if not isinstance(item, dict):
        return {"item": text_of(item)}
    return {"item": text_of(item), **{f"item.{key}": text_of(value) for key, value in item.items()}}
