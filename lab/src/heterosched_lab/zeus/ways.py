"""The ways in which a job can run, as schedulers see them: a node and a cap with the expected seconds and watts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from heterosched_lab.simulate.types import View


@dataclass(frozen=True, slots=True)
class Way:
    """A job on one GPU of a node under a cap (0: none). `idle_watts`: what that GPU draws without it."""

    node: int
    device: str
    cap: float
    seconds: float
    watts: float
    idle_watts: float

    @property
    def joules(self) -> float:
        """What the GPU draws for the job."""
        return self.watts * self.seconds

    @property
    def added_joules(self) -> float:
        """The same beyond what the GPU, which is always on, would have drawn without the job; never below zero."""
        return max(0.0, self.watts - self.idle_watts) * self.seconds


def ways(view: View, job: int) -> tuple[Way, ...]:
    """All ways of a job, free or not. What a cap does to the time is known as a proportion, as the time itself is."""
    return tuple(_ways(view, job))


def _ways(view: View, job: int) -> Iterator[Way]:
    own = view.jobs[job]
    columns = {device: column for column, device in enumerate(view.devices)}
    for number, node in enumerate(view.nodes):
        seconds = float(view.estimates[job, columns[node.device]])
        if math.isnan(seconds):
            continue
        yield Way(number, node.device, 0.0, seconds, own.watts[node.device], node.idle_watts)
        for cap, capped, watts in own.caps.get(node.device, ()):
            slower = capped / own.seconds[node.device]
            yield Way(number, node.device, cap, seconds * slower, watts, node.idle_watts)
