"""What a run leaves behind: every stretch of time that a job held devices, enough to recompute each figure from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from heterosched.errors import HeteroSchedError
from heterosched_lab.simulate.types import Floats, Ints


class Broken(HeteroSchedError):
    """A scheduler that raised or broke a rule, or a log that cannot be true; `at` in seconds of the simulation."""

    def __init__(self, scheduler: str, problem: str, at: float | None = None) -> None:
        self.scheduler, self.problem, self.at = scheduler, problem, at
        when = "" if at is None else f" at {at:.3f} s"
        super().__init__(f"scheduler {scheduler}{when}: {problem}")


class Cause(IntEnum):
    """Why a stretch ended. CUT: the run itself ended first (`Conditions.until`, or an interrupt)."""

    OPEN = 0
    FINISHED = 1
    STOPPED = 2
    LOST = 3
    CUT = 4


@dataclass(slots=True)
class Stretch:
    """A job on its devices without a break, while the run is going on; times in seconds, `before` as share of its work.

    The devices are held from `start`, work is done from `work` to `end`; `freed` is when others may have them. A cap
    that is changed in place ends a stretch (STOPPED) and begins the next. `after`: what of the work is kept.
    """

    job: int
    start: float
    work: float
    devices: Ints
    nodes: tuple[int, ...]
    seconds: float
    cap: float
    before: float
    end: float = 0.0
    freed: float = 0.0
    after: float = 0.0
    cause: Cause = Cause.OPEN


@dataclass(frozen=True)
class Log:
    """A run. One row per stretch, in the order of their starts; row i has `devices[offsets[i]:offsets[i + 1]]`.

    Devices are numbered through, node by node, one entry per worker. `begin`: the first arrival, `end`: the last event.
    `decisions`: times at which the scheduler was asked. `rejected`: jobs for which the whole fleet is too small.
    `ended` is "done", "until", "interrupted" (`partial` is then set) or "stranded" (what waits needs a node that is
    down for good).
    """

    scheduler: str
    round_seconds: float
    seed: int
    begin: float
    end: float
    job: Ints
    start: Floats
    work: Floats
    finish: Floats
    freed: Floats
    cap: Floats
    before: Floats
    after: Floats
    cause: npt.NDArray[np.int8]
    offsets: Ints
    devices: Ints
    decisions: Floats
    rejected: tuple[int, ...] = ()
    ended: str = "done"

    @property
    def partial(self) -> bool:
        """Whether an interrupt ended the run."""
        return self.ended == "interrupted"

    def whole(self) -> Log:
        """The log, for whoever has no use for a part of it: raises the KeyboardInterrupt that cut it short."""
        if self.partial:
            raise KeyboardInterrupt
        return self

    def __len__(self) -> int:
        return len(self.job)


def _cut(stretches: Sequence[Stretch], end: float) -> None:
    for own in stretches:
        if own.cause is Cause.OPEN:
            gone = max(0.0, end - own.work) / own.seconds
            own.end, own.freed, own.after = end, end, min(1.0, own.before + gone)
            own.cause = Cause.CUT


def log_of(
    stretches: Sequence[Stretch],
    *,
    scheduler: str,
    round_seconds: float,
    seed: int,
    span: tuple[float, float],
    decisions: Sequence[float],
    rejected: Sequence[int],
    ended: str,
) -> Log:
    """The stretches as arrays; those that are open are cut at the end of the run."""
    _cut(stretches, span[1])
    counts = [len(own.devices) for own in stretches]

    def floats(name: str) -> Floats:
        return np.array([getattr(own, name) for own in stretches], dtype=np.float64)

    return Log(
        scheduler=scheduler,
        round_seconds=round_seconds,
        seed=seed,
        begin=span[0],
        end=span[1],
        job=np.array([own.job for own in stretches], dtype=np.int64),
        start=floats("start"),
        work=floats("work"),
        finish=floats("end"),
        freed=floats("freed"),
        cap=floats("cap"),
        before=floats("before"),
        after=floats("after"),
        cause=np.array([own.cause for own in stretches], dtype=np.int8),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        devices=np.array([device for own in stretches for device in own.devices], dtype=np.int64),
        decisions=np.array(decisions, dtype=np.float64),
        rejected=tuple(rejected),
        ended=ended,
    )
