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
from heterosched.policy.decide import Case
from heterosched.policy.decision import Decision
from heterosched.policy.explain import explain
from heterosched.policy.hooks import HookEffect
from heterosched.policy.nodes import Roster, Scene
from heterosched.policy.record_arrays import (
    Column,
    Measured,
    Nodes,
    Wire,
    arrays_of,
    column,
    floats,
    measured_of,
    nodes_of,
    sensors_of,
)
from heterosched.policy.record_pod import Pod, asked_of, pod_of
from heterosched.policy.remarks import refused
from heterosched.policy.table import PolicyRow
from heterosched.policy.zone_record import Held, Zones, check_zones, held_of, reserved_of, zones_of
from heterosched.policy.zone_record import arrays_of as zone_arrays_of

FORMAT: Final = 2
"""Grows when a reader of the old form would misread the new one."""

MOST_NODES: Final = 20_000
"""Four times what Kubernetes supports in one cluster; a record is then below 6 MB."""


class Record(Wire, frozen=True, kw_only=True):
    """A whole case. `policy` is the row as it was used, after its hook; `policies` are all that the cluster had."""

    format: int
    version: str
    decision: Decision
    pod: Pod
    policy: PolicyRow
    hook: HookEffect | None
    policies: dict[str, PolicyRow]
    nodes: Nodes
    zones: Zones | None = None
    reserved: Held | None = None
    sensors: dict[str, Measured]
    telemetry_error: str
    refused: dict[str, str] = {}
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
        pod=pod_of(case.asked),
        policy=case.asked.ask.row,
        hook=case.asked.hook,
        policies=dict(scene.policies),
        nodes=nodes_of(scene),
        zones=zones_of(scene.zones),
        reserved=held_of(case.reserved),
        sensors=measured_of(scene),
        telemetry_error=scene.telemetry_error,
        refused=refused(case),
        candidates=case.rows.tolist(),
        hinted=None if case.hinted is None else column(case.hinted),
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
    scene = Scene(
        roster=Roster.of(0, record.nodes.names),
        nodes=arrays_of(record.nodes),
        zones=zone_arrays_of(record.zones),
        sensors=sensors_of(record.sensors),
        telemetry_error=record.telemetry_error,
        refused=record.refused,
        policies=record.policies,
    )
    return Case(
        scene=scene,
        asked=asked_of(record.pod, record.policy, record.hook),
        rows=np.array(record.candidates, dtype=np.int64),
        rejected=record.rejected,
        unknown=record.unknown,
        strict=record.strict,
        filtered_at=record.filtered_at,
        scored_at=record.scored_at,
        hinted=None if record.hinted is None else floats(record.hinted),
        bound=record.bound,
        reserved=reserved_of(record.reserved),
    )


def _check(record: Record, name: str) -> None:
    """A record that was cut or edited by hand must not decide anything by accident."""
    count = len(record.nodes.names)
    columns: Mapping[str, Iterable[object]] = {
        **{f"nodes.{field}": getattr(record.nodes, field) for field in record.nodes.__struct_fields__[2:-1]},
        **{f"sensors.{metric}.values": own.values for metric, own in record.sensors.items()},
        **{f"sensors.{metric}.sampled": own.sampled for metric, own in record.sensors.items()},
        **({} if record.hinted is None else {"hinted": record.hinted}),
    }
    for field, entries in columns.items():
        if (length := len(list(entries))) != count:
            raise InvalidInput(name, field, f"has {length} entries for {count} nodes", "take the record anew")
    rows = [*record.candidates, *record.pod.planned, *record.pod.inputs]
    known = [*record.candidates, *(() if record.reserved is None else record.reserved.rows)]
    if any(not -1 <= row < count for row in (*rows, *known)) or min(known, default=0) < 0:
        raise InvalidInput(name, "candidates", f"a row is not one of the {count} nodes", "take the record anew")
    if any(not 0 <= device < len(record.nodes.devices) for device in record.nodes.device):
        raise InvalidInput(name, "nodes.device", "an entry is none of nodes.devices", "take the record anew")
    check_zones(record.zones, record.reserved, count, name)
    if not any(record.policy.weights.values()):
        raise InvalidInput(name, "policy.weights", "all are zero", "take the record anew")
