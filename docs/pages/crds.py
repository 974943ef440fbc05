"""The pages of the API: every field of the CRDs with its type, limits, default, meaning and the rules that hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pages.markdown import page, rows

CRDS = Path(__file__).resolve().parents[2] / "crds"
HEADER = ("field", "type", "default", "meaning and rules")
LIMITS = {
    "minimum": "from {}",
    "maximum": "to {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "maxProperties": "at most {} entries",
    "pattern": "`{}`",
}


def heterojob_page() -> str:
    """The HeteroJob."""
    return kind_page("heterojobs.yaml")


def schedulingpolicy_page() -> str:
    """The SchedulingPolicy."""
    return kind_page("schedulingpolicies.yaml")


def throughputprofile_page() -> str:
    """The ThroughputProfile."""
    return kind_page("throughputprofiles.yaml")


def kind_page(file: str) -> str:
    """Everything that a CRD says."""
    crd = yaml.safe_load((CRDS / file).read_text())["spec"]
    names = crd["names"]
    parts = []
    for version in crd["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        short = ", ".join(f"`{name}`" for name in names.get("shortNames", ()))
        scope = "in a namespace" if crd["scope"] == "Namespaced" else "cluster-wide"
        parts.append(f"`{crd['group']}/{version['name']}`, {scope}; short name {short}. {schema['description']}")
        if told := list(rules(schema)):
            parts.append("Rules of the whole object:\n\n" + "\n".join(f"- {rule}" for rule in told))
        for section in ("spec", "status"):
            if inner := schema["properties"].get(section):
                body = list(fields(section, inner, required=section in schema.get("required", ())))
                parts += [f"## {section}", rows(HEADER, body)]
        columns = ((f"`{one['name']}`", one["description"]) for one in version.get("additionalPrinterColumns", ()))
        parts += ["## Columns of kubectl get", rows(("column", "meaning"), columns)]
    return page(str(names["kind"]), *parts)


def fields(path: str, schema: dict[str, Any], required: bool = False) -> Iterator[tuple[str, str, str, str]]:
    """The rows of a field and of all below it."""
    meaning = " ".join([("Required. " if required else "") + schema.get("description", ""), *rules(schema)]).strip()
    yield f"`{path}`", kind(schema), default(schema), meaning
    inner, prefix = schema, path
    while True:
        if inner.get("type") == "array":
            inner, prefix = inner["items"], f"{prefix}[]"
        elif isinstance(inner.get("additionalProperties"), dict):
            inner, prefix = inner["additionalProperties"], f"{prefix}.*"
        else:
            break
    for name, below in inner.get("properties", {}).items():
        yield from fields(f"{prefix}.{name}", below, name in inner.get("required", ()))


def kind(schema: dict[str, Any]) -> str:
    """Type and limits in words."""
    if schema.get("x-kubernetes-int-or-string"):
        name = "integer or string"
    elif schema.get("type") == "array":
        name = f"list of {kind(schema['items'])}"
    elif isinstance(schema.get("additionalProperties"), dict):
        name = f"map of {kind(schema['additionalProperties'])}"
    else:
        name = "date-time" if schema.get("format") == "date-time" else str(schema.get("type", "any"))
    limits = [text.format(schema[key]) for key, text in LIMITS.items() if key in schema]
    if "enum" in schema:
        limits.insert(0, "one of " + ", ".join(f"`{one}`" for one in schema["enum"]))
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        limits.append("any fields")
    return f"{name}, {', '.join(limits)}" if limits else name


def default(schema: dict[str, Any]) -> str:
    """The default as YAML on one line, or nothing."""
    if "default" not in schema:
        return ""
    text = yaml.safe_dump(schema["default"], default_flow_style=True, width=10_000).replace("...", "").strip()
    return f"`{text}`"


def rules(schema: dict[str, Any]) -> Iterator[str]:
    """What the API server answers where a rule is broken; those of a list's entries too."""
    seen = dict.fromkeys(rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
    items = schema.get("items")
    if isinstance(items, dict):
        seen |= dict.fromkeys(f"each: {rule['message']}" for rule in items.get("x-kubernetes-validations", ()))
    for message in seen:
        yield f"*Rule:* {message}."
