"""Who takes part in B2 and B3, by name: peers of our own making, JPS, and ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from heterosched.algorithms.rounds import IndexPolicy, Ints, Turn
from heterosched_lab.gavel.allocation import finish_time_fairness, las, max_min_fairness, min_makespan
from heterosched_lab.gavel.jps import JpsRounds
from heterosched_lab.gavel.makespan import MakespanPlanner
from heterosched_lab.gavel.mechanism import Fifo, Mechanism
from heterosched_lab.gavel.turns import Decide, InRounds

OURS, OURS_BLIND, OURS_MAKESPAN, JPS = "index", "index_blind", "round_plan", "jps"
FAIR = "max_min_fairness"
LP = "min_makespan"
PEERS = ("fifo", "las", FAIR, "finish_time_fairness", LP)
STATIC_ENTRANTS = (*PEERS, JPS, OURS, OURS_BLIND, OURS_MAKESPAN)
CONTINUOUS_ENTRANTS = (*PEERS, JPS, OURS, OURS_BLIND)


class _Index:
    """The policy of the decision core; which rows of the trace the jobs are is nothing to it."""

    def __init__(self) -> None:
        self._policy = IndexPolicy()

    def __call__(self, turn: Turn, jobs: Ints) -> Ints:
        """The device type of each job for the next round, or IDLE."""
        return self._policy.decide(turn)


_DECIDES: Mapping[str, Callable[[int, float], Decide]] = MappingProxyType(
    {
        "fifo": lambda seed, switch: Fifo(seed),
        "las": lambda seed, switch: Mechanism(las),
        FAIR: lambda seed, switch: Mechanism(max_min_fairness),
        "finish_time_fairness": lambda seed, switch: Mechanism(finish_time_fairness),
        LP: lambda seed, switch: Mechanism(min_makespan),
        JPS: lambda seed, switch: JpsRounds(seed, restart_seconds=switch),
        OURS: lambda seed, switch: _Index(),
        OURS_BLIND: lambda seed, switch: _Index(),
        OURS_MAKESPAN: lambda seed, switch: MakespanPlanner(switch),
    }
)


def entrant(name: str, seed: int, switch_seconds: float) -> InRounds:
    """A fresh scheduler by its name; the seed is FIFO's lot for device types and JPS's for sampling."""
    return InRounds(name, _DECIDES[name](seed, switch_seconds), blind=name == OURS_BLIND)
