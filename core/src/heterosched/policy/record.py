"""A decision on the wire with everything that it depended on, so that it can be made again elsewhere, or differently.

One JSON object of at most 300 bytes per node of the cluster and a few kilobytes besides (columns, so that names are
written once). Clusters beyond `MOST_NODES` are refused rather than cut: a replay on part of the nodes would be another
decision. Floats are written in full, null stands for NaN: what is read is what was written, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import numpy as np

from heterosched.errors import InvalidInput
from heterosched.policy.decide import Asked, Case
from heterosched.policy.decision import Decision
from heterosched.policy.explain import explain
from heterosched.policy.hooks import HookEffect
from heterosched.policy.nodes import Floats, NodeArrays, Roster, Scene, Sensor, Shape
from heterosched.policy.table import PolicyRow
from heterosched.policy.terms import Ask

FORMAT: Final = 1
"""Grows when a reader of the old form would misread the new one."""

MOST_NODES: Final = 20_000
"""Four times what Kubernetes supports in one cluster; a record is then below 6 MB."""

Column = list[float | None]


class _Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Camel case, as everywhere in our JSON."""


class Nodes(_Wire, frozen=True, kw_only=True):
    """`NodeArrays` and the names of the nodes."""

    names: tuple[str, ...]
    devices: tuple[str, ...]
    device: list[int]
    cores: Column
    memory: Column
    gpus: Column
    free_cores: Column
    free_memory: Column
    free_gpus: Column
    asleep: list[bool]
    idle_watts: Column
    shapes: tuple[Shape, ...] = ()


class Measured(_Wire, frozen=True, kw_only=True):
    """One metric of all nodes; `sampled` in epoch seconds."""

    values: Column
    sampled: Column


class Pod(_Wire, frozen=True, kw_only=True):
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
    origin: str = ""
    remarks: tuple[str, ...] = ()
    job: str = ""
    task: str = ""
    because: str = ""


class Record(_Wire, frozen=True, kw_only=True):
    """A whole case. `policy` is the row as it was used, after its hook; `policies` are all that the cluster had."""

    format: int
    version: str
    decision: Decision
    pod: Pod
    policy: PolicyRow
    hook: HookEffect | None
    policies: dict[str, PolicyRow]
    nodes: Nodes
    sensors: dict[str, Measured]
    telemetry_error: str
    candidates: list[int]
    hinted: Column | None
    rejected: dict[str, str]
    unknown: tuple[str, ...]
    strict: bool
    filtered_at: float
    scored_at: float
    bound: str


class _Format(msgspec.Struct):
    format: int = 0


def encode_record(case: Case, version: str) -> bytes:
    """The case and its explanation as JSON; `version` is that of the program. Raises InvalidInput (too many nodes)."""
    scene = case.scene
    if len(scene.nodes) > MOST_NODES:
        problem = f"the cluster has {len(scene.nodes)} nodes, a record holds {MOST_NODES}"
        raise InvalidInput("record", "nodes", problem, "ask for the explanation (format=json) instead")
    record = Record(
        format=FORMAT,
        version=version,
        decision=explain(case),
        pod=_pod(case.asked),
        policy=case.asked.ask.row,
        hook=case.asked.hook,
        policies=dict(scene.policies),
        nodes=_nodes(scene),
        sensors={
            metric: Measured(values=_column(sensor.values), sampled=_column(sensor.sampled))
            for metric, sensor in scene.sensors.items()
        },
        telemetry_error=scene.telemetry_error,
        candidates=case.rows.tolist(),
        hinted=None if case.hinted is None else _column(case.hinted),
        rejected=dict(case.rejected),
        unknown=case.unknown,
        strict=case.strict,
        filtered_at=case.filtered_at,
        scored_at=case.scored_at,
        bound=case.bound,
    )
    return msgspec.json.encode(record)


def decode_record(text: bytes, name: str) -> Record:
    """Read a record; `name` is how errors call it. Raises InvalidInput (another format, no record, does not add up)."""
    remedy = "write it with GET /v1/decisions/NAMESPACE/POD?format=record, or heterosched what-if --save"
    try:
        found = msgspec.json.decode(text, type=_Format).format
        if found != FORMAT:
            raise InvalidInput(name, "format", f"is {found}, this program reads {FORMAT}", remedy)
        record = msgspec.json.decode(text, type=Record)
    except (msgspec.MsgspecError, UnicodeError) as error:
        problem, _, where = str(error).partition(" - at `$")
        raise InvalidInput(name, where.rstrip("`").lstrip("."), f"it is no record: {problem}", remedy) from error
    _check(record, name)
    return record


