"""What a simulation is given and what a scheduler may see and do. Seconds, watts, joules; arrays where it is hot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SimNode:
    """A node with `gpus` devices of one type (a CPU-only node: device "cpu", `gpus` counts its slots).

    `idle_watts`, by device: what one draws that nothing uses; of the host, whether it is used or not: `host_watts`.
    """

    name: str
    device: str
    gpus: int
    idle_watts: float = 0.0
    host_watts: float = 0.0


@dataclass(frozen=True, slots=True)
class SimJob:
    """A job that runs as a gang of `workers` devices of one type, each used to `share` (below 1: shared devices).

    `seconds`, `watts` (of one worker): by device type, of the whole job when it runs there alone; a type without
    seconds cannot run it. `caps`: further operating points (power caps) by device type, as (cap watts, seconds, watts).
    What the truth is stands here; a scheduler sees `View.estimates`.
    """

    name: str
    arrival: float
    seconds: Mapping[str, float]
    watts: Mapping[str, float] = field(default_factory=dict)
    workers: int = 1
    share: float = 1.0
    deadline: float = float("inf")
    priority: float = 1.0
    category: str = ""
    caps: Mapping[str, tuple[tuple[float, float, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """Run a waiting job on `nodes` (one entry per worker). `cap`: a power cap of the job's `caps`, 0 for none."""

    job: int
    nodes: tuple[int, ...]
    cap: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Preempt a running job: it keeps what it has done and pays the switch cost when it starts again."""

    job: int


Action = Start | Stop


@dataclass(frozen=True)
class View:
    """What a scheduler sees at `now`. Rows of the arrays are jobs of the trace, `active` those that wait or run.

    `done`: share of each job's work that is done, as of `now`. `free`: devices (in shares) free on each node.
    `placed`: of running jobs the node of each worker. `estimates`: jobs x device types, expected seconds of the whole
    job (NaN: cannot run, or unknown to the scheduler); `telemetry_watts`: power of each node as last reported, NaN
    where nothing is. `lost`: nodes that are down. `started`: when each job first ran, NaN before. `served`: seconds
    that each job has held its devices so far, start-up counted. `room`: what is free on each single device, those of
    node n at `room[first[n]:first[n + 1]]`; `held`: the devices of running jobs. `places.Places` reckons with these.
    """

    now: float
    jobs: Sequence[SimJob]
    nodes: Sequence[SimNode]
    devices: Sequence[str]
    active: Ints
    running: Ints
    waiting: Ints
    done: Floats
    started: Floats
    free: Floats
    placed: Mapping[int, tuple[int, ...]]
    estimates: Floats
    telemetry_watts: Floats
    lost: frozenset[int] = frozenset()
    served: Floats = field(default_factory=lambda: np.empty(0))
    room: Floats = field(default_factory=lambda: np.empty(0))
    first: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    held: Mapping[int, Ints] = field(default_factory=dict)


class Scheduler(Protocol):
    """Decides at every event, or every `round_seconds` where that is above 0."""

    name: str
    round_seconds: float

    def decide(self, view: View) -> Iterable[Action]:
        """What to stop and start now, in order. A start that does not fit ends the run with the scheduler's name."""
        ...


@runtime_checkable
class Waking(Protocol):
    """A scheduler that may want to be asked again although nothing has happened by then."""

    def wakes(self) -> float:
        """When, in seconds of the simulation; infinity: at the next event. Not heard in rounds, which are regular."""
        ...


@dataclass(frozen=True, slots=True)
class NodeLoss:
    """A node that is down from `start` to `finish`: its jobs lose what they did since their last checkpoint."""

    node: int
    start: float
    finish: float = float("inf")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the world does to a run. `switch_seconds`: start-up of a job that was stopped or moved, its device busy.

    `noise`: relative standard deviation of estimates against the truth; `telemetry_delay`, `telemetry_noise`: age in
    seconds and relative standard deviation of reported power. `checkpoint_seconds`: how often a job saves.
    """

    switch_seconds: float = 0.0
    noise: float = 0.0
    telemetry_delay: float = 0.0
    telemetry_noise: float = 0.0
    checkpoint_seconds: float = 0.0
    losses: tuple[NodeLoss, ...] = ()
    until: float = float("inf")
