"""The pod of a record: what was asked, on the wire and back."""

from __future__ import annotations

from heterosched.model.topology import Need
from heterosched.policy.decide import Asked
from heterosched.policy.hooks import HookEffect
from heterosched.policy.record_arrays import Wire
from heterosched.policy.table import PolicyRow
from heterosched.policy.tas import TasPolicy
from heterosched.policy.terms import Ask

SAME = ("gpus", "cores", "memory", "planned", "planned_device", "inputs", "numa", "tas")
"""Fields of `Ask` that are written as they are."""

ABOUT = ("namespace", "name", "uid", "numa_required", "origin", "remarks", "job", "task", "because")
"""Fields of `Asked` that are written as they are."""


class Pod(Wire, frozen=True, kw_only=True):
    """What was asked. `planned`, `inputs`: rows of nodes, -1 for one that was gone."""

    namespace: str
    name: str
    uid: str
    gpus: float
    cores: float
    memory: float
    seconds: dict[str, float] = {}
    watts: dict[str, float] = {}
    planned: tuple[int, ...] = ()
    planned_device: str = ""
    inputs: tuple[int, ...] = ()
    allowed: tuple[str, ...] = ()
    numa_required: bool = False
    numa: bool = False
    need: dict[str, float] = {}
    roams: bool = False
    tas: TasPolicy | None = None
    origin: str = ""
    remarks: tuple[str, ...] = ()
    job: str = ""
    task: str = ""
    because: str = ""


def pod_of(asked: Asked) -> Pod:
    """What was asked as it is written; the policy's row and its hook's effect stand in the record itself."""
    ask = asked.ask
    return Pod(
        **{name: getattr(ask, name) for name in SAME},
        **{name: getattr(asked, name) for name in ABOUT},
        seconds=dict(ask.seconds),
        watts=dict(ask.watts),
        allowed=tuple(sorted(asked.allowed)),
        need=dict(ask.need.amounts),
        roams=ask.need.roams,
    )


def asked_of(pod: Pod, row: PolicyRow, hook: HookEffect | None) -> Asked:
    """What was asked, by the row that was used."""
    same = {name: getattr(pod, name) for name in SAME}
    ask = Ask(row=row, seconds=pod.seconds, watts=pod.watts, need=Need(pod.need, pod.roams), **same)
    about = {name: getattr(pod, name) for name in ABOUT}
    return Asked(ask=ask, allowed=frozenset(pod.allowed), hook=hook, **about)
