"""Sequence alignment by dynamic programming: Needleman-Wunsch (global) and Smith-Waterman (local), linear gap costs.

S. B. Needleman, C. D. Wunsch: A general method applicable to the search for similarities in the amino acid sequence of
two proteins. J. Mol. Biol. 48(3), 1970. T. F. Smith, M. S. Waterman: Identification of common molecular subsequences.
J. Mol. Biol. 147(1), 1981. A cell needs its left, upper and upper left neighbour, so that all cells of an anti-diagonal
are independent: each is one step over whole arrays, of many queries against one reference at once. The complete matrix
is computed, three diagonals of it are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heterosched.errors import InvalidInput

Algorithm = Literal["smith-waterman", "needleman-wunsch"]
Codes = NDArray[np.int8]
LOWEST = -(1 << 29)
"""Below every score; far enough from the least number for a gap's cost to be taken off."""


@dataclass(frozen=True)
class Scoring:
    """Scores of pairs of letters, by the alphabet, and what a letter beside a gap costs (a positive number).

    Raises InvalidInput where the table is not square in the alphabet.
    """

    alphabet: str
    table: tuple[tuple[int, ...], ...]
    gap: int

    def __post_init__(self) -> None:
        size = len(self.alphabet)
        if len(self.table) != size or any(len(row) != size for row in self.table):
            raise InvalidInput("scoring", "table", f"it is not {size} by {size}", "give a row and column per letter")
        if self.gap < 0:
            raise InvalidInput("scoring", "gap", f"it is {self.gap}", "give the cost of a gap as 0 or more")

    @classmethod
    def simple(cls, match: int, mismatch: int, gap: int, alphabet: str = "ACGT") -> Scoring:
        """The same score for all equal letters, and for all different ones."""
        table = tuple(tuple(match if a == b else mismatch for b in alphabet) for a in alphabet)
        return cls(alphabet, table, gap)

    def codes(self, letters: str) -> Codes:
        """The letters as numbers. Raises InvalidInput naming the first one outside of the alphabet."""
        place = {letter: number for number, letter in enumerate(self.alphabet)}
        for position, letter in enumerate(letters):
            if letter not in place:
                problem = f"{letter!r} is not one of {self.alphabet}"
                raise InvalidInput("sequence", f"position {position + 1}", problem, "use the letters of the scoring")
        return np.array([place[letter] for letter in letters], dtype=np.int8)


def score(first: str, second: str, scoring: Scoring, algorithm: Algorithm) -> int:
    """The score of the best alignment of two sequences of letters."""
    queries = scoring.codes(first).reshape(1, -1)
    return int(scores(queries, scoring.codes(second), scoring, algorithm)[0])


def scores(queries: Codes, reference: Codes, scoring: Scoring, algorithm: Algorithm) -> NDArray[np.int32]:
    """The score of the best alignment of each query (a row; all of one length) with the reference."""
    count, rows = queries.shape
    columns = len(reference)
    local = algorithm == "smith-waterman"
    size = len(scoring.alphabet)
    table = np.array(scoring.table, dtype=np.int32).reshape(-1) if size else np.zeros(1, dtype=np.int32)
    rowwise = queries.astype(np.intp) * size
    backwards = reference[::-1].astype(np.intp)
    edge = _edge(rows + columns + 1, scoring.gap, local)
    older, old, new = (np.full((count, rows + 1), LOWEST, dtype=np.int32) for _ in range(3))
    best = np.zeros(count, dtype=np.int32)
    old[:, 0] = 0  # the diagonal of the corner cell alone
    for diagonal in range(1, rows + columns + 1):
        first, last = max(1, diagonal - columns), min(rows, diagonal - 1)  # rows of its inner cells
        new[:, : first + 1] = LOWEST
        if diagonal <= columns:
            new[:, 0] = edge[diagonal]
        if first <= last:
            begin = columns - diagonal + first  # where column (diagonal - row) stands, read backwards
            pairs = rowwise[:, first - 1 : last] + backwards[begin : begin + last - first + 1]
            inner = new[:, first : last + 1]
            np.add(older[:, first - 1 : last], table[pairs], out=inner)
            np.maximum(inner, old[:, first - 1 : last] - scoring.gap, out=inner)
            np.maximum(inner, old[:, first : last + 1] - scoring.gap, out=inner)
            if local:
                np.maximum(inner, 0, out=inner)
                np.maximum(best, inner.max(axis=1), out=best)
        if diagonal <= rows:
            new[:, diagonal] = edge[diagonal]
        older, old, new = old, new, older
    return best if local else old[:, rows].copy()


def _edge(length: int, gap: int, local: bool) -> NDArray[np.int32]:
    """Scores along the rim of the matrix: gaps all the way, or nothing for a local alignment."""
    return np.zeros(length, dtype=np.int32) if local else np.arange(length, dtype=np.int32) * np.int32(-gap)


@dataclass(frozen=True, slots=True)
class Known:
    """An alignment whose score is published."""

    source: str
    first: str
    second: str
    scoring: Scoring
    algorithm: Algorithm
    score: int


_BLOSUM50 = Scoring(
    "AEGHPW",
    (
        (5, -1, 0, -2, -1, -3),
        (-1, 6, -3, 0, -1, -3),
        (0, -3, 8, -2, -2, -3),
        (-2, 0, -2, 10, -2, -3),
        (-1, -1, -2, -2, 10, -4),
        (-3, -3, -3, -3, -4, 15),
    ),
    8,
)
"""The part of BLOSUM50 (Henikoff, Henikoff 1992) that the example of Durbin et al. needs, with its gap cost."""
_DURBIN = "R. Durbin, S. Eddy, A. Krogh, G. Mitchison: Biological Sequence Analysis (1998), section 2.3"
KNOWN: Sequence[Known] = (
    Known(_DURBIN, "HEAGAWGHEE", "PAWHEAE", _BLOSUM50, "needleman-wunsch", 1),
    Known(_DURBIN, "HEAGAWGHEE", "PAWHEAE", _BLOSUM50, "smith-waterman", 28),
    Known("Wikipedia, Needleman-Wunsch", "GATTACA", "GCATGCG", Scoring.simple(1, -1, 1), "needleman-wunsch", 0),
    Known("Wikipedia, Smith-Waterman", "TGTTACGG", "GGTTGACTA", Scoring.simple(3, -3, 2), "smith-waterman", 13),
)
