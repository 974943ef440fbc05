"""A simulation's state in the terms of the product: nodes, options, what running jobs still hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from heterosched.errors import InvalidInput
from heterosched.model import CPU, Cluster, Demand, Node, Option, Reservation
from heterosched_lab.simulate.fleet import NOISE
from heterosched_lab.simulate.types import View

EPOCH = 1_700_000_000.0
"""What second 0 of a simulation is called where the product wants a date."""
MEMORY = 1e15
"""Bytes of a node: so many that they never decide, as the simulation does not count them."""


def demand_on(device: str) -> Demand:
    """What one worker takes: a GPU, or a slot of a node without any."""
    return Demand(cpu=1.0) if device == CPU else Demand(gpus=1.0)


def cluster_of(view: View) -> Cluster:
    """The fleet as the product sees it, empty; nodes that are down take no pods, those with GPUs no work without."""
    return Cluster(tuple(_node(view, index) for index in range(len(view.nodes))))


def _node(view: View, index: int) -> Node:
    own = view.nodes[index]
    amount = Demand(own.gpus, MEMORY, 0.0) if own.device == CPU else Demand(0.0, MEMORY, own.gpus)
    return Node(own.name, own.device, amount, ready=index not in view.lost)


def options_of(view: View, job: int, scale: float = 1.0) -> tuple[Option, ...]:
    """The ways in which a job can run, by what the scheduler expects; `scale`: share of the work that is left.

    Power is what the job's own profile says; under a cap the proportion of times is the profile's too.
    """
    own, found = view.jobs[job], []
    if own.share < 1 - NOISE:
        problem = f"uses {own.share:g} of a device"
        raise InvalidInput(f"job {own.name}", "share", problem, "the planner and its strategies place whole devices")
    for column, device in enumerate(view.devices):
        expected = float(view.estimates[job, column])
        if math.isnan(expected):
            continue
        option = Option(device, expected * scale, demand_on(device), own.watts.get(device, 0.0), own.workers)
        found.append(option)
        for cap, seconds, watts in own.caps.get(device, ()):
            slower = seconds / own.seconds[device]
            found.append(replace(option, seconds=expected * slower * scale, watts=watts, cap_watts=cap))
    return tuple(found)


def left(view: View, job: int) -> float:
    """Share of a job's work that is still to do, never quite nothing."""
    return max(1e-6, 1.0 - float(view.done[job]))


def expected_seconds(view: View, job: int, cap: float = 0.0) -> float:
    """Seconds that a running job is expected to need in all where it runs; a cap makes it slower by its profile."""
    own, device = view.jobs[job], view.nodes[view.placed[job][0]].device
    expected = float(view.estimates[job, view.devices.index(device)])
    slower = [seconds / own.seconds[device] for watts, seconds, _ in own.caps.get(device, ()) if watts == cap]
    return expected * (slower[0] if slower else 1.0)


def reservations(view: View, caps: Mapping[int, float]) -> Iterator[Reservation]:
    """What running jobs hold until they are expected to finish, under the caps they were started with."""
    for job in map(int, view.running):
        finish = view.now + expected_seconds(view, job, caps.get(job, 0.0)) * left(view, job)
        for node in view.placed[job]:
            own = view.nodes[node]
            yield Reservation(own.name, demand_on(own.device), view.now, finish)
