"""From a HeteroJob to its task graph: options per task, edges from dependencies and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heterosched.api import HeteroJob, TaskSpec, ThroughputProfile
from heterosched.api.heterojob import Data
from heterosched.errors import InvalidGraph, InvalidInput
from heterosched.model import Cluster, Edge, Task, TaskGraph
from heterosched.planning.options import build_task
from heterosched.planning.selection import Selection
from heterosched.units import Quantity, parse_quantity

Profiles = Mapping[tuple[str, str], ThroughputProfile]


def build_graph(
    job: HeteroJob,
    cluster: Cluster,
    profiles: Profiles,
    selection: Selection | None = None,
    selector: Mapping[str, str] | None = None,
) -> TaskGraph:
    """The job as a graph. `selection`: of the cluster's nodes, shared by many jobs. `selector`: labels of the nodes
    that its policy allows.

    Raises InvalidInput or InvalidGraph, which name the job, the field and the remedy.
    """
    select = selection or Selection(cluster.nodes)
    specs: dict[str, TaskSpec] = {}
    for spec in job.spec.tasks:
        if spec.name in specs:
            raise InvalidGraph(job.label, f"spec.tasks[{spec.name}]", "the name is used twice", "rename one of them")
        specs[spec.name] = spec
    nodes: dict[str, frozenset[str] | None] = {}
    for entry in job.spec.templates:
        field = f"spec.templates[{entry.name}].template"
        nodes[entry.name] = select(entry.template, job.label, field, selector or {})
    tasks = [_task(job, spec, cluster, profiles, nodes) for spec in job.spec.tasks]
    edges = [edge for spec in job.spec.tasks for edge in _edges(job, spec, specs)]
    return TaskGraph.build(tasks, edges, job.label)


def template_of(job: HeteroJob, spec: TaskSpec) -> dict[str, Any]:
    """The pod template that the task names. Raises InvalidInput with the known names."""
    template = next((entry.template for entry in job.spec.templates if entry.name == spec.template_ref), None)
    if template is None:
        field, known = f"spec.tasks[{spec.name}].templateRef", ", ".join(entry.name for entry in job.spec.templates)
        problem = f"there is no template {spec.template_ref!r}"
        raise InvalidInput(job.label, field, problem, f"add it to spec.templates or name one of: {known or 'none yet'}")
    return template


def profile_of(job: HeteroJob, spec: TaskSpec, profiles: Profiles) -> ThroughputProfile | None:
    """The profile that the task names, if it is there."""
    return profiles.get((job.metadata.namespace, spec.work.profile)) if spec.work.profile else None


def _task(
    job: HeteroJob, spec: TaskSpec, cluster: Cluster, profiles: Profiles, selection: Mapping[str, frozenset[str] | None]
) -> Task:
    template, profile = template_of(job, spec), profile_of(job, spec, profiles)
    external = sum(
        _size(job, spec, data.size, f"inputs[{data.name}].size")
        for data in spec.inputs
        if not data.from_ and data.moves
    )
    return build_task(spec, template, cluster, profile, job.label, selection[spec.template_ref], external)


def _edges(job: HeteroJob, spec: TaskSpec, specs: Mapping[str, TaskSpec]) -> Iterator[Edge]:
    """One edge per producer, with the bytes of all inputs that come from it; an input implies the dependency."""
    moved = dict.fromkeys(spec.depends_on, 0.0)
    for data in spec.inputs:
        if data.from_:
            moved[data.from_] = moved.get(data.from_, 0.0) + _moved_bytes(job, spec, data, specs)
    for producer, size in moved.items():
        yield Edge(producer, spec.name, size)


def _moved_bytes(job: HeteroJob, spec: TaskSpec, data: Data, specs: Mapping[str, TaskSpec]) -> float:
    """Bytes of an input: nothing where its output names no mechanism that moves it."""
    field = f"inputs[{data.name}]"
    where = f"spec.tasks[{spec.name}].{field}"
    producer = specs.get(data.from_ or "")
    if producer is None:
        problem = f"unknown task {data.from_!r}"
        raise InvalidGraph(job.label, f"{where}.from", problem, "name one of the job's tasks")
    output = next((output for output in producer.outputs if output.name == data.name), None)
    if output is None:
        names = ", ".join(output.name for output in producer.outputs) or "none"
        problem = f"task {producer.name!r} has no output {data.name!r}"
        raise InvalidInput(job.label, where, problem, f"add it to its outputs (now: {names}) or correct the name")
    own = _size(job, spec, data.size, f"{field}.size")
    given = _size(job, producer, output.size, f"outputs[{output.name}].size")
    return (own if data.size is not None else given) if output.moves else 0.0


def _size(job: HeteroJob, spec: TaskSpec, size: Quantity | None, field: str) -> float:
    if size is None:
        return 0.0
    return parse_quantity(size, object=job.label, field=f"spec.tasks[{spec.name}].{field}")
