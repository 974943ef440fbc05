"""Frugal: the fewest watts, counting what is opened for later and what is spoilt for good.

Ours. PWR (Lettich et al., CCGrid 2025) charges a pod for a whole socket or GPU that it opens, and gives nothing for the
room in it; FGD (Weng et al., USENIX ATC 2023) asks of each typical shape whether one more pod fits, so it sees cores
run short beside free GPUs when they have. Here a placement costs, in watts,

    watts added - watts opened that expected pods will use + `lost_gpu_watts` x (GPUs lost + GPUs fragmented).

Opened: cores that are free in sockets that are awake, and what is free on GPUs that are shared, each counted by how
much of it the typical shapes can fill. Lost: what filling the node with the typical shapes, one after the other, would
have used before and does not any more (`Typical.usable`). Fragmented: FGD's measure. A GPU that is lost has to be made
up for by opening another one, so it is given about the price of one (A10: 120 W).
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.adapter import PackingStrategy
from heterosched.algorithms.packing.base import Highest, Outlook
from heterosched.algorithms.packing.fleet import MILLI, Fleet, Floats, Ints, Ways
from heterosched.algorithms.packing.typical import Typical
from heterosched.algorithms.packing.watts import WattTable
from heterosched.model.devices import SOCKET_BUSY_WATTS, SOCKET_IDLE_WATTS

LOST_GPU_WATTS = 150.0
"""Price of a GPU that no expected pod can use any more, in watts (chosen on seeds 1000 to 1005 of openb's default)."""


class Frugal(Highest):
    """Fewest watts in the long run."""

    name = "frugal"

    def __init__(self, lost_gpu_watts: float = LOST_GPU_WATTS) -> None:
        self._price = lost_gpu_watts

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """One component: minus the watts."""
        typical, watts = outlook.typical, outlook.watts
        cost = watts.increase(fleet, ways) - opened(fleet, ways, typical, watts)
        cost += self._price / MILLI * (typical.lost(fleet, ways) + typical.spoilt(fleet, ways))
        return -np.round(cost, 6)[None, :]


def opened(fleet: Fleet, ways: Ways, typical: Typical, watts: WattTable) -> Floats:
    """Watts of what each way opens, or less what it fills, as far as expected pods will use it."""
    model, used = fleet.model[ways.node], (fleet.cores - fleet.free_cores)[ways.node]
    pods, refill = typical.state(typical.pods, fleet), typical.state(typical.refill, fleet)
    cores_before = _fillable_cores(typical, pods, watts.slack(fleet), fleet.model)
    slack = watts.slack_of(fleet.cores[ways.node], used + ways.cores)
    cores_after = _fillable_cores(typical, typical.after(typical.pods, fleet, ways), slack, model)
    sockets = (SOCKET_BUSY_WATTS - SOCKET_IDLE_WATTS) / watts.socket * (cores_after - cores_before[ways.node])
    before = _fillable_shares(typical, refill, fleet.free_cores, fleet.model)
    left = fleet.free_cores[ways.node] - ways.cores
    after = _fillable_shares(typical, typical.after(typical.refill, fleet, ways), left, model)
    found: Floats = sockets + watts.opened[model] / MILLI * (after - before[ways.node])
    return found


def _fillable_cores(typical: Typical, pods: Ints, slack: Ints, model: Ints) -> Floats:
    """Thousandths of the awake cores that the expected pod would fill, if a GPU is there for it."""
    some = np.where(typical.count > 0, pods // np.maximum(typical.count, 1), slack)
    fit = np.minimum(slack // np.maximum(typical.cores, 1), some) * typical.allowed[:, model]
    found: Floats = (fit * (typical.cores * typical.weight)).sum(axis=0)
    return found


def _fillable_shares(typical: Typical, refill: Ints, cores: Ints, model: Ints) -> Floats:
    """Thousandths of shared GPUs that the expected pod would fill, if the cores are there for it."""
    fits = (cores >= typical.cores) & typical.allowed[:, model]
    found: Floats = (refill * fits * typical.weight).sum(axis=0)
    return found


class FrugalStrategy(PackingStrategy):
    """Tasks as they come, each by the fewest watts in the long run."""

    name = "frugal"
    policy = Frugal
