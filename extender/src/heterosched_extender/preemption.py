"""The protocol of `/preempt`: which nodes a pod could have if pods there were evicted, and what we think of each.

The scheduler chooses the victims by its own filters, which know nothing of ours; so it may offer to evict pods from a
node that would be turned down afterwards all the same. Such nodes are struck out. Victims are named by UID in
`nodeCacheCapable` mode, else sent whole; the answer names them by UID in either case. Source: k8s.io/kube-scheduler
extender/v1 types.go (ExtenderPreemptionArgs, ExtenderPreemptionResult).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from heterosched.kube.objects import PodObject
from heterosched_extender.wire import UNREADABLE, BadCall


class _MetaPod(msgspec.Struct, frozen=True, gc=False):
    upper: str = msgspec.field(default="", name="UID")
    lower: str = msgspec.field(default="", name="uid")

    @property
    def uid(self) -> str:
        return self.upper or self.lower


class _Identity(msgspec.Struct, frozen=True, gc=False):
    uid: str = ""


class _WholePod(msgspec.Struct, frozen=True, gc=False):
    metadata: _Identity = _Identity()

    @property
    def uid(self) -> str:
        return self.metadata.uid


class _MetaVictims(msgspec.Struct):
    upper_pods: list[_MetaPod | None] | None = msgspec.field(default=None, name="Pods")
    upper_violations: int = msgspec.field(default=0, name="NumPDBViolations")
    pods: list[_MetaPod | None] | None = None
    violations: int = msgspec.field(default=0, name="numPDBViolations")


class _Victims(msgspec.Struct):
    upper_pods: list[_WholePod | None] | None = msgspec.field(default=None, name="Pods")
    upper_violations: int = msgspec.field(default=0, name="NumPDBViolations")
    pods: list[_WholePod | None] | None = None
    violations: int = msgspec.field(default=0, name="numPDBViolations")


class _Args(msgspec.Struct):
    upper_pod: PodObject | None = msgspec.field(default=None, name="Pod")
    upper_meta: dict[str, _MetaVictims | None] | None = msgspec.field(default=None, name="NodeNameToMetaVictims")
    upper_whole: dict[str, _Victims | None] | None = msgspec.field(default=None, name="NodeNameToVictims")
    pod: PodObject | None = None
    meta: dict[str, _MetaVictims | None] | None = msgspec.field(default=None, name="nodeNameToMetaVictims")
    whole: dict[str, _Victims | None] | None = msgspec.field(default=None, name="nodeNameToVictims")


_args = msgspec.json.Decoder(_Args)


@dataclass(frozen=True, slots=True)
class Victims:
    """UIDs of the pods to be evicted from a node, and how many disruption budgets that would break."""

    uids: tuple[str, ...]
    violations: int = 0


@dataclass(frozen=True, slots=True)
class PreemptionCall:
    """A decoded call; nodes by name, exactly as they came."""

    pod: PodObject | None
    nodes: Mapping[str, Victims]


def decode_preemption(body: bytes) -> PreemptionCall:
    """Read a call in either casing and either cache mode. Raises BadCall."""
    try:
        args = _args.decode(body)
    except UNREADABLE as error:
        raise BadCall(f"the body is no ExtenderPreemptionArgs: {error}") from error
    given = args.upper_meta or args.meta or args.upper_whole or args.whole or {}
    return PreemptionCall(args.upper_pod or args.pod, {name: _victims(found) for name, found in given.items()})


def _victims(found: _MetaVictims | _Victims | None) -> Victims:
    if found is None:
        return Victims(())
    pods = found.upper_pods or found.pods or ()
    return Victims(tuple(pod.uid for pod in pods if pod is not None), found.upper_violations or found.violations)


def preemption_answer(nodes: Mapping[str, Victims]) -> bytes:
    """An ExtenderPreemptionResult."""
    meta = {
        name: {"Pods": [{"UID": uid} for uid in victims.uids], "NumPDBViolations": victims.violations}
        for name, victims in nodes.items()
    }
    return msgspec.json.encode({"NodeNameToMetaVictims": meta})
