"""Alignments have the scores that textbooks print and that a plain double loop over the matrix finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.alignment import KNOWN, Algorithm, Known, Scoring, score, scores

LETTERS = st.text(alphabet="ACGT", min_size=0, max_size=12)


def plain(first: str, second: str, scoring: Scoring, algorithm: Algorithm) -> int:
    """The recurrence, cell by cell."""
    local = algorithm == "smith-waterman"
    edge = 0 if local else -scoring.gap
    cells = [[edge * (row + column) for column in range(len(second) + 1)] for row in range(len(first) + 1)]
    best = 0
    for row, one in enumerate(first, 1):
        for column, two in enumerate(second, 1):
            pair = scoring.table[scoring.alphabet.index(one)][scoring.alphabet.index(two)]
            gap = max(cells[row - 1][column], cells[row][column - 1]) - scoring.gap
            found = max(cells[row - 1][column - 1] + pair, gap)
            cells[row][column] = max(found, 0) if local else found
            best = max(best, cells[row][column])
    return best if local else cells[-1][-1]


@pytest.mark.parametrize("known", KNOWN, ids=lambda one: f"{one.first}-{one.algorithm}")
def test_published_scores(known: Known) -> None:
    assert score(known.first, known.second, known.scoring, known.algorithm) == known.score
    assert plain(known.first, known.second, known.scoring, known.algorithm) == known.score


@given(
    first=LETTERS,
    second=LETTERS,
    scoring=st.builds(Scoring.simple, st.integers(0, 9), st.integers(-9, 0), st.integers(0, 9)),
    algorithm=st.sampled_from(["smith-waterman", "needleman-wunsch"]),
)
@settings(max_examples=80)
def test_any_two_sequences_score_as_the_plain_loop_says(
    first: str, second: str, scoring: Scoring, algorithm: Algorithm
) -> None:
    assert score(first, second, scoring, algorithm) == plain(first, second, scoring, algorithm)


def test_an_uneven_table_of_scores_is_read_row_for_the_first_sequence() -> None:
    scoring = Scoring("AB", ((1, 7), (-3, 2)), 5)
    assert score("A", "B", scoring, "needleman-wunsch") == 7
    assert score("B", "A", scoring, "needleman-wunsch") == -3


def test_queries_side_by_side_score_as_each_alone() -> None:
    scoring = Scoring.simple(2, -1, 2)
    generator = np.random.default_rng(3)
    queries = generator.integers(0, 4, (5, 17), dtype=np.int8)
    reference = generator.integers(0, 4, 23, dtype=np.int8)
    together = scores(queries, reference, scoring, "smith-waterman")
    alone = [int(scores(query.reshape(1, -1), reference, scoring, "smith-waterman")[0]) for query in queries]
    assert together.tolist() == alone


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Scoring("AB", ((1, 2),), 1), "table"),
        (lambda: Scoring("A", ((1,),), -1), "gap"),
        (lambda: Scoring.simple(1, -1, 1).codes("ACXT"), "position 3"),
    ],
)
def test_bad_scores_and_letters_are_named(make: object, field: str) -> None:
    assert callable(make)
    with pytest.raises(InvalidInput) as refusal:
        make()
    assert refusal.value.field == field
    assert refusal.value.remedy
