"""For schedulers: the free devices of a view as a scratch pad, reckoned the way the simulator gives them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from heterosched_lab.simulate.fleet import NOISE, Fleet
from heterosched_lab.simulate.types import SimJob, View


class Places:
    """What a decision has left free so far. Nodes are indices of `view.nodes`.

    `stopped`: running jobs whose devices count as free, since the decision stops them. One that shall go on where it is
    after all is given its own devices by `keep`, before any `take` or `find`, as the simulator does it: there, too, a
    job that is started on the nodes it had keeps its devices.
    """

    def __init__(self, view: View, stopped: Iterable[int] = ()) -> None:
        self._fleet, self._view = Fleet(view.nodes), view
        self._by_device = {
            device: [n for n, node in enumerate(view.nodes) if node.device == device and n not in view.lost]
            for device in view.devices
        }
        self._known: dict[tuple[str, float], tuple[int, list[tuple[int, int]]]] = {}
        self._fleet.room[:] = view.room
        self._fleet.free[:] = view.free
        for job in stopped:
            self._fleet.give([int(device) for device in view.held[job]], view.jobs[job].share)

    def keep(self, job: int) -> None:
        """A stopped job takes its own devices again: stopped and started on the same nodes it has never stopped."""
        self._known.clear()
        self._fleet.give([int(device) for device in self._view.held[job]], -self._view.jobs[job].share)

    @property
    def free(self) -> list[float]:
        """Devices, in shares, free on each node."""
        return [float(value) for value in self._fleet.free]

    def take(self, job: SimJob, nodes: Sequence[int]) -> bool:
        """Take a device on each of the nodes; False, and nothing taken, where it does not fit."""
        self._known.clear()
        return self._fleet.take(nodes, job.share) is not None

    def find(self, job: SimJob, device: str) -> tuple[int, ...] | None:
        """Take a place on devices of a type: the node that is left fullest, else the fewest nodes; None: no room."""
        left = job.workers
        total, open_nodes = self._open(device, job.share)
        if total < left:
            return None
        whole = [(slots, n) for n, slots in open_nodes if slots >= left]
        nodes = (min(whole)[1],) * left if whole else self._spread(open_nodes, left)
        self.take(job, nodes)
        return nodes

    def _open(self, device: str, share: float) -> tuple[int, list[tuple[int, int]]]:
        """Nodes of a type with room for such workers, for how many each and together; kept until something is taken."""
        found = self._known.get((device, share))
        if found is None:
            slots = [(n, self._slots(n, share)) for n in self._by_device.get(device, ())]
            open_nodes = [(n, count) for n, count in slots if count]
            found = self._known[device, share] = (sum(count for _, count in open_nodes), open_nodes)
        return found

    def _spread(self, open_nodes: Sequence[tuple[int, int]], left: int) -> tuple[int, ...]:
        nodes: list[int] = []
        for node, slots in sorted(open_nodes, key=lambda own: (-own[1], own[0])):
            nodes += [node] * min(slots, left - len(nodes))
        return tuple(nodes)

    def _slots(self, node: int, share: float) -> int:
        """Workers of this share that the node's devices have room for."""
        if self._fleet.free[node] < share - NOISE:
            return 0
        low, high = int(self._fleet.first[node]), int(self._fleet.first[node + 1])
        room = self._fleet.room[low:high]
        return int(np.floor(room / share + NOISE).sum())
