"""MapReduce: words are counted by document groups (map) and the counts are added up (reduce).

J. Dean, S. Ghemawat: MapReduce: Simplified Data Processing on Large Clusters. OSDI 2004, section 2.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np

from heterosched_lab.workloads.types import Answer, at_least, spans

VOCABULARY = 10_000
EXPONENT = 1.1
"""Of Zipf's law, by which word number k is drawn with a weight of k to the power of minus this."""


@dataclass(frozen=True)
class MapReduce:
    """Documents of words that follow Zipf's law."""

    name: ClassVar[str] = "mapreduce"
    title: ClassVar[str] = "MapReduce word count"
    unit: ClassVar[str] = "words"

    documents: int = field(default=1_000, metadata={"help": "documents"})
    words: int = field(default=5_000, metadata={"help": "words per document"})
    chunk: int = field(default=25, metadata={"help": "documents per chunk"})

    def __post_init__(self) -> None:
        at_least(self.name, documents=(self.documents, 1), words=(self.words, 1), chunk=(self.chunk, 1))

    @property
    def chunks(self) -> int:
        """Groups of documents."""
        return spans(self.documents, self.chunk)

    @property
    def units(self) -> float:
        """Words."""
        return float(self.documents) * self.words

    def document(self, number: int, seed: int) -> str:
        """A document as text."""
        drawn = np.random.default_rng((seed, number)).random(self.words)
        numbers = np.searchsorted(_shares(), drawn)
        return " ".join(map(_vocabulary().__getitem__, numbers.tolist()))

    def part(self, chunk: int, seed: int) -> Counter[str]:
        """Map: the counts of one group of documents."""
        first = chunk * self.chunk
        counts: Counter[str] = Counter()
        for number in range(first, min(first + self.chunk, self.documents)):
            counts.update(self.document(number, seed).split())
        return counts

    def reduced(self, parts: Sequence[Counter[str]]) -> Counter[str]:
        """Reduce: the counts of all documents."""
        total: Counter[str] = Counter()
        for part in parts:
            total.update(part)
        return total

    def joined(self, parts: Sequence[Counter[str]], seed: int) -> Answer:
        """What `told` tells of all documents' counts."""
        return told(self.reduced(parts))

    def serial(self, seed: int) -> dict[str, int]:
        """The reference: one loop over all words of all documents, without chunks and without Counter."""
        found: dict[str, int] = {}
        for number in range(self.documents):
            for word in self.document(number, seed).split():
                found[word] = found.get(word, 0) + 1
        return found


def told(counts: Mapping[str, int]) -> Answer:
    """Words, different words, how often the most frequent one occurs, and a checksum of all words with their counts."""
    text = json.dumps(sorted(counts.items()))
    most = max(counts.values())
    return {
        "words": sum(counts.values()),
        "different": len(counts),
        "most_frequent": most,
        "checksum": zlib.crc32(text.encode()),
    }


@cache
def _shares() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Up to which random number each word is meant; the last is 1 exactly."""
    weights = np.arange(1, VOCABULARY + 1, dtype=np.float64) ** -EXPONENT
    sums: np.ndarray[tuple[int], np.dtype[np.float64]] = np.cumsum(weights)
    shares: np.ndarray[tuple[int], np.dtype[np.float64]] = sums / sums[-1]
    return shares


@cache
def _vocabulary() -> tuple[str, ...]:
    return tuple(f"word{number}" for number in range(VOCABULARY))
