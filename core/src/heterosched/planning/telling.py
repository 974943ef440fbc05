"""What is told of a job that has been placed: its plan with reasons, verdict, shares and everything beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from heterosched.model import Assignment, Schedule, TaskGraph
from heterosched.planning.because import DUE, WEIGHING, because
from heterosched.planning.board import Board
from heterosched.planning.due import (
    EARLY_SECONDS,
    WAITING_FOR_DEADLINE_SLACK,
    WAITING_FOR_DEVICE,
    WAITING_FOR_GANG,
)
from heterosched.planning.ledger import Ledger
from heterosched.planning.market import Sized
from heterosched.planning.placing import Placing, Way
from heterosched.planning.prepared import Prepared
from heterosched.planning.progress import WAITING
from heterosched.planning.training import JPS, Trainer
from heterosched.planning.types import JobPlan, PlanRequest, Point, Restart
from heterosched.planning.verdict import sacrifice, verdict


@dataclass(slots=True)
class Placed:
    """A job with the way that it has been given so far. `calm`: it keeps the places of the last plan. `needs`: the
    device that no node offers to one of its tasks, where an autoscaler can bring it; empty else.
    """

    placing: Placing
    way: Way
    frontier: tuple[Point, ...] = ()
    baseline: Schedule | None = None
    calm: bool = False
    needs: str = ""


class Teller:
    """Makes plans of placed jobs. `ledger`: what all of them take; tasks that are to be created without a place are
    entered there.
    """

    def __init__(self, request: PlanRequest, board: Board, trainer: Trainer, ledger: Ledger) -> None:
        self._request, self._board, self._trainer, self._ledger = request, board, trainer, ledger

    def plan(self, own: Placed, sized: Mapping[str, Sized], restarts: Mapping[str, Restart]) -> JobPlan:
        """The plan of a job, with everything that is said about it."""
        job, way, fixed = own.placing.job, own.way, own.placing.fixed
        given = {name: one.assignment for name, one in sized.items()}
        running = {n: one for n, one in job.fixed.items() if job.state.progress.get(n, WAITING).state != "Succeeded"}
        schedule = Schedule({**running, **given, **way.schedule.assignments}, way.schedule.ranks)
        missing = tuple(name for name in schedule.assignments if not job.graph.tasks[name].known)
        told = "" if missing or own.placing.left else verdict(job.deadline, job.budget, schedule, fixed)
        baseline = own.baseline
        waiting = dict.fromkeys(own.placing.left, WAITING_FOR_DEVICE) | self._waiting(job, way, told)
        wanted = self._pending(own, waiting)
        pending, refused = self._ledger.granted(job, wanted, way.schedule.assignments.values())
        return JobPlan(
            JPS if sized and not way.schedule.assignments else job.strategy,
            job.graph,
            schedule,
            replace(baseline, assignments={**running, **baseline.assignments}) if baseline is not None else None,
            _critical_path(job, own.placing.graph, schedule),
            missing,
            self._held(way),
            verdict=f"NeedsDevice: {own.needs}" if own.needs else told,
            shares=self._trainer.shares(job, schedule, sized),
            waiting={**waiting, **{name: reason for name, (reason, _) in refused.items()}},
            limits={**way.limits, **{name: limit for name, (_, limit) in refused.items()}},
            because=_because(job, way, sized, self._request.previous.get(job.key), self._trainer.unsized),
            frontier=own.frontier,
            sacrifice=sacrifice(job.budget, own.frontier, own.placing.point(way)),
            avoided=job.avoided,
            cornered=job.cornered,
            gap_percent=_gap(sized),
            restarts=restarts,
            pending=pending,
        )

    def _held(self, way: Way) -> tuple[str, ...]:
        """Tasks that wait for nodes, power or quota that are held until further notice."""
        late = (name for name, own in way.schedule.assignments.items() if own.start >= self._board.horizon)
        return tuple(name for name in late if self._ledger.endless or name in way.waiting)

    def _waiting(self, job: Prepared, way: Way, told: str) -> dict[str, str]:
        """Why tasks whose inputs are there start later, where it is not simply that their nodes are busy."""
        found = dict(way.waiting)
        gangs = {task.name for task in job.state.job.spec.tasks if task.workers.gang}
        for name, own in way.schedule.assignments.items():
            if name in found or own.start <= self._request.now + EARLY_SECONDS or not job.ready(name):
                continue
            task = job.live.tasks[name]
            if own.option.workers > 1:
                if name in gangs and self._board.soonest(task, own.option)[0] <= 0:
                    found[name] = WAITING_FOR_GANG
            elif told == "Feasible" and job.deadline is not None:
                others = (option for option in task.options if option != own.option and option.workers == 1)
                if any(self._board.soonest(task, option)[0] <= 0 for option in others):
                    found[name] = WAITING_FOR_DEADLINE_SLACK
        return found

    def _pending(self, own: Placed, waiting: Mapping[str, str]) -> list[Assignment]:
        """Tasks that wait for nothing but a device type that can be brought. No gangs: their pods are gated, which no
        autoscaler looks at.
        """
        job, places, found = own.placing.job, own.way.schedule.assignments, []
        gangs = {task.name for task in job.state.job.spec.tasks if task.workers.gang}
        for name in job.open if job.row.autoscaled and not job.suspended else ():
            started = job.state.progress.get(name, WAITING).state != "Waiting"
            if started or name in gangs or not job.ready(name):
                continue
            if name in own.placing.left:
                options = [one for one in job.live.tasks[name].options if one.device in job.row.autoscaled]
            elif name in places and places[name].start > self._request.now + EARLY_SECONDS:
                options = [places[name].option] if places[name].option.device in job.row.autoscaled else []
            else:
                continue
            if options and waiting.get(name, WAITING_FOR_DEVICE) == WAITING_FOR_DEVICE:
                found.append(self._ledger.placeless(name, min(options, key=lambda option: option.seconds)))
        return found


def _because(
    job: Prepared, way: Way, sized: Mapping[str, Sized], before: JobPlan | None, unsized: Mapping[str, str]
) -> dict[str, str]:
    """The reasons by task. One that keeps its place keeps its reason: that is why it was put there. `unsized`: why JPS
    left training to the strategy.
    """
    found = {name: own.because for name, own in sized.items()}
    for name, own in way.schedule.assignments.items():
        last = before.schedule.assignments.get(name) if before is not None else None
        same = last is not None and (last.nodes, last.option) == (own.nodes, own.option)
        rule = way.rule or (DUE if job.deadline is not None else "")
        told = before.because.get(name, "") if before is not None and same else ""
        if not told:
            told = because(job.live.tasks[name], own, job.objective, job.strategy, rule)
            left = unsized.get(f"{job.key}/{name}")
            told += f"; not sized by JPS: {left}" if left else ""
            told += _weighed(job, own)
        found[name] = told
    return found


def _weighed(job: Prepared, own: Assignment) -> str:
    """How dear the energy is where the task goes, if the policy had nodes compared by that."""
    if not job.rates or job.objective.energy <= 0 or job.strategy not in WEIGHING:
        return ""
    rate = sum(job.rates.get(node, 1.0) for node in own.nodes) / len(own.nodes)
    return f"; by {job.row.weigh_energy_by.lower()} a joule counts {rate:.2g} times the mean of all nodes there"


def _gap(sized: Mapping[str, Sized]) -> float | None:
    """The largest gap of the job's sized tasks; None where there is none, or one is not known."""
    gaps = [own.gap_percent for own in sized.values()]
    return None if None in gaps else max((gap for gap in gaps if gap is not None), default=None)


def _critical_path(job: Prepared, graph: TaskGraph, schedule: Schedule) -> tuple[str, ...]:
    """The longest chain by the planned run times; finished tasks count with the time that was planned for them."""
    if not graph.tasks:
        return ()
    seconds = {name: own.option.seconds for name, own in (*job.fixed.items(), *schedule.assignments.items())}
    return graph.critical_path(seconds)
