"""A closed loop around the planner: what is due starts, runs about as long as planned, and is planned around."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from heterosched.model import Cluster
from heterosched.planning.due import due
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest, TaskProgress
from heterosched.policy.table import BUILT_IN
from manifests import JobBuilder
from planned import NOW, a_state

NOISE = 0.3
"""Share by which run times differ from what was planned at most."""


class Loop:
    """Jobs of a single task `t` that arrive over time, planned every `tick` seconds. `arrivals`: (seconds, job, its
    namespace).
    """

    def __init__(self, arrivals: Sequence[tuple[float, JobBuilder, str]], cluster: Cluster, tick: float = 5.0) -> None:
        self._todo = sorted(arrivals, key=lambda own: own[0])
        self._cluster, self._tick, self._clock = cluster, tick, 0.0
        self._random = random.Random(0)
        self._live: dict[str, JobState] = {}
        self._ends: dict[str, float] = {}
        self._plans: dict[str, JobPlan] = {}
        self._arrived: dict[str, float] = {}

    def rounds_until_started(self, name: str, most: int) -> int:
        """Planning rounds from the arrival of a job to its start; `most` + 1 where it has not started by then."""
        while True:
            self._round()
            if name in self._ends:
                return self._rounds(name)
            if name in self._arrived and self._rounds(name) > most:
                return most + 1
            self._clock += self._tick

    def _rounds(self, name: str) -> int:
        return int((self._clock - self._arrived[name]) / self._tick) + 1

    def _round(self) -> None:
        while self._todo and self._todo[0][0] <= self._clock:
            moment, builder, namespace = self._todo.pop(0)
            state = a_state(builder, age=-moment, namespace=namespace)
            self._live[state.job.metadata.name] = state
            self._arrived[state.job.metadata.name] = moment
        for name in [name for name, end in self._ends.items() if end <= self._clock and name in self._live]:
            del self._live[name]
        now, states = NOW + self._clock, list(self._live.values())
        request = PlanRequest(states, self._cluster, now, BUILT_IN, previous=self._plans)
        self._plans = plan(request)
        for name, found in self._plans.items():
            if "t" in due(found, self._live[name].progress, now):
                self._start(name, found, now)

    def _start(self, name: str, found: JobPlan, now: float) -> None:
        own = found.schedule.assignments["t"]
        option, nodes = own.option, own.nodes
        taken = tuple((node, option.demand) for node in nodes)
        running = TaskProgress("Running", option.device, option.variant, nodes, len(nodes), now, taken=taken)
        self._live[name] = replace(self._live[name], progress={"t": running})
        self._ends[name] = self._clock + option.seconds * self._random.uniform(1 - NOISE, 1 + NOISE)
