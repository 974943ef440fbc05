"""The exception tree. Each class says who can mend it and whether trying again helps.

HeteroSchedError
├── InvalidInput        somebody must edit an object; trying again is pointless
│   ├── InvalidQuantity   a number, duration or time that cannot be read
│   └── InvalidGraph      tasks that form no acyclic graph: cycle, unknown dependency
├── Unplaceable         no node of the cluster could ever run it; a new node or an edit helps
└── Unavailable         something outside did not answer; trying again helps
"""

from __future__ import annotations


class HeteroSchedError(Exception):
    """Root of all errors that HeteroSched raises on purpose."""


class InvalidInput(HeteroSchedError):
    """An object that cannot be used as it is: names the object, the field, the problem and the remedy.

    `object` is `Kind namespace/name` or a file; `field` a path such as `spec.tasks[train].dependsOn`.
    """

    def __init__(self, object: str, field: str, problem: str, remedy: str = "") -> None:
        self.object, self.field, self.problem, self.remedy = object, field, problem, remedy
        where = f"{object}: {field}" if field else object
        super().__init__(f"{where}: {problem}" + (f"; {remedy}" if remedy else ""))


class InvalidQuantity(InvalidInput):
    """A Kubernetes quantity, duration or RFC 3339 time that cannot be read, or is NaN, infinite or out of range."""


class InvalidGraph(InvalidInput):
    """The tasks do not form a directed acyclic graph; the culprit is spelled out."""


class Unplaceable(HeteroSchedError):
    """No node of the cluster could ever run the task, even when idle: says what is missing."""

    def __init__(self, task: str, missing: str) -> None:
        self.task, self.missing = task, missing
        super().__init__(f"task {task}: {missing}")


class Unavailable(HeteroSchedError):
    """The API server, Prometheus or another process did not answer; the caller tries again later."""
