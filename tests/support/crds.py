"""The CRD files of the project, for tests that hold other parts against the API's schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

CRD_FOLDER = Path(__file__).resolve().parents[2] / "crds"


def crd_files() -> list[Path]:
    """The CRD files, by name."""
    return sorted(CRD_FOLDER.glob("*.yaml"))


def load_crd(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of ``kind``; KeyError where no file holds it."""
    for path in crd_files():
        crd: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        if crd["spec"]["names"]["kind"] == kind:
            return crd
    raise KeyError(f"no CRD file holds the kind {kind}")


def schema_of(kind: str) -> dict[str, Any]:
    """The ``openAPIV3Schema`` of the kind's only version."""
    schema: dict[str, Any] = load_crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema with its path (``spec.tasks[].name``); the root and the items of lists are no fields."""
    for name, child in schema.get("properties", {}).items():
        yield from _with_children(child, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _with_children(schema["additionalProperties"], f"{path}{{}}")


def _with_children(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    yield from walk(schema, path)


_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def violations(schema: dict[str, Any], value: Any, path: str) -> list[str]:
    """What the API server refuses in ``value`` by the bounds of its schema; formats and rules are not looked at."""
    if schema.get("x-kubernetes-int-or-string"):
        return []
    kind = schema["type"]
    if not isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
        return [f"{path}: type {kind}, it is {value!r:.40}"]
    found = [f"{path}: {name} {limit!r:.60}, it is {value!r:.40}" for name, limit in _broken(schema, value)]
    if isinstance(value, dict):
        found += [f"{path}.{name}: required" for name in schema.get("required", ()) if name not in value]
        for name, child in schema.get("properties", {}).items():
            if name in value:
                found += violations(child, value[name], f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += violations(schema["items"], item, f"{path}[{index}]")
    return found


def _broken(schema: dict[str, Any], value: Any) -> Iterator[tuple[str, Any]]:
    checks: dict[str, Callable[[Any], bool]] = {
        "enum": lambda limit: value in limit,
        "pattern": lambda limit: re.search(limit, value) is not None,
        "maxLength": lambda limit: len(value) <= limit,
        "minLength": lambda limit: len(value) >= limit,
        "maxItems": lambda limit: len(value) <= limit,
        "minItems": lambda limit: len(value) >= limit,
        "maximum": lambda limit: value <= limit,
        "minimum": lambda limit: value >= limit,
    }
    for name, holds in checks.items():
        if name in schema and not holds(schema[name]):
            yield name, schema[name]
