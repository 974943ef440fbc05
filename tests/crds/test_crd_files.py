"""The CRD files explain every field, are small enough for ``kubectl apply`` and bounded as the API server demands."""

from __future__ import annotations

from typing import Any

import pytest

from crds import crd_files, load_crd, schema_of, walk

KINDS = {"HeteroJob": "hj", "SchedulingPolicy": "hsp", "ThroughputProfile": "htp"}
LAST_APPLIED_LIMIT = 262_144  # bytes: a client-side apply keeps the whole object in an annotation
FIELDS = [(kind, path, schema) for kind in KINDS for path, schema in walk(schema_of(kind))]
SCHEMA_KEYS = {
    *("type", "format", "description", "default", "enum", "pattern", "required", "properties", "items"),
    *("additionalProperties", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
    *("minProperties", "maxProperties", "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys"),
    *("x-kubernetes-list-type", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"),
}


def own_fields() -> list[tuple[str, dict[str, Any]]]:
    """Every field whose schema is ours: what lies under ``metadata`` belongs to the API server."""
    return [(f"{kind}.{path}", schema) for kind, path, schema in FIELDS if not path.startswith("metadata")]


def test_every_field_is_explained_in_a_sentence() -> None:
    fields = own_fields()
    mute = [path for path, schema in fields if not schema.get("description", "").endswith(".")]
    assert len(fields) > 200
    assert mute == []


def test_every_default_is_stated_in_the_description() -> None:
    simple = [(path, schema) for path, schema in own_fields() if not isinstance(schema.get("default", {}), dict)]
    silent = [path for path, schema in simple if "default" not in schema["description"].lower()]
    assert len(simple) > 30
    assert silent == []


def test_every_list_string_and_map_is_bounded() -> None:
    """Unbounded values count as three megabytes each when the cost of a rule is estimated."""
    bound = {"array": "maxItems", "string": "maxLength"}
    unbounded = [
        path
        for path, schema in own_fields()
        if path.count(".") > 1
        and (limit := bound.get(schema.get("type", "")))
        and limit not in schema
        and not schema.keys() & {"enum", "format"}
    ]
    maps = [path for path, schema in own_fields() if "additionalProperties" in schema and "maxProperties" not in schema]
    assert unbounded + maps == []


def test_every_list_says_how_it_merges() -> None:
    lists = [(path, schema) for path, schema in own_fields() if schema.get("type") == "array"]
    assert [path for path, schema in lists if "x-kubernetes-list-type" not in schema] == []


def test_no_field_is_a_float() -> None:
    assert [path for path, schema in own_fields() if schema.get("type") == "number"] == []


def test_no_comma_in_a_flow_mapping_made_a_key_of_its_own() -> None:
    strays = [(path, key) for path, schema in own_fields() for key in schema if key not in SCHEMA_KEYS]
    assert strays == []


def test_every_rule_says_what_to_do() -> None:
    schemas = [*own_fields(), *((kind, schema_of(kind)) for kind in KINDS)]
    rules = [rule for _, schema in schemas for rule in schema.get("x-kubernetes-validations", [])]
    assert len(rules) > 30
    assert [rule["rule"] for rule in rules if len(rule.get("message", "")) < 20] == []


@pytest.mark.parametrize("kind", KINDS)
def test_names_follow_the_contract(kind: str) -> None:
    crd = load_crd(kind)
    names, version = crd["spec"]["names"], crd["spec"]["versions"][0]
    assert crd["metadata"]["name"] == f"{names['plural']}.heterosched.io"
    assert (names["shortNames"], names["categories"]) == ([KINDS[kind]], ["heterosched"])
    assert (version["name"], version["subresources"]) == ("v1alpha1", {"status": {}})
    assert crd["spec"]["scope"] == ("Cluster" if kind == "SchedulingPolicy" else "Namespaced")


def test_a_client_side_apply_can_hold_every_file() -> None:
    sizes = {path.name: path.stat().st_size for path in crd_files()}
    assert len(sizes) == len(KINDS)
    assert max(sizes.values()) < LAST_APPLIED_LIMIT
