"""A plan note reads back as it was written; one from a version that we would misread counts as absent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.api import PlanNote, decode_note, encode_note
from heterosched.constants import ANNOTATION_PLAN

FIGURES = st.dictionaries(st.text(max_size=8), st.floats(0, 1e9), max_size=3)
NOTES = st.builds(
    PlanNote,
    job=st.text(max_size=20),
    task=st.text(max_size=20),
    device=st.text(max_size=8),
    nodes=st.lists(st.text(max_size=8), max_size=4).map(tuple),
    seconds=FIGURES,
    watts=FIGURES,
    input_nodes=st.lists(st.text(max_size=8), max_size=4).map(tuple),
)


@given(NOTES)
def test_a_note_survives_the_annotation(note: PlanNote) -> None:
    assert decode_note({ANNOTATION_PLAN: encode_note(note)}) == note


def test_unknown_fields_are_ignored_and_absent_ones_are_neutral() -> None:
    assert decode_note({ANNOTATION_PLAN: '{"v": 1, "job": "ns/a", "later": 1}'}) == PlanNote(job="ns/a")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"v": 2}', '{"v": "1"}', '{"nodes": 3}', '{"seconds": {"cpu": "x"}}', "\ud800"]
)
def test_what_cannot_be_read_counts_as_absent(text: str) -> None:
    assert decode_note({ANNOTATION_PLAN: text}) is None


def test_a_pod_without_note_is_foreign() -> None:
    assert decode_note({}) is None
