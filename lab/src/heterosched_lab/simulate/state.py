"""Where every job stands during a run, and the few things that can happen to it; all rules of capacity live here."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from heterosched_lab.simulate.fleet import NOISE, Fleet
from heterosched_lab.simulate.inputs import Trace
from heterosched_lab.simulate.log import Broken, Cause, Stretch
from heterosched_lab.simulate.reported import Reported
from heterosched_lab.simulate.types import Conditions, Floats, Ints, SimJob, SimNode, Start, Stop

WHOLE = (int, np.integer)


class Status(IntEnum):
    """Where a job stands; GONE: finished or rejected."""

    COMING = 0
    WAITING = 1
    RUNNING = 2
    GONE = 3


def well_formed(action: object) -> bool:
    """Whether it is a Start or a Stop that names job and nodes by whole numbers; whether they exist is seen later."""
    if isinstance(action, Stop):
        return isinstance(action.job, WHOLE)
    if not isinstance(action, Start) or not isinstance(action.nodes, (tuple, list)):
        return False
    return all(isinstance(own, WHOLE) for own in (action.job, *action.nodes)) and isinstance(
        action.cap, (float, *WHOLE)
    )


class State:
    """The run so far. Methods raise Broken, naming the scheduler, where an action breaks a rule."""

    def __init__(
        self,
        jobs: Sequence[SimJob],
        nodes: Sequence[SimNode],
        trace: Trace,
        conditions: Conditions,
        reported: Reported,
        scheduler: str,
        in_rounds: bool,
    ) -> None:
        self.jobs, self.nodes, self.trace, self.conditions = jobs, nodes, trace, conditions
        self.reported, self.scheduler, self.in_rounds = reported, scheduler, in_rounds
        self.fleet = Fleet(nodes)
        self.status = np.zeros(len(jobs), dtype=np.int8)
        self.status[list(trace.rejected)] = Status.GONE
        self.done = np.zeros(len(jobs))
        self.served = np.zeros(len(jobs))
        self.started = np.full(len(jobs), np.nan)
        self._since, self._work, self._seconds = np.zeros(len(jobs)), np.zeros(len(jobs)), np.ones(len(jobs))
        self.stretches: list[Stretch] = []
        self.open: dict[int, Stretch] = {}
        self.finishes: list[tuple[float, int, int]] = []
        self.down: dict[int, int] = {}
        self._out: set[int] = set()
        self.held: list[Stretch] = []
        self._must_switch = np.zeros(len(jobs), dtype=bool)
        self._column = {device: index for index, device in enumerate(trace.devices)}
        self._watts: dict[int, float] = {}

    def start(self, action: Start, now: float, goes_on: Stretch | None = None) -> None:
        """Open a stretch. `goes_on`: the one that ends now and whose devices and start-up it takes over."""
        job = self._checked(action, now)
        own = self.jobs[job]
        seconds, watts = self._point(action, now)
        if goes_on is not None:
            devices: Ints | None = goes_on.devices
            self.fleet.give([int(device) for device in goes_on.devices], -own.share)
        else:
            devices = self.fleet.take(action.nodes, own.share)
        if devices is None:
            free = ", ".join(f"{self.nodes[n].name} {self.fleet.free[n]:g}" for n in dict.fromkeys(action.nodes))
            raise self.broken(f"{own.name} does not fit ({own.share:g} of each device; free: {free})", now)
        startup = self.conditions.switch_seconds if self._must_switch[job] else 0.0
        if goes_on is not None:
            startup = max(0.0, goes_on.work - now)
        self._must_switch[job] = True
        if math.isnan(self.started[job]):
            self.started[job] = now
        work = now + startup
        before = float(self.done[job])
        stretch = Stretch(
            job,
            now,
            work,
            devices,
            tuple(action.nodes) if goes_on is None else goes_on.nodes,
            seconds,
            action.cap,
            before,
        )
        self.status[job] = Status.RUNNING
        self.open[job] = stretch
        self._since[job], self._work[job], self._seconds[job] = now, work, seconds
        self.stretches.append(stretch)
        heapq.heappush(self.finishes, (work + (1.0 - before) * seconds, len(self.stretches) - 1, job))
        self._draw(stretch, work, watts)

    def _checked(self, action: Start, now: float) -> int:
        job, nodes = action.job, action.nodes
        if not 0 <= job < len(self.jobs):
            raise self.broken(f"starts job {job}, and there are {len(self.jobs)}", now)
        own = self.jobs[job]
        if self.status[job] != Status.WAITING:
            raise self.broken(f"starts {own.name}, which is {Status(self.status[job]).name.lower()}", now)
        if len(nodes) != own.workers:
            raise self.broken(f"gives {own.name} {len(nodes)} nodes for {own.workers} workers", now)
        for node in nodes:
            if not 0 <= node < len(self.nodes):
                raise self.broken(f"starts {own.name} on node {node}, and there are {len(self.nodes)}", now)
            if node in self.down:
                raise self.broken(f"starts {own.name} on {self.nodes[node].name}, which is down", now)
        types = {self.nodes[node].device for node in nodes}
        if len(types) > 1:
            raise self.broken(f"spreads {own.name} over {', '.join(sorted(types))}: a gang has one type", now)
        return job

    def _point(self, action: Start, now: float) -> tuple[float, float]:
        """Seconds of the whole job and watts of a worker at the operating point of the start."""
        own = self.jobs[action.job]
        device = self.nodes[action.nodes[0]].device
        if action.cap:
            for cap, seconds, watts in own.caps.get(device, ()):
                if cap == action.cap:
                    return seconds, watts
            raise self.broken(f"{own.name} has no power cap of {action.cap:g} W on {device}", now)
        if device not in own.seconds:
            raise self.broken(f"{own.name} cannot run on {device}", now)
        return own.seconds[device], own.watts.get(device, 0.0)

    def _draw(self, stretch: Stretch, work: float, watts: float) -> None:
        self._watts[stretch.job] = watts
        share = self.jobs[stretch.job].share
        for node in stretch.nodes:
            self.reported.change(work, node, watts - share * self.nodes[node].idle_watts)

    def _draw_no_more(self, stretch: Stretch, now: float) -> None:
        watts, share = self._watts[stretch.job], self.jobs[stretch.job].share
        for node in stretch.nodes:
            self.reported.change(max(now, stretch.work), node, share * self.nodes[node].idle_watts - watts)

    def stop(self, job: int, now: float) -> Stretch:
        """Preempt: what is done is kept, the devices are free at once. Answers the stretch that it ends."""
        if not 0 <= job < len(self.jobs) or self.status[job] != Status.RUNNING:
            name = self.jobs[job].name if 0 <= job < len(self.jobs) else f"job {job}"
            raise self.broken(f"stops {name}, which is not running", now)
        stretch = self.open[job]
        self._close(stretch, now, min(1.0, self.done_at(stretch, now)), Cause.STOPPED)
        self._release(stretch, now)
        self.status[job] = Status.WAITING
        return stretch

    def finish(self, stretch: Stretch, at: float) -> None:
        """The job is complete. In rounds its devices stay held until the round ends."""
        self._close(stretch, at, 1.0, Cause.FINISHED)
        self.status[stretch.job] = Status.GONE
        self._hold_or_release(stretch, at)

    def lose(self, node: int, at: float) -> None:
        """A node goes down: gangs with a worker on it fall back to their last checkpoint and wait."""
        self.down[node] = self.down.get(node, 0) + 1
        if self.down[node] > 1:
            return
        for stretch in [own for own in self.open.values() if node in own.nodes]:
            self._close(stretch, at, self._saved(stretch, at), Cause.LOST)
            self.status[stretch.job] = Status.WAITING
            self._hold_or_release(stretch, at)
        self._out.add(node)
        self.fleet.lose(node)
        self.reported.turn(at, node, False)

    def restore(self, node: int, at: float) -> None:
        """A node is back, empty; in rounds it can be used from the next one on."""
        self.down[node] -= 1
        if not self.down[node]:
            del self.down[node]
            self.reported.turn(at, node, True)

    def _saved(self, stretch: Stretch, at: float) -> float:
        """What of the work a checkpoint holds; with no interval given it is saved all the time."""
        every, worked = self.conditions.checkpoint_seconds, max(0.0, at - stretch.work)
        if every == 0:
            return min(1.0, self.done_at(stretch, at))
        kept = 0.0 if math.isinf(every) else math.floor(worked / every + NOISE) * every
        return min(1.0, stretch.before + kept / stretch.seconds)

    def done_at(self, stretch: Stretch, now: float) -> float:
        """Share of the job's work that is done."""
        return stretch.before + max(0.0, now - stretch.work) / stretch.seconds

    def shares_at(self, running: Ints, now: float) -> tuple[Floats, Floats]:
        """Share of work done and seconds served of all jobs, those that run counted up to now."""
        done, served = self.done.copy(), self.served.copy()
        worked = np.maximum(0.0, now - self._work[running]) / self._seconds[running]
        done[running] = np.minimum(1.0, done[running] + worked)
        served[running] += now - self._since[running]
        return done, served

    def _close(self, stretch: Stretch, at: float, after: float, cause: Cause) -> None:
        stretch.end = stretch.freed = at
        stretch.after, stretch.cause = after, cause
        self.done[stretch.job] = after
        self.served[stretch.job] += at - stretch.start
        del self.open[stretch.job]
        self._draw_no_more(stretch, at)

    def _hold_or_release(self, stretch: Stretch, at: float) -> None:
        if self.in_rounds:
            self.held.append(stretch)
        else:
            self._release(stretch, at)

    def settle(self, now: float) -> None:
        """Before a decision: what ended in the round frees its devices, and nodes that are back take part again."""
        for stretch in self.held:
            self._release(stretch, now)
        self.held = []
        for node in sorted(self._out.difference(self.down)):
            self.fleet.restore(node)
            self._out.remove(node)

    def _release(self, stretch: Stretch, now: float) -> None:
        stretch.freed = now
        share = self.jobs[stretch.job].share
        self.fleet.give([int(d) for d in stretch.devices if self.fleet.node_of(int(d)) not in self._out], share)

    def broken(self, problem: str, now: float) -> Broken:
        """The scheduler's fault, by its name."""
        return Broken(self.scheduler, problem, now)
