"""What a fleet draws, by the share of each GPU that is in use and by the CPU sockets that are awake.

The model of F. Lettich et al., "Power- and Fragmentation-aware Online Scheduling for GPU Datacenters" (CCGrid 2025,
arXiv 2412.17484): a GPU draws its idle power while nothing uses it and its board power as soon as anything does; a CPU
socket of 16 physical cores (32 threads) draws 120 W with a busy core, else 15 W. `curved` takes measured points instead
of the step, as a share of the way from idle to busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from heterosched.algorithms.packing.fleet import MILLI, Fleet, Floats, Ints, Ways
from heterosched.model.devices import SOCKET_BUSY_WATTS, SOCKET_IDLE_WATTS
from heterosched.model.power import PowerModel

SOCKET = 32 * MILLI
"""Thousandths of cores, as Kubernetes counts them (threads), of a socket."""


@dataclass(frozen=True, eq=False)
class WattTable:
    """Watts of one GPU, models x thousandths that are free on it; the last column: of a GPU that is not there."""

    gpu: Floats
    socket: int = SOCKET
    opened: Floats = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "opened", self.gpu[:, 0] - self.gpu[:, MILLI])

    @classmethod
    def of(cls, models: Sequence[PowerModel], *, curved: bool = False, socket: int = SOCKET) -> WattTable:
        """From power models: their busy watts for any use, or (`curved`) what they draw at the share in use."""
        table = np.zeros((len(models), MILLI + 2))
        for row, model in enumerate(models):
            busy = [model.watts(1 - free / MILLI if curved else 1.0) for free in range(MILLI)]
            table[row, : MILLI + 1] = [*busy, model.watts(0.0)]
        return cls(table, socket)

    def busy_sockets(self, used: Ints) -> Ints:
        """Sockets with a busy core, where cores fill one after the other."""
        return -(-used // self.socket)

    def fleet(self, fleet: Fleet) -> Floats:
        """Watts of each node."""
        busy, sockets = self.busy_sockets(fleet.cores - fleet.free_cores), self.busy_sockets(fleet.cores)
        gpus = self.gpu[fleet.model[:, None], fleet.free].sum(axis=1)
        found: Floats = gpus + busy * SOCKET_BUSY_WATTS + (sockets - busy) * SOCKET_IDLE_WATTS
        return found

    def increase(self, fleet: Fleet, ways: Ways) -> Floats:
        """Watts that each way adds to its node."""
        model, used = fleet.model[ways.node], (fleet.cores - fleet.free_cores)[ways.node]
        gpu = self.gpu[model, ways.taken - ways.milli] - self.gpu[model, ways.taken]
        sockets = self.busy_sockets(used + ways.cores) - self.busy_sockets(used)
        found: Floats = ways.count * gpu + sockets * (SOCKET_BUSY_WATTS - SOCKET_IDLE_WATTS)
        return found

    def slack(self, fleet: Fleet) -> Ints:
        """Thousandths of cores that are free in sockets that are awake anyway."""
        return self.slack_of(fleet.cores, fleet.cores - fleet.free_cores)

    def slack_of(self, cores: Ints, used: Ints) -> Ints:
        """The same for so many cores used of so many."""
        return np.minimum(self.busy_sockets(used) * self.socket, cores) - used
