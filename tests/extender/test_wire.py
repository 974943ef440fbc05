"""Calls are read in either casing and either cache mode, and never read wrongly: what cannot be read is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender_calls import a_call, a_node, a_pod_manifest
from heterosched_extender.wire import BadCall, decode_call, encode_names, filter_answer, split_call, tail_of

POD = a_pod_manifest("p")


def body(**keys: Any) -> bytes:
    return json.dumps(keys).encode()


@pytest.mark.parametrize("pod, names", [("Pod", "NodeNames"), ("pod", "nodenames"), ("pod", "nodeNames")])
def test_either_casing_is_read(pod: str, names: str) -> None:
    call = decode_call(body(**{pod: POD, names: ["a", "b"]}))
    assert call.pod is not None and call.pod.metadata.name == "p"
    assert list(call.names) == ["a", "b"]
    assert call.nodes is None


@pytest.mark.parametrize("key", ["Nodes", "nodes"])
def test_whole_nodes_are_read_by_name_and_kept_as_they_came(key: str) -> None:
    nodes = [a_node("t4-0"), a_node("t4-1")]
    call = decode_call(body(Pod=POD, **{key: {"metadata": {}, "items": nodes}}, NodeNames=None))
    assert list(call.names) == ["t4-0", "t4-1"]
    assert call.nodes is not None
    assert [json.loads(bytes(raw)) for raw in call.nodes.values()] == nodes


def test_whole_nodes_that_are_no_text_are_not_sent_back() -> None:
    text = a_call(POD, None, [a_node("t4-0", annotations={"a": "b"})]).replace(b'"b"', b'"\xb8"')
    with pytest.raises(BadCall):
        decode_call(text)


@pytest.mark.parametrize(
    "text", [b"{}", b'{"Pod":null,"Nodes":null,"NodeNames":null}', b'{"Pod":{},"Nodes":{"items":null}}']
)
def test_null_and_absent_are_the_same(text: bytes) -> None:
    call = decode_call(text)
    assert list(call.names) == []


def test_a_pod_with_null_lists_is_read() -> None:
    call = decode_call(b'{"Pod":{"metadata":{"labels":null},"spec":{"containers":null}},"NodeNames":["a"]}')
    assert call.pod is not None and call.pod.spec.containers is None


@pytest.mark.parametrize(
    "text",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"NodeNames":"a"}', b'{"Pod":{"metadata":{"name":1}}}', b"[" * 5000],
)
def test_what_cannot_be_read_is_refused_with_a_reason(text: bytes) -> None:
    with pytest.raises(BadCall, match="ExtenderArgs"):
        decode_call(text)


def test_the_schedulers_own_form_is_split_without_decoding_the_names() -> None:
    split = split_call(a_call(POD, ["a", "b"]))
    assert split is not None
    assert split[0].metadata.name == "p"
    assert split[1] + tail_of(split[2]) == a_call(POD, ["a", "b"])
    assert split[2] == b'["a","b"]'


def test_a_pod_that_contains_the_separator_cannot_deceive_the_split() -> None:
    trap = {**POD, "extra": {"x": 1, "Nodes": None, "NodeNames": ["evil"]}}
    call = decode_call(json.dumps({"Pod": trap, "Nodes": None, "NodeNames": ["good"]}, separators=(",", ":")).encode())
    assert list(call.names) == ["good"]
    nested = b'{"NodeNames":["good"],"z":[{"q":1,"Nodes":null,"NodeNames":["evil"]}]}'
    assert list(decode_call(nested).names) == ["good"]


@given(st.lists(st.text(max_size=8), max_size=6))
def test_both_ways_of_reading_agree(names: list[str]) -> None:
    compact = a_call(POD, names)
    spaced = json.dumps(json.loads(compact), indent=1).encode()
    assert list(decode_call(compact).names) == list(decode_call(spaced).names) == names


def test_a_filter_answer_has_every_key_and_exactly_one_list() -> None:
    by_name = json.loads(filter_answer(encode_names(["a"]), None, {"b": "why"}))
    assert by_name == {
        "Nodes": None,
        "NodeNames": ["a"],
        "FailedNodes": {},
        "FailedAndUnresolvableNodes": {"b": "why"},
        "Error": "",
    }
    whole = json.loads(filter_answer(None, [msgspec.Raw(b'{"metadata":{"name":"a"}}')]))
    assert whole["NodeNames"] is None
    assert whole["Nodes"]["items"] == [{"metadata": {"name": "a"}}]