def case_of(record: Record) -> Case:
    """The case that a record holds."""
    pod, nodes = record.pod, record.nodes
    sensors = {
        metric: sensor
        for metric, measured in record.sensors.items()
        if (sensor := Sensor.of(_floats(measured.values), _floats(measured.sampled))) is not None
    }
    ask = Ask(
        row=record.policy,
        gpus=pod.gpus,
        cores=pod.cores,
        seconds=pod.seconds,
        watts=pod.watts,
        planned=pod.planned,
        planned_device=pod.planned_device,
        inputs=pod.inputs,
        memory=pod.memory,
    )
    asked = Asked(
        pod.namespace,
        pod.name,
        pod.uid,
        ask,
        frozenset(pod.allowed),
        pod.numa_required,
        pod.origin,
        pod.remarks,
        pod.job,
        pod.task,
        pod.because,
        record.hook,
    )
    return Case(
        scene=Scene(
            roster=Roster.of(0, nodes.names),
            nodes=_arrays(nodes),
            sensors=sensors,
            telemetry_error=record.telemetry_error,
            policies=record.policies,
        ),
        asked=asked,
        rows=np.array(record.candidates, dtype=np.int64),
        rejected=record.rejected,
        unknown=record.unknown,
        strict=record.strict,
        filtered_at=record.filtered_at,
        scored_at=record.scored_at,
        hinted=None if record.hinted is None else _floats(record.hinted),
        bound=record.bound,
    )


def _pod(asked: Asked) -> Pod:
    ask = asked.ask
    return Pod(
        namespace=asked.namespace,
        name=asked.name,
        uid=asked.uid,
        gpus=ask.gpus,
        cores=ask.cores,
        memory=ask.memory,
        seconds=dict(ask.seconds),
        watts=dict(ask.watts),
        planned=ask.planned,
        planned_device=ask.planned_device,
        inputs=ask.inputs,
        allowed=tuple(sorted(asked.allowed)),
        numa_required=asked.numa_required,
        origin=asked.origin,
        remarks=asked.remarks,
        job=asked.job,
        task=asked.task,
        because=asked.because,
    )


def _nodes(scene: Scene) -> Nodes:
    nodes = scene.nodes
    return Nodes(
        names=scene.roster.names,
        devices=nodes.devices,
        device=nodes.device.tolist(),
        cores=_column(nodes.cores),
        memory=_column(nodes.memory),
        gpus=_column(nodes.gpus),
        free_cores=_column(nodes.free_cores),
        free_memory=_column(nodes.free_memory),
        free_gpus=_column(nodes.free_gpus),
        asleep=nodes.asleep.tolist(),
        idle_watts=_column(nodes.idle_watts),
        shapes=nodes.shapes,
    )


def _arrays(nodes: Nodes) -> NodeArrays:
    return NodeArrays(
        devices=nodes.devices,
        device=np.array(nodes.device, dtype=np.int64),
        cores=_floats(nodes.cores),
        memory=_floats(nodes.memory),
        gpus=_floats(nodes.gpus),
        free_cores=_floats(nodes.free_cores),
        free_memory=_floats(nodes.free_memory),
        free_gpus=_floats(nodes.free_gpus),
        asleep=np.array(nodes.asleep, dtype=np.bool_),
        idle_watts=_floats(nodes.idle_watts),
        shapes=nodes.shapes,
    )


def _column(values: Floats) -> Column:
    """msgspec writes NaN as null."""
    found: Column = values.tolist()
    return found


def _floats(column: Column) -> Floats:
    return np.array([np.nan if value is None else value for value in column], dtype=np.float64)


def _check(record: Record, name: str) -> None:
    """A record that was cut or edited by hand must not decide anything by accident."""
    count = len(record.nodes.names)
    columns: Mapping[str, Iterable[object]] = {
        **{f"nodes.{field}": getattr(record.nodes, field) for field in record.nodes.__struct_fields__[2:-1]},
        **{f"sensors.{metric}.values": own.values for metric, own in record.sensors.items()},
        **{f"sensors.{metric}.sampled": own.sampled for metric, own in record.sensors.items()},
        **({} if record.hinted is None else {"hinted": record.hinted}),
    }
    for field, column in columns.items():
        if (length := len(list(column))) != count:
            raise InvalidInput(name, field, f"has {length} entries for {count} nodes", "take the record anew")
    rows = [*record.candidates, *record.pod.planned, *record.pod.inputs]
    if any(not -1 <= row < count for row in rows) or min(record.candidates, default=0) < 0:
        raise InvalidInput(name, "candidates", f"a row is not one of the {count} nodes", "take the record anew")
    if any(not 0 <= device < len(record.nodes.devices) for device in record.nodes.device):
        raise InvalidInput(name, "nodes.device", "an entry is none of nodes.devices", "take the record anew")
    if not any(record.policy.weights.values()):
        raise InvalidInput(name, "policy.weights", "all are zero", "take the record anew")
