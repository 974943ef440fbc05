"""The workers that JPS may give: room on nodes that stays free from now on, and what the tasks are told they got."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heterosched.errors import HeteroSchedError
from heterosched.jps import Answer, Links, Placement, TrainingJob, Worker, build_instance, solve
from heterosched.model import CPU, Assignment, Demand, Node, Option
from heterosched.model.cluster import EPSILON
from heterosched.planning.asking import Asking
from heterosched.planning.because import because_sized
from heterosched.planning.board import Board
from heterosched.planning.due import WAITING_FOR_POWER
from heterosched.planning.pools import Pool
from heterosched.planning.prepared import Prepared

SEED = 0
"""JPS samples with a generator of this seed each time, so that the same question has the same answer."""

MOST_LINKED = 320
"""Jobs x nodes up to which JPS tells links within a node from those between nodes: a few seconds."""

Pools = Callable[[Prepared], Sequence[Pool]]


@dataclass(frozen=True, slots=True)
class Sized:
    """A training task with its workers. `shares`: samples by worker; `gap_percent`: how far the answer that it is part
    of is above the best possible at most, by what the policy seeks; None where nothing is proven.
    """

    assignment: Assignment
    shares: tuple[int, ...]
    because: str
    gap_percent: float | None


class Market:
    """Offers what is free on a board to groups of tasks whose workers take the same number of GPUs."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def slots(self, group: Sequence[Asking], seconds: float = math.inf) -> list[Worker]:
        """Room for one worker each, of any task of the group, that stays free from now on for so many seconds."""
        need = Demand(
            max(own.demand.cpu for own in group),
            max(own.demand.memory for own in group),
            max(own.demand.gpus for own in group),
        )
        devices = {device for own in group for device in own.ways}
        most = sum(own.spec.workers.most for own in group)
        return [
            Worker(f"{node.name}/{number}", node.name, device)
            for node in self._board.cluster.nodes
            if node.ready and (device := offered(node, need)) in devices
            for number in range(min(most, self._room(node, need, seconds)))
        ]

    def alike(self, askings: Iterable[Asking]) -> list[list[Asking]]:
        """The tasks in groups for which every node has the same number of slots, in the order in which they come.

        A slot has to do for every task of its group, so one that asks for many cores or bytes would cost slim ones
        slots if it were in theirs; where GPUs alone are short, all whose workers take as many are together.
        """
        rooms: dict[Demand, tuple[int, ...]] = {}
        found: dict[tuple[float, tuple[int, ...]], list[Asking]] = defaultdict(list)
        for own in askings:
            need = own.demand
            if need not in rooms:
                nodes = (node for node in self._board.cluster.nodes if node.ready)
                rooms[need] = tuple(self._room(node, need, 0.0) for node in nodes)
            found[(need.gpus, rooms[need])].append(own)
        return list(found.values())

    def _room(self, node: Node, need: Demand, seconds: float) -> int:
        row = self._board.timeline.rows[self._board.timeline.positions[node.name]]
        found = math.inf
        for time, free in zip(row.times, row.free, strict=True):
            if time > 0.0 and time >= seconds:
                break
            for have, wanted in zip(free, (need.cpu, need.memory, need.gpus), strict=True):
                if wanted > 0:
                    found = min(found, (have + EPSILON) // wanted)
        return max(0, int(found)) if found < math.inf else 0

    def free(self, own: Assignment) -> bool:
        """Whether the nodes have room for all workers from now until they end."""
        rows, places, seconds = self._board.timeline.rows, self._board.timeline.positions, own.finish - self._board.now
        return all(
            rows[places[node]].earliest(0.0, seconds, own.option.demand.times(count)) <= 0.0
            for node, count in Counter(own.nodes).items()
        )

    def soonest(self, asking: Asking, seconds: float) -> Assignment | None:
        """Where the fewest workers of a task, of whatever device types it may mix, first find room for so long; None
        where they never do.
        """
        need, least = asking.demand, asking.spec.workers.min
        rows, places = self._board.timeline.rows, self._board.timeline.positions
        allowed = asking.nodes
        steps = {
            node.name: rows[places[node.name]].workers(0.0, seconds, need, least)
            for node in self._board.cluster.nodes
            if node.ready and offered(node, need) in asking.ways and (allowed is None or node.name in allowed)
        }
        for start in sorted({start for own in steps.values() for start, _ in own}):
            nodes: list[str] = []
            for name, own in steps.items():
                count = [count for begin, count in own if begin <= start][-1]
                nodes += [name] * min(count, least - len(nodes))
            if len(nodes) == least:
                way = next(iter(asking.ways.values()))
                option = Option(way.device, seconds, way.demand, asking.watts(way.device), least, way.variant)
                begin = self._board.now + start
                return Assignment(asking.spec.name, option, tuple(nodes), begin, begin + seconds)
        return None

    def affordable(self, slots: list[Worker], group: Sequence[Asking], pools: Pools) -> list[Worker]:
        """The slots that may all be busy under every cap; those with the most samples per joule come first."""
        caps = {id(pool): pool for own in group for pool in pools(own.job) if pool.reason == WAITING_FOR_POWER}
        if not caps:
            return slots

        def economy(slot: Worker) -> float:
            able = [own for own in group if slot.device in own.ways]
            return max(own.figures[slot.device].value / max(own.watts(slot.device), 1e-9) for own in able)

        copies, kept = [pool.copy() for pool in caps.values()], []
        for slot in sorted(slots, key=economy, reverse=True):
            watts = max(own.watts(slot.device) for own in group if slot.device in own.ways)
            option = Option(slot.device, self._board.horizon - self._board.now, Demand(), watts)
            if all(pool.earliest(0.0, 0.0, option, (slot.node,)) <= 0.0 for pool in copies):
                kept.append(slot)
                for pool in copies:
                    pool.take(0.0, math.inf, option, (slot.node,))
        return kept

    def solved(
        self,
        group: Sequence[Asking],
        jobs: Sequence[TrainingJob],
        slots: Sequence[Worker],
        running: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """What JPS answers by the parameters of the first task's policy; None where it cannot be asked."""
        try:
            instance = build_instance(
                jobs,
                slots,
                {own.name: own.speeds() for own in group},
                links=self._links(jobs, slots),
                nodes={own.name: names for own in group if (names := own.nodes) is not None},
                running=running,
            )
            return solve(instance, group[0].job.row.jps, np.random.default_rng(SEED))
        except HeteroSchedError:
            return None

    def _links(self, jobs: Sequence[TrainingJob], slots: Sequence[Worker]) -> Links:
        """The network between nodes, and none within one, as the cluster has it; on many nodes the network everywhere,
        which is the cautious figure and keeps alike workers of different nodes interchangeable.
        """
        between, nodes = self._board.cluster.link.bytes_per_second, [slot.node for slot in slots]
        if len(jobs) * len(set(nodes)) > MOST_LINKED:
            return Links(between)
        return Links.by_node(nodes, math.inf, between)

    def told(self, asking: Asking, placement: Placement, slots: Iterable[Worker], answer: Answer) -> Sized:
        """The task's assignment: of its device types the one with most workers stands for all in the option."""
        slots = list(slots)
        kinds = Counter(slot.device for slot in slots)
        lead = max(kinds, key=lambda device: (kinds[device], asking.figures[device].value))
        seconds = placement.rounded_seconds
        figure, way = asking.figures[lead], asking.ways[lead]
        watts = sum(asking.watts(slot.device) for slot in slots) / len(slots)
        origin = figure.origin if figure.watts is not None else "estimated"
        source = next((known for kind in kinds if (known := asking.figures[kind].scaled_from)), "")
        drawn = {slot.node: asking.watts(slot.device) for slot in slots} if len(kinds) > 1 else {}
        unlike = tuple(drawn.items())
        option = Option(
            lead, seconds, way.demand, watts, len(slots), way.variant, origin, source, unlike, figure.percent
        )
        now, launch = self._board.now, self._board.launch
        nodes = tuple(slot.node for slot in slots)
        own = Assignment(asking.spec.name, option, nodes, now, now + launch + seconds)
        devices = {slot.node: slot.device for slot in slots}
        told = because_sized(own, devices, placement.equal_seconds, f"JPS: {answer.reason}")
        return Sized(own, placement.shares, told, answer.score_gap_percent)


def offered(node: Node, need: Demand) -> str:
    """The device type that a worker of this demand gets on the node."""
    return node.device if need.gpus > 0 else CPU
