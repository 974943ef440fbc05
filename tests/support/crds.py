"""The CRD files of the project, for tests that hold other parts against the API's schema."""

from __future__ import annotations

from collections.abc import Iterator
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
