"""Foreign names become DNS labels of bounded length, and no two different ones become the same."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from heterosched_cli.names import label, labels

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def test_a_name_that_fits_is_only_cleaned() -> None:
    assert label("mProject_ID0000001", 30) == "mproject-id0000001"


def test_a_long_name_keeps_its_beginning_and_a_digest() -> None:
    name = label("fastqSplit_HEP2_MSP1_Digests_s_1_sequence", 20)
    assert len(name) <= 20
    assert re.fullmatch(r"fastqsplit-he-[0-9a-f]{6}", name)


def test_names_without_a_letter_or_digit_still_get_one() -> None:
    assert LABEL.fullmatch(label("___", 20))


def test_names_that_clash_are_told_apart_in_any_order() -> None:
    found = labels(["work.1", "work_1", "other"], 20)
    assert found == labels(["other", "work_1", "work.1"], 20)
    assert found["other"] == "other"
    assert len(set(found.values())) == 3


@given(st.lists(st.text(max_size=80), unique=True, max_size=30), st.integers(min_value=12, max_value=60))
def test_any_names_become_different_labels(texts: list[str], longest: int) -> None:
    found = labels(texts, longest)
    assert len(set(found.values())) == len(texts)
    assert all(LABEL.fullmatch(name) and len(name) <= longest for name in found.values())
