"""Names read as arrays are the rows that looking each up would give, or are left to the ordinary way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched_extender.names import NameIndex

NAMES = [f"node-{number:04d}" for number in range(500)]
INDEX = NameIndex(NAMES)


def listed(names: list[str]) -> bytes:
    return json.dumps(names, separators=(",", ":"), ensure_ascii=False).encode()


@given(st.lists(st.integers(0, 499), min_size=1, max_size=400))
def test_known_names_become_their_rows_in_any_order_and_number(rows: list[int]) -> None:
    found = INDEX.rows(listed([NAMES[row] for row in rows]))
    assert found is not None
    assert found.tolist() == rows


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"",
        b'["node-0001"',
        b'["node-0001" "node-0002"]',
        b'["node-0001","node-0002",]',
        b'["node-0001";"node-0002"]',
        b'[["node-0001"]]',
        b'["node-0001",7]',
        b'["node-0001", "node-0002"]',
        b'["node-\\u0030001"]',
        b'["node-9999"]',
        b'["node-0001x"]',
        b'["node-000"]',
        b'["node-0001\x00"]',
        b'["node-0001-with-a-name-longer-than-any-other"]',
        b'{"a","b"}',
    ],
)
def test_everything_else_is_left_alone(text: bytes) -> None:
    assert INDEX.rows(text) is None


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(st.text(max_size=20), unique=True, min_size=1, max_size=60), st.data())
def test_it_never_takes_one_name_for_another(names: list[str], data: st.DataObject) -> None:
    asked = data.draw(st.lists(st.sampled_from(names) | st.text(max_size=20), min_size=1, max_size=30))
    found = NameIndex(names).rows(json.dumps(asked, separators=(",", ":")).encode())
    if found is not None:
        assert [names[row] for row in found.tolist()] == asked


def test_names_of_different_lengths_share_beginnings() -> None:
    names = ["a", "ab", "abcdefgh", "abcdefghi", "abcdefghijklmnopq", "b"]
    index = NameIndex(names)
    found = index.rows(listed(list(reversed(names))))
    assert found is not None and found.tolist() == [5, 4, 3, 2, 1, 0]


def test_no_nodes_have_no_rows() -> None:
    assert NameIndex([]).rows(b'["a"]') is None
