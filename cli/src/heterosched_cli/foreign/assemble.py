"""From tasks to a manifest: names that Kubernetes takes, templates that are shared, and the limits of the API."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from heterosched.constants import API_VERSION, GROUP
from heterosched_cli.foreign.findings import Findings
from heterosched_cli.foreign.pods import Json, Pod
from heterosched_cli.names import label, labels

LONGEST_TOGETHER: Final = 53
"""Job and task name together (the CRD's rule: the name of a Job's pod holds both)."""
LONGEST_JOB_NAME: Final = 30
LONGEST_TASK_NAME: Final = 52
MOST_TASKS: Final = 500
MOST_TEMPLATES: Final = 64
MOST_WORKERS: Final = 1024
MOST_RETRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for; empty where it says nothing."""

    name: str = ""
    namespace: str = ""
    policy: str = ""


@dataclass(slots=True)
class Task:
    """A task to be: `name` as its author had it, `path` for messages, and the names of those before it."""

    name: str
    path: str
    pod: Pod
    after: list[str] = field(default_factory=list)
    workers: int = 1


@dataclass(slots=True)
class Work:
    """A whole job to be; `spec` are fields beside policy, templates and tasks."""

    name: str
    namespace: str
    source: str
    tasks: list[Task]
    spec: Json


def manifest_of(work: Work, asked: Asked, found: Findings) -> Json:
    """The manifest. Raises Unsupported, with all that was found."""
    name = asked.name or label(work.name, LONGEST_JOB_NAME)
    if not work.tasks:
        found.add("spec", "there is nothing to run", "give it at least one task")
    if len(work.tasks) > MOST_TASKS:
        found.add("spec", f"{len(work.tasks)} tasks, a HeteroJob has at most {MOST_TASKS}", "split it into several")
    names = labels((task.name for task in work.tasks), min(LONGEST_TASK_NAME, LONGEST_TOGETHER - len(name)))
    templates = _Templates()
    tasks = [_task(task, names, templates, found) for task in work.tasks]
    if len(templates.found) > MOST_TEMPLATES:
        problem = f"{len(templates.found)} different pod templates, a HeteroJob has at most {MOST_TEMPLATES}"
        found.add("spec", problem, "let tasks tell themselves apart by $HETEROSCHED_TASK, or split it into several")
    spec: Json = {}
    for key, values in (
        ("policy", [asked.policy] if asked.policy else [task.pod.policy for task in work.tasks]),
        ("priorityClassName", [task.pod.priority_class for task in work.tasks]),
    ):
        spec |= _one(key, values, found)
    found.check()
    metadata: Json = {"name": name}
    if asked.namespace or work.namespace:
        metadata["namespace"] = asked.namespace or work.namespace
    metadata["annotations"] = {f"{GROUP}/source": work.source}
    spec |= {**work.spec, "templates": templates.entries(), "tasks": tasks}
    return {"apiVersion": API_VERSION, "kind": "HeteroJob", "metadata": metadata, "spec": spec}


def _one(key: str, values: list[str], found: Findings) -> Json:
    """What holds for the whole job must be the same for all of its tasks."""
    different = sorted(set(values))
    if len(different) > 1:
        shown = ", ".join(value or "none" for value in different)
        found.add(f"spec.{key}", f"its pods differ in it ({shown}), a HeteroJob has one for all", "make them alike")
    return {key: different[0]} if different and different[0] else {}


def _task(task: Task, names: dict[str, str], templates: _Templates, found: Findings) -> Json:
    if not 1 <= task.workers <= MOST_WORKERS:
        found.add(task.path, f"{task.workers} pods, a task has 1 to {MOST_WORKERS}", "split it into several tasks")
    devices: Json = {"allow": task.pod.devices} if task.pod.devices else {}
    if task.pod.numa:
        devices["numa"] = task.pod.numa
    entry = {
        "name": names[task.name],
        "templateRef": templates.add(names[task.name], task.pod.template),
        "dependsOn": sorted(names[name] for name in task.after),
        "workers": {"min": task.workers} if task.workers > 1 else {},
        "devices": devices,
        "work": {"profile": task.pod.profile} if task.pod.profile else {},
    }
    return {key: value for key, value in entry.items() if value}


class _Templates:
    """Named pod templates; equal ones are one."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def add(self, name: str, template: Json) -> str:
        same = next((known for known, own in self.found.items() if own == template), None)
        if same is None:
            self.found[name] = template
        return same or name

    def entries(self) -> list[Json]:
        return [{"name": name, "template": template} for name, template in self.found.items()]


def is_name(text: str) -> bool:
    """Whether a HeteroJob may be called so."""
    return len(text) <= LONGEST_JOB_NAME and re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", text) is not None
