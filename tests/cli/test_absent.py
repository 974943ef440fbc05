"""Names that are not there are told once each, as a sentence has them."""

from __future__ import annotations

import pytest

from heterosched_cli.absent import absent


@pytest.mark.parametrize(
    ("names", "told"),
    [([], ""), (["a"], ""), (["c"], "c"), (["c", "a", "d", "c"], "c or d")],
)
def test_what_is_absent_is_told_once_in_the_order_asked(names: list[str], told: str) -> None:
    assert absent(names, iter(["a", "b"])) == told
