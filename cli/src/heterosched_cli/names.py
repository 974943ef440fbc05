"""Names for Kubernetes from names of elsewhere: lower-case DNS labels, short enough, no two alike."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

DIGEST = 6
"""Hex digits that stand for what a shortened name lost; two that are still alike get more of them."""


def label(text: str, longest: int) -> str:
    """A DNS label of at most `longest` (8 or more) characters; what does not fit gives way to a digest of the whole."""
    clean = _clean(text)
    return clean if 0 < len(clean) <= longest else _digested(text, longest, DIGEST)


def labels(texts: Iterable[str], longest: int) -> dict[str, str]:
    """A label for each of some different texts, no two alike; where two clash both get a digest, in any order."""
    found = {text: label(text, longest) for text in texts}
    for digits in range(DIGEST, longest + 1):
        counts = Counter(found.values())
        clashing = [text for text, name in found.items() if counts[name] > 1]
        if not clashing:
            break
        found.update({text: _digested(text, longest, digits) for text in clashing})
    return found


def _clean(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _digested(text: str, longest: int, digits: int) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:digits]
    head = _clean(text)[: max(0, longest - digits - 1)].strip("-")
    return f"{head}-{digest}" if head else digest
