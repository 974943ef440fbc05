"""Fields that are accepted though nothing acts on them say so, and the operator knows what the API server fills in."""

from __future__ import annotations

from typing import Any

import pytest

from crds import schema_of
from heterosched.policy.table import FILLED_IN


def field(kind: str, path: str) -> dict[str, Any]:
    """The schema of a field by its path within the spec; lists are walked through."""
    schema: dict[str, Any] = schema_of(kind)["properties"]["spec"]
    for name in path.split("."):
        schema = schema.get("items", schema)["properties"][name]
    return schema


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *(("SchedulingPolicy", name) for name in FILLED_IN),
        ("HeteroJob", "tasks.work.features"),
    ],
)
def test_a_field_without_effect_begins_with_saying_so(kind: str, path: str) -> None:
    assert field(kind, path)["description"].startswith("Not in force yet")


@pytest.mark.parametrize("name", FILLED_IN)
def test_what_is_filled_in_is_the_default_of_the_schema(name: str) -> None:
    schema = field("SchedulingPolicy", name)
    assert FILLED_IN[name] == schema["default"]
    assert FILLED_IN[name] == {key: own["default"] for key, own in schema["properties"].items()}
