"""Objects that were asked for by name: which of them are not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def absent(names: Sequence[str], there: Iterable[str]) -> str:
    """Return those of `names` that are not `there`, each once, as an error has them: `a or b`; empty where all are."""
    known = set(there)
    return " or ".join(name for name in dict.fromkeys(names) if name not in known)
