"""What goes on of a job that an uninstallation has suspended: attempts that have begun, and nothing else.

A suspension that the owner asks for stops everything. One that only says that nobody serves the job any more must not
cost what has been done: bound pods need neither operator nor scheduler. Pure; the uninstallation and an operator that
still runs, or runs again, judge by the same rule.
"""

from __future__ import annotations

from heterosched.api import HeteroJob
from heterosched.constants import ANNOTATION_SUSPENDED_BY
from heterosched_operator import gangs
from heterosched_operator.sight import Sight, succeeded_indices


def left_by(job: HeteroJob) -> str:
    """Who has suspended the job in place of its owner; empty where nobody has."""
    return job.metadata.annotations.get(ANNOTATION_SUSPENDED_BY, "") if job.spec.suspend else ""


def begun(job: HeteroJob, task: str, sight: Sight) -> bool:
    """Whether an attempt runs and is left to it: something of it is bound, of a gang every member.

    The members of a gang that is bound in part hold their devices and wait for others that nobody will place.
    """
    if not any(pod.spec.node_name for pod in sight.pods):
        return False
    gang = any(own.name == task and own.workers.gang for own in job.spec.tasks)
    return not gang or gangs.bound(sight) or bool(succeeded_indices(sight))
