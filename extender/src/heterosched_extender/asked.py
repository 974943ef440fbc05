"""From a pod to what the terms and the filters need to know of it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import lru_cache
from typing import Final

from heterosched.api.plan_note import PlanNote, decode_note
from heterosched.constants import (
    ANNOTATION_NUMA,
    ANNOTATION_PLAN,
    ANNOTATION_POLICY,
    ANNOTATION_PROFILE,
    LABEL_COMPLETION_INDEX,
    LABEL_TAS_POLICY,
    SCHEDULER_NAME,
)
from heterosched.kube.convert import Problems, demand_of
from heterosched.kube.dra import claims_of
from heterosched.kube.objects import PodObject, PodSpec
from heterosched.kube.topology import aligned_need
from heterosched.model import Demand
from heterosched.model.topology import NO_NEED
from heterosched.policy.decide import Asked
from heterosched.policy.hooks import Occasion, adjusted, plugins
from heterosched.policy.table import DEFAULT, PolicyRow
from heterosched.policy.tas import TasPolicy
from heterosched.policy.terms import Ask
from heterosched_extender.claims import asked_for
from heterosched_extender.snapshot import Figures, Snapshot

_NO_NOTE = PlanNote()
NUMA_WISHES: Final = ("None", "Preferred", "Required")
"""What the annotation of a pod may say, as devices.numa of a task."""


def asked_of(pod: PodObject | None, snapshot: Snapshot, problems: Problems) -> Asked | None:
    """What the pod asks; None for a pod that is not ours, which gets a neutral answer."""
    if pod is None or pod.spec.scheduler_name != SCHEDULER_NAME:
        return None
    annotations = pod.annotations
    remarks: list[str] = []
    note = _note(annotations, remarks)
    row = _policy(
        note.policy if note is not _NO_NOTE else annotations.get(ANNOTATION_POLICY, DEFAULT), snapshot, remarks
    )
    figures = _figures(note, pod, snapshot, remarks)
    demand = _demand(pod, problems)
    wish = _numa_wish(pod, remarks, problems)
    claimed = asked_for(claims_of(pod), snapshot.claims) if pod.spec.resource_claims else 0.0
    asks = wish or snapshot.zones is not None
    need = aligned_need(pod.spec, f"Pod {pod.key}", problems) if asks else NO_NEED
    ask = Ask(
        row=row,
        gpus=max(demand.gpus, claimed),
        cores=demand.cpu,
        seconds=figures.seconds,
        watts=figures.watts,
        planned=snapshot.roster.rows(_planned(note, pod)),
        planned_device=note.device,
        inputs=snapshot.roster.rows(note.input_nodes),
        memory=demand.memory,
        need=need.claiming(max(claimed, 1.0) if wish == "Required" and pod.spec.resource_claims else claimed),
        numa=wish in ("Preferred", "Required"),
        tas=_tas(pod, snapshot, remarks),
    )
    return Asked(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        uid=pod.metadata.uid,
        ask=ask,
        allowed=frozenset((note.device, *note.seconds)) if note.device and note.seconds else frozenset(),
        numa_required=wish == "Required",
        origin=figures.origin,
        remarks=tuple(remarks),
        job=note.job,
        task=note.task,
        because=note.because,
    )


def _numa_wish(pod: PodObject, remarks: list[str], problems: Problems) -> str:
    """What the pod's annotation says of NUMA alignment; what it cannot mean has no effect, and is told."""
    wish = pod.annotations.get(ANNOTATION_NUMA, "")
    if wish in ("", *NUMA_WISHES):
        return wish
    problem = f"the annotation {ANNOTATION_NUMA} is {wish!r}, none of {', '.join(NUMA_WISHES)}: it is not used"
    remarks.append(problem)
    problems.add(f"Pod {pod.key}", problem)
    return ""


_recent: deque[tuple[PodSpec, Demand]] = deque(maxlen=8)
"""Demands worked out last: the pods of a job come together, and their specs are equal."""


def _demand(pod: PodObject, problems: Problems) -> Demand:
    for spec, demand in _recent:
        if spec == pod.spec:
            return demand
    before = problems.count
    demand = demand_of(pod, problems)
    if problems.count == before:  # else each pod's trouble is to be told
        _recent.appendleft((pod.spec, demand))
    return demand


def hooked(asked: Asked, now: float) -> Asked:
    """The pod by the weights that its policy's hook gives it at `now` (epoch seconds); a policy without one stays."""
    ask = asked.ask
    if not ask.row.hook:
        return asked
    occasion = Occasion(asked.namespace, now, ask.gpus, ask.cores, ask.seconds, ask.watts, ask.planned_device)
    row, effect = adjusted(ask.row, occasion, plugins().hooks)
    return replace(asked, ask=replace(ask, row=row), hook=effect)


def _note(annotations: dict[str, str], remarks: list[str]) -> PlanNote:
    text = annotations.get(ANNOTATION_PLAN)
    if text is None:
        return _NO_NOTE
    note = _decoded(text)
    if note is None:
        remarks.append(f"the annotation {ANNOTATION_PLAN} cannot be read by this version and is not used")
        return _NO_NOTE
    return note


@lru_cache(maxsize=1024)
def _decoded(text: str) -> PlanNote | None:
    """All pods of a task carry the same text."""
    return decode_note({ANNOTATION_PLAN: text})


def _figures(note: PlanNote, pod: PodObject, snapshot: Snapshot, remarks: list[str]) -> Figures:
    """Seconds and watts by device type: those of the plan, else of the profile that the pod names.

    Figures that cannot be (no time at all, negative power) are absent like those that nobody gave.
    """
    name, namespace = pod.annotations.get(ANNOTATION_PROFILE), pod.metadata.namespace
    if note.seconds or not name:
        seconds = {device: value for device, value in note.seconds.items() if value > 0}
        for device, source in note.scaled.items():
            remarks.append(f"the run time on {device} was scaled from that on {source}: low confidence")
        return Figures(seconds, {device: value for device, value in note.watts.items() if value >= 0}, "plan")
    found = snapshot.profiles.get((namespace, name))
    if found is None:
        remarks.append(f"no ThroughputProfile {name} in namespace {namespace}: speed and energy are absent")
        return Figures({}, {}, "")
    return Figures(found.seconds, found.watts, f"profile {name} ({found.origin})")


def _policy(name: str, snapshot: Snapshot, remarks: list[str]) -> PolicyRow:
    row = snapshot.policies.get(name)
    if row is None:
        remarks.append(f"there is no policy {name}: {DEFAULT} stands in for it")
        return snapshot.policies[DEFAULT]
    return row


def _tas(pod: PodObject, snapshot: Snapshot, remarks: list[str]) -> TasPolicy | None:
    """The TASPolicy of the pod's namespace that its label names."""
    name = pod.labels.get(LABEL_TAS_POLICY)
    if not name:
        return None
    found = snapshot.tas.get((pod.metadata.namespace, name))
    if found is None:
        where = f"in namespace {pod.metadata.namespace}" if snapshot.tas else "in the cluster, nor any other"
        remarks.append(f"the label {LABEL_TAS_POLICY} names {name}; there is no such TASPolicy {where}: it is not used")
    return found


def _planned(note: PlanNote, pod: PodObject) -> tuple[str, ...]:
    """The planned node of this worker; without a usable index any node of the plan will do."""
    text = pod.labels.get(LABEL_COMPLETION_INDEX) or pod.annotations.get(LABEL_COMPLETION_INDEX, "")
    if text.isascii() and text.isdigit() and int(text) < len(note.nodes):
        return (note.nodes[int(text)],)
    return note.nodes
