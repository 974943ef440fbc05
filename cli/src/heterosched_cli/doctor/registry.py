"""The checks: each is a small function that asks a cluster one question and says what it found, in a registry.

A check tells what it knows of its subject alone. That it may not look, or that the API server is silent, is told once
for all of them by who runs them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from heterosched_cli.doctor.cluster import Cluster

WHERE = "heterosched helm/heterosched --namespace heterosched-system"
INSTALL = f"helm install {WHERE} --create-namespace"
UPGRADE = f"helm upgrade {WHERE} --reset-then-reuse-values"
"""As the manual has them; who has chosen other names knows them."""
SET_URL = f"{UPGRADE} --set prometheus.url=http://..."
OUTSIDE = (
    "where the programs run outside of the cluster (make demo), say where the extender answers: "
    "HETEROSCHED_DECISIONS_URL=http://... or --extender"
)


class Level(StrEnum):
    """How bad it is. WARN: it works, but not as it could; SKIP: nobody knows, since it could not be looked at."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `what` is so, `why` it is, and the `remedy`. `check` is filled in by who runs it."""

    level: Level
    what: str
    why: str = ""
    remedy: str = ""
    check: str = ""


Findings: TypeAlias = list[Finding]
Question: TypeAlias = Callable[["Cluster"], Awaitable[Findings]]


@dataclass(frozen=True, slots=True)
class Check:
    """A name to find it by, what it makes sure of, and the rights that it needs beyond reading its subject."""

    name: str
    promise: str
    needs: str
    ask: Question


CHECKS: list[Check] = []


def check(name: str, promise: str, needs: str) -> Callable[[Question], Question]:
    """Enter a function into the registry; checks are told in the order in which they are entered."""

    def enter(ask: Question) -> Question:
        CHECKS.append(Check(name, promise, needs, ask))
        return ask

    return enter


def ok(what: str, why: str = "") -> Finding:
    """All is well."""
    return Finding(Level.OK, what, why)


def warn(what: str, why: str, remedy: str) -> Finding:
    """It works, but not as it could."""
    return Finding(Level.WARN, what, why, remedy)


def fail(what: str, why: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(Level.FAIL, what, why, remedy)


def skip(what: str, why: str, remedy: str = "") -> Finding:
    """It could not be looked at, or there is nothing to look at."""
    return Finding(Level.SKIP, what, why, remedy)


def some(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 7 more`."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def counted(number: int, thing: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
