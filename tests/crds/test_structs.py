"""The typed structs and the CRDs agree: no struct reads a field that the API server drops, no default differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from crds import schema_of
from heterosched.api.heterojob import HeteroJob, HeteroJobSpec
from heterosched.api.policy import SchedulingPolicySpec, ThroughputProfileSpec, ThroughputProfileStatus
from heterosched.api.status import HeteroJobStatus
from manifests import a_fan

Field = tuple[str, msgspec.inspect.Field, dict[str, Any]]
PAIRS = [
    ("HeteroJob", "spec", HeteroJobSpec),
    ("HeteroJob", "status", HeteroJobStatus),
    ("SchedulingPolicy", "spec", SchedulingPolicySpec),
    ("ThroughputProfile", "spec", ThroughputProfileSpec),
    ("ThroughputProfile", "status", ThroughputProfileStatus),
]


def structs_in(kind: msgspec.inspect.Type) -> Iterator[msgspec.inspect.StructType]:
    """The struct that a field holds, alone, in a list or beside None."""
    if isinstance(kind, msgspec.inspect.StructType):
        yield kind
    elif isinstance(kind, msgspec.inspect.ListType):
        yield from structs_in(kind.item_type)
    elif isinstance(kind, msgspec.inspect.UnionType):
        for part in kind.types:
            yield from structs_in(part)


def side_by_side(struct: msgspec.inspect.StructType, schema: dict[str, Any], path: str) -> Iterator[Field]:
    """Each field of a struct with its schema, {} where the CRD has none."""
    for field in struct.fields:
        here = f"{path}.{field.encode_name}"
        found = schema.get("properties", {}).get(field.encode_name, {})
        yield here, field, found
        for inner in structs_in(field.type):
            yield from side_by_side(inner, found.get("items", found), here)


def fields_of(kind: str, part: str, struct: type) -> list[Field]:
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    return list(side_by_side(info, schema_of(kind)["properties"][part], part))


@pytest.mark.parametrize(("kind", "part", "struct"), PAIRS)
def test_every_field_of_a_struct_stands_in_the_crd(kind: str, part: str, struct: type) -> None:
    missing = {path for path, _, schema in fields_of(kind, part, struct) if not schema}
    assert missing <= {"spec.tasks.outputs.from"}  # inputs and outputs share a struct; only inputs come from a task


@pytest.mark.parametrize(("kind", "part", "struct"), [pair for pair in PAIRS if pair[1] == "spec"])
def test_defaults_are_the_same(kind: str, part: str, struct: type) -> None:
    differing = [
        (path, field.default, schema["default"])
        for path, field, schema in fields_of(kind, part, struct)
        if "default" in schema and not isinstance(schema["default"], dict) and field.default != schema["default"]
    ]
    assert differing == []


@pytest.mark.parametrize(("kind", "part", "struct"), PAIRS[:2])
def test_a_heterojob_has_no_field_that_is_never_read(kind: str, part: str, struct: type) -> None:
    read = {path for path, _, _ in fields_of(kind, part, struct)}
    known = {path for path in schema_paths(schema_of(kind)["properties"][part], part)}
    assert sorted(known - read) == []


def schema_paths(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Paths of the fields that a struct can have: a pod template and a free-form variable stay as they are written."""
    for name, child in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        yield here
        if here.endswith((".template", ".env")):
            continue
        yield from schema_paths(child.get("items", child), here)


def test_a_manifest_survives_the_trip_through_the_structs() -> None:
    manifest = a_fan()
    job = msgspec.convert(manifest, HeteroJob)
    assert msgspec.to_builtins(job)["spec"]["tasks"] == manifest["spec"]["tasks"]
