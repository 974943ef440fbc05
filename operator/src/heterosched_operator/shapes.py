"""Whether a pod template has the shape of one, as far as the operator itself builds on it.

The CRD keeps pod specs as they are written, and a dry run can only be asked about a Job that could be built: so a list
where a mapping belongs has to be named here, with its field and what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heterosched.api import HeteroJob
from heterosched.errors import InvalidInput

_AS_IN_A_POD: Final = "write it as in a pod"
_ENV: Final = "write a list of entries such as {name: KEY, value: text}"
_GATES: Final = "write a list of entries such as {name: example.com/gate}"
_TERMS: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_WISHES: Final = "preferredDuringSchedulingIgnoredDuringExecution"

_Containers = list[tuple[str, Mapping[str, Any]]]


class _Reader:
    """Reads parts of a job's template; each method raises InvalidInput that names the job and the field."""

    def __init__(self, job: str) -> None:
        self._job = job

    def mapping(self, value: object, field: str) -> Mapping[str, Any]:
        """A mapping; absent is empty."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise InvalidInput(self._job, field, f"{value!r} is no mapping", _AS_IN_A_POD)
        return value

    def items(self, value: object, field: str, remedy: str = _AS_IN_A_POD) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(field, entry) of a list of mappings; absent is empty."""
        if value is None:
            return
        if not isinstance(value, list):
            raise InvalidInput(self._job, field, f"{value!r} is no list", remedy)
        for number, entry in enumerate(value):
            if not isinstance(entry, Mapping):
                raise InvalidInput(self._job, f"{field}[{number}]", f"{entry!r} is no mapping", remedy)
            yield f"{field}[{number}]", entry

    def named(self, value: object, field: str, remedy: str) -> None:
        """A list of mappings that have a name each."""
        for where, entry in self.items(value, field, remedy):
            if not isinstance(entry.get("name"), str) or not entry["name"]:
                raise InvalidInput(self._job, f"{where}.name", f"{entry.get('name')!r} is no name", remedy)


def check_shapes(job: HeteroJob) -> None:
    """Raises InvalidInput for the first part of a template, or environment of a variant, that nothing can be built on.

    The error names the job, the field and the remedy.
    """
    reader = _Reader(job.label)
    for template in job.spec.templates:
        field = f"spec.templates[{template.name}].template"
        metadata = reader.mapping(template.template.get("metadata"), f"{field}.metadata")
        for part in ("labels", "annotations"):
            reader.mapping(metadata.get(part), f"{field}.metadata.{part}")
        _check_pod(reader, reader.mapping(template.template.get("spec"), f"{field}.spec"), f"{field}.spec")
    for task in job.spec.tasks:
        for variant in task.variants:
            name = variant.name or ",".join(variant.devices)
            reader.named(variant.env, f"spec.tasks[{task.name}].variants[{name}].env", _ENV)


def _check_pod(reader: _Reader, spec: Mapping[str, Any], field: str) -> None:
    reader.named(spec.get("schedulingGates"), f"{field}.schedulingGates", _GATES)
    for kind in ("containers", "initContainers"):
        for where, container in reader.items(spec.get(kind), f"{field}.{kind}"):
            reader.named(container.get("env"), f"{where}.env", _ENV)
            resources = reader.mapping(container.get("resources"), f"{where}.resources")
            for part in ("requests", "limits"):
                reader.mapping(resources.get(part), f"{where}.resources.{part}")
    _check_affinity(reader, reader.mapping(spec.get("affinity"), f"{field}.affinity"), f"{field}.affinity")


def _check_affinity(reader: _Reader, affinity: Mapping[str, Any], field: str) -> None:
    field = f"{field}.nodeAffinity"
    own = reader.mapping(affinity.get("nodeAffinity"), field)
    required = reader.mapping(own.get(_TERMS), f"{field}.{_TERMS}")
    for where, term in reader.items(required.get("nodeSelectorTerms"), f"{field}.{_TERMS}.nodeSelectorTerms"):
        for _ in reader.items(term.get("matchExpressions"), f"{where}.matchExpressions"):
            pass
    for _ in reader.items(own.get(_WISHES), f"{field}.{_WISHES}"):
        pass
