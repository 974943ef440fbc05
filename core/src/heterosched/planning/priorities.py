"""Whether the PriorityClasses that a job names are there: asked where jobs are accepted and where they are tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from heterosched.api import HeteroJob
from heterosched.errors import InvalidInput


def check_priority_classes(job: HeteroJob, known: Collection[str]) -> None:
    """Raises InvalidInput for a class that the job, or where it names none a template of its, names and that is not
    among those `known` to the cluster.
    """
    named: dict[str, object] = {"spec.priorityClassName": job.spec.priority_class_name}
    if not job.spec.priority_class_name:
        for template in job.spec.templates:
            own = template.template.get("spec")
            if isinstance(own, Mapping):
                named[f"spec.templates[{template.name}].template.spec.priorityClassName"] = own.get("priorityClassName")
    for field, name in named.items():
        if name and str(name) not in known:
            remedy = f"create it or name one of: {', '.join(sorted(known)) or 'none yet'}"
            raise InvalidInput(job.label, field, f"there is no PriorityClass {name!r}", remedy)
