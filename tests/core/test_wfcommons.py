"""The parser of WfCommons instances takes plain and packed bytes, and bounds the tasks only where it is told to."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched.wfcommons import parse_instance

DIAMOND = (Path(__file__).parents[1] / "data" / "wf-diamond.json").read_bytes()


def test_plain_and_packed_bytes_are_the_same_instance() -> None:
    assert parse_instance(gzip.compress(DIAMOND), "packed") == parse_instance(DIAMOND, "plain")


def test_the_bound_is_the_callers() -> None:
    count = len(parse_instance(DIAMOND, "wf").workflow.specification.tasks)
    assert len(parse_instance(DIAMOND, "wf", count).workflow.specification.tasks) == count
    with pytest.raises(
        InvalidInput, match=f"wf: workflow.specification.tasks: {count} tasks; choose an instance of 1 to"
    ):
        parse_instance(DIAMOND, "wf", count - 1)
