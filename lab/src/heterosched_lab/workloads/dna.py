"""DNA alignment: mutated reads of one reference, each aligned with it by Smith-Waterman or Needleman-Wunsch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.alignment import Algorithm, Codes, Scoring, scores
from heterosched_lab.workloads.types import Answer, at_least, spans

DNA = Scoring.simple(match=2, mismatch=-1, gap=2)
MUTATED = 0.05
"""Share of the letters of a read that are drawn anew."""
REFERENCE = 1 << 30
"""Where the reference's random numbers come from: no chunk has this number."""


@dataclass(frozen=True)
class DnaAlignment:
    """Reads of the length of the reference, in chunks of a few reads that are aligned side by side."""

    name: ClassVar[str] = "dna"
    title: ClassVar[str] = "DNA alignment"
    unit: ClassVar[str] = "cells"

    sequences: int = field(default=1_000, metadata={"help": "reads to align"})
    length: int = field(default=10_000, metadata={"help": "letters of each read and of the reference"})
    algorithm: str = field(default="smith-waterman", metadata={"help": "smith-waterman or needleman-wunsch"})
    chunk: int = field(default=8, metadata={"help": "reads per chunk"})

    def __post_init__(self) -> None:
        at_least(self.name, sequences=(self.sequences, 1), length=(self.length, 1), chunk=(self.chunk, 1))
        if self.algorithm not in get_args(Algorithm):
            remedy = f"use {' or '.join(get_args(Algorithm))}"
            raise InvalidInput(f"workload {self.name}", "algorithm", f"unknown: {self.algorithm!r}", remedy)

    @property
    def chunks(self) -> int:
        """Groups of reads."""
        return spans(self.sequences, self.chunk)

    @property
    def units(self) -> float:
        """Cells of the matrices."""
        return float(self.sequences) * self.length**2

    def reference(self, seed: int) -> Codes:
        """The sequence that all reads stem from."""
        return np.random.default_rng((seed, REFERENCE)).integers(0, 4, self.length, dtype=np.int8)

    def reads(self, chunk: int, seed: int) -> Codes:
        """The chunk's reads: copies of the reference with some letters drawn anew."""
        generator = np.random.default_rng((seed, chunk))
        count = min(self.chunk, self.sequences - chunk * self.chunk)
        found = np.tile(self.reference(seed), (count, 1))
        mutated = generator.random(found.shape) < MUTATED
        found[mutated] = generator.integers(0, 4, int(mutated.sum()), dtype=np.int8)
        return found

    def part(self, chunk: int, seed: int) -> NDArray[np.int32]:
        """The scores of the chunk's reads."""
        algorithm: Algorithm = "smith-waterman" if self.algorithm == "smith-waterman" else "needleman-wunsch"
        return scores(self.reads(chunk, seed), self.reference(seed), DNA, algorithm)

    def joined(self, parts: Sequence[NDArray[np.int32]], seed: int) -> Answer:
        """The least, mean and greatest score; a perfect read would have twice its length."""
        found = np.concatenate(parts)
        return {"least": float(found.min()), "mean": float(found.mean()), "greatest": float(found.max())}
