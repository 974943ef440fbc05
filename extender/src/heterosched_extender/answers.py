"""The answer to `/prioritize` as bytes: a template per set of nodes into which the scores' digits are written.

An answer for 5,000 nodes is 200 kB of text in which only the digits change from pod to pod; encoding it anew costs more
than everything else together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from heterosched.policy.nodes import Ints, Roster
from heterosched_extender.candidates import Candidates

_TENS = np.frombuffer(b"          1", dtype=np.uint8)
_ONES = np.frombuffer(b"01234567890", dtype=np.uint8)


def fragment(name: str) -> bytes:
    """One HostPriority with room for two digits; JSON allows the blank that stands for a missing one."""
    return b'{"Host":' + msgspec.json.encode(name) + b',"Score":  }'


class Template:
    """The answer for one set of nodes; `fill` writes the scores into it and hands out a copy."""

    def __init__(self, fragments: Sequence[bytes], unknown: Sequence[str]) -> None:
        zeros = [b'{"Host":' + msgspec.json.encode(name) + b',"Score":0}' for name in unknown]
        text = b"[" + b",".join([*fragments, *zeros]) + b"]"
        self._text: npt.NDArray[np.uint8] = np.frombuffer(bytearray(text), dtype=np.uint8)
        lengths = np.fromiter(map(len, fragments), dtype=np.int64, count=len(fragments))
        self._at: Ints = np.cumsum(lengths + 1) - 3  # the first of the two digits of each fragment

    def fill(self, scores: Ints) -> bytes:
        """The answer with these scores (0..10), in the order of the fragments."""
        out = self._text  # every digit is written each time, so nothing of the last answer stays
        out[self._at] = _TENS[scores]
        out[self._at + 1] = _ONES[scores]
        return out.tobytes()


class Answers:
    """Templates of the sets of nodes that were asked about last."""

    def __init__(self, keep: int = 8) -> None:
        self._keep = keep
        self._roster = -1
        self._fragments: list[bytes] = []
        self._templates: OrderedDict[tuple[bytes, tuple[str, ...]], Template] = OrderedDict()

    def __len__(self) -> int:
        return len(self._templates)

    def prioritize(self, candidates: Candidates, scores: Ints) -> bytes:
        """A HostPriorityList in which every candidate stands; nodes that nobody knows score 0."""
        self._align(candidates.roster)
        key = (candidates.mask, candidates.unknown)
        template = self._templates.get(key)
        if template is None:
            fragments = self._fragments
            template = Template([fragments[row] for row in candidates.rows.tolist()], candidates.unknown)
            self._templates[key] = template
            if len(self._templates) > self._keep:
                self._templates.popitem(last=False)
        else:
            self._templates.move_to_end(key)
        return template.fill(scores)

    def _align(self, roster: Roster) -> None:
        if roster.key != self._roster:
            self._roster = roster.key
            self._fragments = [fragment(name) for name in roster.names]
            self._templates.clear()


def all_zero(names: Sequence[str]) -> bytes:
    """The neutral answer: no preference among these nodes."""
    return Template((), tuple(dict.fromkeys(names))).fill(np.zeros(0, dtype=np.int64))
