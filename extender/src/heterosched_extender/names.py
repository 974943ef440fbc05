"""From a long JSON list of names to rows without a Python object for each name.

Decoding 5,000 names and looking each up costs more than all score terms together. Here the text itself is read as words
of eight bytes, hashed and compared as arrays. It is exact: every name is compared in full with the one it was taken
for, and whatever is not a plain list of known names is left to the ordinary way.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from heterosched.policy.nodes import Ints

_Words = npt.NDArray[np.uint64]

_QUOTE, _COMMA = ord('"'), ord(",")
_MASKS: _Words = np.array([(1 << 8 * kept) - 1 for kept in range(8)] + [2**64 - 1], dtype=np.uint64)
"""By number of bytes: what is kept of a word, so that the text after a short name does not count."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: multiplying by it spreads neighbouring values (Knuth, TAOCP 3, section 6.4)."""

_SPARSE = 8
"""Slots per name; nearly every name then lies in the first slot that is looked at."""


class NameIndex:
    """The rows of `names`; `rows` finds those of a call."""

    def __init__(self, names: Sequence[str]) -> None:
        text = msgspec.json.encode(tuple(names))
        spans = _spans(text)
        self._usable = spans is not None and len(spans[0]) == len(names)
        if spans is None or not self._usable:
            return
        starts, lengths = spans
        self._depth = max(1, (int(lengths.max()) + 7) // 8)
        self._longest = self._depth * 8
        self._lengths = lengths
        self._words = _words(text, starts, lengths, self._depth)
        self._bits = int(len(names) * _SPARSE).bit_length()
        self._table: Ints = np.full(1 << self._bits, -1, dtype=np.int64)
        self._insert(self._slots(self._words, lengths))

    def rows(self, text: bytes) -> Ints | None:
        """Rows in the order of `text`, a JSON list; None where it is no plain list of known names."""
        spans = _spans(text) if self._usable else None
        if spans is None:
            return None
        starts, lengths = spans
        if int(lengths.max()) > self._longest:
            return None
        words = _words(text, starts, lengths, self._depth)
        slots = self._slots(words, lengths)
        found = self._table[slots]
        wrong = self._differs(found, words, lengths)
        while wrong.any():
            at = np.flatnonzero(wrong)
            if (found[at] < 0).any():
                return None
            slots[at] = (slots[at] + 1) & (len(self._table) - 1)
            found[at] = self._table[slots[at]]
            wrong[at] = self._differs(found[at], [column[at] for column in words], lengths[at])
        return found

    def _insert(self, slots: Ints) -> None:
        left = np.arange(len(slots))
        while len(left):
            at = slots[left]
            free = self._table[at] < 0
            self._table[at[free]] = left[free]
            left = left[self._table[at] != left]
            slots[left] = (slots[left] + 1) & (len(self._table) - 1)

    def _slots(self, words: Sequence[_Words], lengths: Ints) -> Ints:
        mixed = lengths.astype(np.uint64)
        for column in words:
            mixed ^= column
            mixed *= _MIX
            mixed ^= mixed >> np.uint64(29)
        mixed *= _MIX
        return (mixed >> np.uint64(64 - self._bits)).astype(np.int64)

    def _differs(self, found: Ints, words: Sequence[_Words], lengths: Ints) -> npt.NDArray[np.bool_]:
        wrong: npt.NDArray[np.bool_] = (found < 0) | (self._lengths[found] != lengths)
        for ours, theirs in zip(self._words, words, strict=True):
            wrong |= ours[found] != theirs
        return wrong


def _spans(text: bytes) -> tuple[Ints, Ints] | None:
    """Where each string of the list starts and how long it is; None for anything but `["a","b"]` without escapes."""
    raw = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(raw == _QUOTE)
    if not len(quotes) or len(quotes) % 2 or b"\\" in text or text[:2] != b'["' or text[-2:] != b'"]':
        return None
    opening, closing = quotes[0::2], quotes[1::2]
    if (opening[1:] - closing[:-1] != 2).any() or (raw[closing[:-1] + 1] != _COMMA).any():
        return None
    starts = opening + 1
    return starts, closing - starts


def _words(text: bytes, starts: Ints, lengths: Ints, depth: int) -> list[_Words]:
    padded = text + bytes(8 * depth + 8)
    every: _Words = np.ndarray((len(padded) - 7,), dtype="<u8", buffer=padded, strides=(1,))
    if lengths.min() == (longest := lengths.max()):  # node-0001, node-0002: one mask does for all
        return [every[starts + 8 * at] & _MASKS[min(max(longest - 8 * at, 0), 8)] for at in range(depth)]
    return [every[starts + 8 * at] & _MASKS[np.clip(lengths - 8 * at, 0, 8)] for at in range(depth)]
