"""From a pod to what the terms and the filters need to know of it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from heterosched.api.plan_note import PlanNote, decode_note
from heterosched.constants import (
    ANNOTATION_NUMA,
    ANNOTATION_PLAN,
    ANNOTATION_POLICY,
    ANNOTATION_PROFILE,
    LABEL_COMPLETION_INDEX,
    SCHEDULER_NAME,
)
from heterosched.kube.convert import Problems, demand_of
from heterosched.kube.objects import PodObject
from heterosched.policy.decide import Asked
from heterosched.policy.hooks import Occasion, adjusted, plugins
from heterosched.policy.table import DEFAULT, PolicyRow
from heterosched.policy.terms import Ask
from heterosched_extender.snapshot import Figures, Snapshot

_NO_NOTE = PlanNote()


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
    demand = demand_of(pod, problems)
    ask = Ask(
        row=row,
        gpus=demand.gpus,
        cores=demand.cpu,
        seconds=figures.seconds,
        watts=figures.watts,
        planned=snapshot.roster.rows(_planned(note, pod)),
        planned_device=note.device,
        inputs=snapshot.roster.rows(note.input_nodes),
        memory=demand.memory,
    )
    return Asked(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        uid=pod.metadata.uid,
        ask=ask,
        allowed=frozenset((note.device, *note.seconds)) if note.device and note.seconds else frozenset(),
        numa_required=annotations.get(ANNOTATION_NUMA) == "Required",
        origin=figures.origin,
        remarks=tuple(remarks),
        job=note.job,
        task=note.task,
        because=note.because,
    )


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


def _planned(note: PlanNote, pod: PodObject) -> tuple[str, ...]:
    """The planned node of this worker; without a usable index any node of the plan will do."""
    text = pod.labels.get(LABEL_COMPLETION_INDEX) or pod.annotations.get(LABEL_COMPLETION_INDEX, "")
    if text.isascii() and text.isdigit() and int(text) < len(note.nodes):
        return (note.nodes[int(text)],)
    return note.nodes
