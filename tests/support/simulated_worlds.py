"""Worlds for the simulator's tests: small random fleets, jobs and conditions, and schedulers that use every action."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from hypothesis import strategies as st

from heterosched_lab.simulate.places import Places
from heterosched_lab.simulate.types import Action, Conditions, NodeLoss, SimJob, SimNode, Start, Stop, View

TYPES = ("a100", "t4", "cpu")


class FirstCome:
    """Jobs in order of arrival, each on the type that is expected to be fastest and has room."""

    name = "first_come"

    def __init__(self, round_seconds: float = 0.0) -> None:
        self.round_seconds = round_seconds

    def decide(self, view: View) -> Iterable[Action]:
        places = Places(view)
        for job in map(int, view.waiting):
            expected = view.estimates[job]
            for column in np.argsort(expected):
                found = None if math.isnan(expected[column]) else places.find(view.jobs[job], view.devices[column])
                if found:
                    yield Start(job, found)
                    break


class Restless:
    """Draws lots: stops some, starts what fits anywhere, moves some, changes caps."""

    name = "restless"

    def __init__(self, seed: int, round_seconds: float) -> None:
        self.round_seconds = round_seconds
        self._draws = np.random.default_rng(seed)

    def decide(self, view: View) -> Iterable[Action]:
        stopped = [int(job) for job in view.running if self._draws.random() < 0.3]
        actions: list[Action] = [Stop(job) for job in stopped]
        places = Places(view, stopped)
        again = [job for job in stopped if job == view.running[0] or self._draws.random() < 0.7]
        for job in again[:]:
            if job == view.running[0] or self._draws.random() < 0.5:
                places.keep(job)
                actions.append(self._start(view, job, view.placed[job]))
                again.remove(job)
        for job in (*again, *map(int, view.waiting)):
            found = self._anywhere(view, job, places)
            if found and sorted(found) != sorted(view.placed.get(job, ())):
                actions.append(self._start(view, job, found))
        return actions

    def _anywhere(self, view: View, job: int, places: Places) -> tuple[int, ...] | None:
        columns = np.flatnonzero(~np.isnan(view.estimates[job]))
        devices = [view.devices[column] for column in self._draws.permutation(columns)]
        return next(filter(None, (places.find(view.jobs[job], device) for device in devices)), None)

    def _start(self, view: View, job: int, nodes: tuple[int, ...]) -> Start:
        caps = [own[0] for own in view.jobs[job].caps.get(view.nodes[nodes[0]].device, ())]
        return Start(job, nodes, float(self._draws.choice([0.0, *caps])))


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    """Figures of few digits, so that events fall together now and then."""
    return st.integers(math.ceil(low * 4), math.floor(high * 4)).map(lambda value: value / 4)


@st.composite
def fleets(draw: st.DrawFn) -> list[SimNode]:
    """One to four nodes of up to three types."""
    return [
        SimNode(
            f"n{i}", draw(st.sampled_from(TYPES)), draw(st.integers(1, 3)), draw(numbers(0, 30)), draw(numbers(0, 9))
        )
        for i in range(draw(st.integers(1, 4)))
    ]


@st.composite
def traces(draw: st.DrawFn) -> list[SimJob]:
    """Up to eight jobs, some of them gangs, some that share devices, some that may not fit at all."""
    jobs = []
    for index in range(draw(st.integers(1, 8))):
        types = draw(st.lists(st.sampled_from(TYPES), min_size=1, unique=True))
        seconds = {device: draw(numbers(1, 50)) for device in types}
        caps = {types[0]: ((100.0, seconds[types[0]] * 1.25, 80.0),)} if draw(st.booleans()) else {}
        watts = {device: draw(numbers(0, 300)) for device in types}
        share = draw(st.sampled_from((1.0, 1.0, 0.5, 0.3)))
        job = SimJob(f"j{index}", draw(numbers(0, 40)), seconds, watts, draw(st.integers(1, 3)), share, caps=caps)
        jobs.append(job)
    return jobs


@st.composite
def all_conditions(draw: st.DrawFn, nodes: int) -> Conditions:
    """Switch costs, checkpoints, and nodes that go and come back."""
    losses = []
    for _ in range(draw(st.integers(0, 2))):
        start = draw(numbers(0, 60))
        losses.append(NodeLoss(draw(st.integers(0, nodes - 1)), start, start + draw(numbers(1, 60))))
    return Conditions(
        switch_seconds=draw(st.sampled_from((0.0, 2.0, 7.5))),
        noise=draw(st.sampled_from((0.0, 0.4))),
        telemetry_delay=draw(st.sampled_from((0.0, 5.0))),
        telemetry_noise=draw(st.sampled_from((0.0, 0.1))),
        checkpoint_seconds=draw(st.sampled_from((0.0, 3.0, math.inf))),
        losses=tuple(losses),
        until=draw(st.sampled_from((math.inf, math.inf, 55.0))),
    )
