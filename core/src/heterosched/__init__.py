"""HeteroSched's decision core: the pure library that operator, extender, simulator and command line share.

    from heterosched import PlanRequest, TaskGraph, plan, strategy

Time is in seconds, energy in joules, power in watts, memory and data in bytes, all as floats; other units are converted
at the edge (`heterosched.units`). Only `heterosched.kube` and `heterosched.telemetry` do I/O.

The names below are loaded when they are first asked for, so that a program pays for what it uses. There is no Task
among them: it is `heterosched.model.Task`, where it cannot be mistaken for anybody else's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heterosched.algorithms.base import Objective, Problem, Strategy, strategies, strategy
    from heterosched.algorithms.check import Totals, check, totals
    from heterosched.errors import HeteroSchedError, InvalidInput, Unavailable, Unplaceable
    from heterosched.model import (
        Assignment,
        Cluster,
        Demand,
        DeviceType,
        Edge,
        Link,
        Node,
        Option,
        PowerModel,
        Reservation,
        Schedule,
        TaskGraph,
        Telemetry,
        ThroughputModel,
    )
    from heterosched.planning.planner import plan
    from heterosched.planning.types import JobPlan, JobState, PlanRequest
    from heterosched.policy.table import PolicyRow

__version__ = "0.1.0"

__all__ = [
    "Assignment",
    "Cluster",
    "Demand",
    "DeviceType",
    "Edge",
    "HeteroSchedError",
    "InvalidInput",
    "JobPlan",
    "JobState",
    "Link",
    "Node",
    "Objective",
    "Option",
    "PlanRequest",
    "PolicyRow",
    "PowerModel",
    "Problem",
    "Reservation",
    "Schedule",
    "Strategy",
    "TaskGraph",
    "Telemetry",
    "ThroughputModel",
    "Totals",
    "Unavailable",
    "Unplaceable",
    "__version__",
    "check",
    "plan",
    "strategies",
    "strategy",
    "totals",
]

_HOMES = {
    "heterosched.algorithms.base": ("Objective", "Problem", "Strategy", "strategies", "strategy"),
    "heterosched.algorithms.check": ("Totals", "check", "totals"),
    "heterosched.errors": ("HeteroSchedError", "InvalidInput", "Unavailable", "Unplaceable"),
    "heterosched.planning.planner": ("plan",),
    "heterosched.planning.types": ("JobPlan", "JobState", "PlanRequest"),
    "heterosched.policy.table": ("PolicyRow",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_HOME.get(name, "heterosched.model")), name)
    globals()[name] = found
    return found
