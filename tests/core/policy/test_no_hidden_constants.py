"""No number that weighs or limits anything stands in the code of a score: the policy table holds all of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import heterosched.policy

FOLDER = Path(heterosched.policy.__path__[0])
NEUTRAL = {0, 1, -1}
"""Ends of the range of a term, first positions, signs."""

ALLOWED: dict[str, dict[float, str]] = {
    "terms": {},
    "decide": {},
    "tas": {1e-3: "the resolution of the API that the rules were written for"},
    "score": {10: "the extender protocol's largest score", 1e-9: "rounding noise of sums"},
    "fragmentation": {
        0.5: "the middle of the range: a placement that changes nothing",
        8: "answers remembered, which changes none of them",
    },
}
"""By module of `heterosched.policy` the numbers that are no choice of anybody's, and why."""


@pytest.mark.parametrize("module", ALLOWED)
def test_the_code_of_a_score_has_no_numbers_of_its_own(module: str) -> None:
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    numbers = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value not in NEUTRAL
    }
    assert numbers == set(ALLOWED[module])
