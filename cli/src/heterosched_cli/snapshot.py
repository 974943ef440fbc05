"""`heterosched snapshot`: what a plan of a live cluster rests on, in one file that `what-if --cluster` can replay.

What no plan reads is left out of pod templates (commands, arguments, environment), and so are annotations but the plan
note: the file is meant to be sent to somebody.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from heterosched.api import HeteroJob, SchedulingPolicy, ThroughputProfile
from heterosched.constants import ANNOTATION_PLAN, ANNOTATION_POLICY
from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.kube.client import Kube
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.kube.topology import TopologyObject
from heterosched.units import format_time, parse_time
from heterosched_cli.devices import Devices, ask_devices
from heterosched_cli.files import read_bytes, title_of
from heterosched_cli.output import note, warn
from heterosched_cli.places import Extenders

KIND: Final = "ClusterSnapshot"
VERSION: Final = 1
KEPT = frozenset({ANNOTATION_PLAN, ANNOTATION_POLICY})
UNREAD = ("command", "args", "env", "envFrom", "volumeMounts", "livenessProbe", "readinessProbe", "lifecycle")
MOST_NODES = 20_000
Json = dict[str, Any]
Read = TypeVar("Read", bound=msgspec.Struct)


class Head(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is read first, so that a file of a newer program is refused by its version and not by its fields."""

    kind: str = ""
    version: int = 0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The file. `taken_at`: RFC 3339. `priorities`: of PriorityClasses by name; `devices`: as an extender told."""

    kind: str = KIND
    version: int = VERSION
    taken_at: str
    nodes: list[NodeObject]
    pods: list[PodObject] = []
    hetero_jobs: list[HeteroJob] = []
    throughput_profiles: list[ThroughputProfile] = []
    scheduling_policies: list[SchedulingPolicy] = []
    topologies: list[TopologyObject] = []
    priorities: dict[str, int] = {}
    devices: Devices | None = None

    @property
    def at(self) -> float:
        """When it was taken, in epoch seconds. Raises InvalidQuantity."""
        return parse_time(self.taken_at, object="the snapshot", field="takenAt")


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot of a file, `-` being standard input. Raises InvalidInput that names file, field and remedy."""
    name, text = title_of(path), read_bytes(path)
    again = "take it anew with heterosched snapshot"
    try:
        head = msgspec.json.decode(text, type=Head)
    except (msgspec.DecodeError, UnicodeError) as error:
        problem = f"is no snapshot (JSON of `heterosched snapshot`; the YAML of `plan --cluster` is another): {error}"
        raise InvalidInput(name, "", problem, again) from error
    if head.kind != KIND:
        raise InvalidInput(name, "kind", f"is {head.kind!r}, not {KIND!r}", again)
    if head.version != VERSION:
        newer = "update this program" if head.version > VERSION else again
        raise InvalidInput(name, "version", f"is {head.version}, this program reads {VERSION}", newer)
    try:
        found = msgspec.json.decode(text, type=Snapshot)
    except msgspec.ValidationError as error:
        raise InvalidInput(name, *_place(error), again) from error
    try:
        _ = found.at
    except HeteroSchedError as error:
        raise InvalidInput(name, "takenAt", f"{found.taken_at!r} is no time", again) from error
    if not found.nodes:
        raise InvalidInput(name, "nodes", "there is none in it", again)
    return found


def _place(error: msgspec.ValidationError) -> tuple[str, str]:
    """Field and problem."""
    problem, _, where = str(error).partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    missing = re.fullmatch(r"Object missing required field `(.+)`", problem)
    return (f"{field}.{missing[1]}".lstrip("."), "is not there") if missing else (field, problem)


def write_snapshot(kubeconfig: Path | None, context: str, extenders: Extenders) -> None:
    """Print the snapshot of the live cluster. Raises InvalidInput, Unavailable, NotInstalled."""
    from heterosched_cli.live import ask

    lists = ask(_questions, kubeconfig, context)
    found = taken(lists, float(round(time.time())), _devices(extenders))
    print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())


def taken(lists: Mapping[str, Sequence[Json]], now: float, devices: Devices | None) -> Snapshot:
    """The snapshot of objects as the API server lists them, by kind (plural)."""
    priorities = {own["metadata"]["name"]: int(own.get("value", 0)) for own in lists["priorityclasses"]}
    return Snapshot(
        taken_at=format_time(now),
        nodes=_read(lists["nodes"], NodeObject),
        pods=_read((_bare(own) for own in lists["pods"]), PodObject),
        hetero_jobs=_read((_without_templates(own) for own in lists["heterojobs"]), HeteroJob),
        throughput_profiles=_read((_bare(own) for own in lists["throughputprofiles"]), ThroughputProfile),
        scheduling_policies=_read((_bare(own) for own in lists["schedulingpolicies"]), SchedulingPolicy),
        topologies=_read(lists["noderesourcetopologies"], TopologyObject),
        priorities=priorities,
        devices=devices,
    )


async def _questions(kube: Kube) -> dict[str, list[Json]]:
    from heterosched.kube.topology import TOPOLOGIES_PATH
    from heterosched_cli.live import API

    paths = {
        "nodes": "/api/v1/nodes",
        "pods": "/api/v1/pods",
        "priorityclasses": "/apis/scheduling.k8s.io/v1/priorityclasses",
        "noderesourcetopologies": TOPOLOGIES_PATH,
        **{kind: f"{API}/{kind}" for kind in ("heterojobs", "throughputprofiles", "schedulingpolicies")},
    }
    needed = ("nodes", "pods", "heterojobs")
    found = await asyncio.gather(*(_listed(kube, kind, path, kind in needed) for kind, path in paths.items()))
    return dict(zip(paths, found, strict=True))


async def _listed(kube: Kube, kind: str, path: str, needed: bool) -> list[Json]:
    from heterosched.kube.errors import NotFound
    from heterosched_cli.live import TO_INSTALL, NotInstalled

    only = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"} if kind == "pods" else {}
    try:
        return await kube.list(path, only)
    except NotFound as error:
        if needed:
            raise NotInstalled(f"the cluster does not serve {kind}; {TO_INSTALL}") from error
        return []


def _devices(extenders: Extenders) -> Devices | None:
    try:
        return ask_devices({"limit": str(MOST_NODES)}, extenders)[1]
    except InvalidInput:
        raise
    except HeteroSchedError as error:
        note(f"the snapshot holds no measurements: {error}")
        return None


def _bare(raw: Json) -> Json:
    metadata = dict(raw.get("metadata") or {})
    metadata["annotations"] = {key: value for key, value in (metadata.get("annotations") or {}).items() if key in KEPT}
    return {**raw, "metadata": metadata}


def _without_templates(raw: Json) -> Json:
    """The job without what its containers run: what they ask for stays."""
    bare = _bare(raw)
    spec = dict(bare.get("spec") or {})
    spec["templates"] = [_slim(own) for own in spec.get("templates") or ()]
    return {**bare, "spec": spec}


def _slim(template: Any) -> Any:
    if isinstance(template, dict):
        return {key: _slim(value) for key, value in template.items() if key not in UNREAD}
    return [_slim(own) for own in template] if isinstance(template, list) else template


def _read(objects: Iterable[Json], type: type[Read]) -> list[Read]:
    found = []
    for raw in objects:
        try:
            found.append(msgspec.convert(raw, type))
        except msgspec.ValidationError as error:
            name = (raw.get("metadata") or {}).get("name")
            warn(f"{type.__name__} {name} cannot be read, left out: {error}")
    return found
