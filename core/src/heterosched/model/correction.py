"""What repeated runs teach about a kind of work on a device type: a robust mean, how many runs, how sure that is.

Run times lie on a scale of ratios, so runs are compared by the logarithm of their figure. A run is an outlier where its
modified z-score passes 3.5 (B. Iglewicz, D. Hoaglin: How to Detect and Handle Outliers, ASQC, 1993); what is left is
averaged. Outliers stay in the record: once they are the majority, the work has changed, and the old runs are the odd
ones out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

WINDOW: Final = 10
"""Runs that are remembered: a lasting change has the majority after six."""

ENOUGH: Final = 3
"""Runs from which on one of them can be told to be odd, and from which on they outweigh any given figure."""

PLAUSIBLE: Final = 3.0
"""Fewer runs count against an estimate only if they lie within this factor of it: one freak run must not steer."""

CONTRADICTING: Final = 0.2
"""Relative distance from which on enough runs contradict a given figure."""

LEAST_SECONDS: Final = 1.0
"""Shorter runs teach nothing: Kubernetes stamps containers by the second."""

_Z_LIMIT: Final = 3.5
_MAD_TO_SIGMA: Final = 1.4826
_LEAST_SIGMA: Final = 0.05
"""Runs that are alike to the last digit must not make one that is a little off an outlier."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run. `key` names it once and for all, `finished` is in epoch seconds, `value` its seconds or samples/s
    of one worker (above 0), `watts` the mean power of one device, None where nobody measured it.
    """

    key: str
    finished: float
    value: float
    watts: float | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """Means over the `count` runs that agree, in the units of `Run`; `outliers`: keys of the runs that do not."""

    value: float
    watts: float | None
    count: int
    confidence_percent: int
    outliers: frozenset[str]


def is_new(run: Run, known: Sequence[Run]) -> bool:
    """Whether the run is not yet among the known ones and has not been dropped from them.

    Only the oldest are ever dropped, so whatever a full window has ever held ended before the oldest that it holds now,
    or with it: a run is never counted twice, however often and late it is reported.
    """
    if any(run.key == other.key for other in known):
        return False
    return len(known) < WINDOW or run.finished > min(other.finished for other in known)


def with_runs(known: Sequence[Run], more: Iterable[Run]) -> tuple[Run, ...]:
    """The latest runs, by their end, with those of `more` that are new."""
    found = list(known)
    for run in sorted(more, key=_by_end):
        if is_new(run, found):
            found = sorted((*found, run), key=_by_end)[-WINDOW:]
    return tuple(found)


def _by_end(run: Run) -> tuple[float, str]:
    return run.finished, run.key


def learned(runs: Sequence[Run]) -> Learned | None:
    """What the runs teach, None where there are none.

    Confidence is n/(n+1) of the runs that agree, less by their coefficient of variation: 50, 67, 75 % for one, two and
    three equal runs, 91 % for a full window.
    """
    if not runs:
        return None
    odd = _outliers(runs)
    kept = [run for run in runs if run.key not in odd]
    watts = [run.watts for run in kept if run.watts is not None]
    mean = fmean(run.value for run in kept)
    deviation = math.sqrt(fmean((run.value - mean) ** 2 for run in kept))
    confidence = len(kept) / (len(kept) + 1) * max(0.0, 1.0 - deviation / mean)
    return Learned(mean, median(watts) if watts else None, len(kept), round(100 * confidence), odd)


def _outliers(runs: Sequence[Run]) -> frozenset[str]:
    if len(runs) < ENOUGH:
        return frozenset()
    logs = {run.key: math.log(run.value) for run in runs}
    middle = median(logs.values())
    sigma = max(_LEAST_SIGMA, _MAD_TO_SIGMA * median(abs(own - middle) for own in logs.values()))
    return frozenset(key for key, own in logs.items() if abs(own - middle) > _Z_LIMIT * sigma)


def outweighs(value: float, count: int, given: float | None, given_measured: bool) -> bool:
    """Whether the mean of `count` runs is used in the place of a given figure.

    Always where nothing was given and from three runs on; before that not against a measured figure, and against an
    estimate only if both are of the same order.
    """
    if given is None or count >= ENOUGH:
        return True
    return not given_measured and 1.0 / PLAUSIBLE <= value / given <= PLAUSIBLE


def contradicts(value: float, count: int, given: float) -> bool:
    """Whether enough runs say something clearly else than the given figure."""
    return count >= ENOUGH and abs(value / given - 1.0) > CONTRADICTING
