"""`heterosched policies`: the rows of the policy table with their weights, where each comes from and who uses it.

Rows are built in, of plug-ins installed beside this program, or SchedulingPolicies of the cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from heterosched.api import HeteroJob, SchedulingPolicy
from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.kube.client import Kube
from heterosched.policy.hooks import plugins
from heterosched.policy.table import BUILT_IN, TERMS, PolicyRow, row_of
from heterosched_cli.absent import absent
from heterosched_cli.live import Json, ask, list_ours
from heterosched_cli.live_objects import readable
from heterosched_cli.output import Format, note, warn, write_data, write_table

COLUMNS = ("POLICY", *(term.upper() for term in TERMS), "SOURCE", "JOBS", "STATE")
WIDE_COLUMNS = (*COLUMNS, "HOOK", "PRICE/KWH", "ENERGY BY", "WARN-LIMIT", "MAX AGE", "CAPS")
BUILT_IN_SOURCE, OBJECT = "built-in", "SchedulingPolicy"
LISTED = 10
"""Jobs that a sentence names."""


class NoSuchPolicy(HeteroSchedError):
    """A policy that was asked for by name is not there."""


@dataclass(frozen=True, slots=True)
class Known:
    """A row (None for an object that cannot be one), its source, its users (namespace/name), and what is wrong."""

    name: str
    row: PolicyRow | None
    source: str
    jobs: tuple[str, ...] = ()
    problem: str = ""


def list_policies(names: Sequence[str], kubeconfig: Path | None, context: str, format: Format) -> None:
    """Print the table, or the policies of `names` with all constants and users. Raises NoSuchPolicy.

    A cluster that does not answer is a remark: what needs none is shown.
    """
    try:
        objects, jobs = ask(_questions, kubeconfig, context)
    except HeteroSchedError as error:
        note(f"what the cluster adds is not shown: {error}")
        objects, jobs = [], []
    found = list(known(readable(objects, SchedulingPolicy), readable(jobs, HeteroJob)))
    for problem in plugins().problems:
        warn(problem)
    if names:
        if missing := absent(names, (own.name for own in found)):
            there = ", ".join(own.name for own in found)
            raise NoSuchPolicy(f"no policy {missing}; there are {there}")
        found = [own for own in found if own.name in names]
    if format in (Format.JSON, Format.YAML):
        write_data([data_of(own) for own in found], format)
    elif format is Format.NAME:
        for own in found:
            print(f"schedulingpolicy/{own.name}" if own.source == OBJECT else own.name)
    else:
        wide = format is Format.WIDE
        write_table(WIDE_COLUMNS if wide else COLUMNS, [cells(own, wide) for own in found])
        for own in found if names else ():
            print("\n" + "\n".join(_details(own)))


async def _questions(kube: Kube) -> tuple[list[Json], list[Json]]:
    objects, jobs = await asyncio.gather(list_ours(kube, "schedulingpolicies"), list_ours(kube, "heterojobs"))
    return objects, jobs


def known(objects: Iterable[SchedulingPolicy], jobs: Iterable[HeteroJob]) -> Iterator[Known]:
    """The rows of all sources, those built in first."""
    users: dict[str, list[str]] = {}
    for job in jobs:
        users.setdefault(job.spec.policy, []).append(job.key)

    def own(name: str, row: PolicyRow | None, source: str, problem: str = "") -> Known:
        return Known(name, row, source, tuple(sorted(users.get(name, ()))), problem)

    for name, row in BUILT_IN.items():
        yield own(name, row, BUILT_IN_SOURCE)
    for plugin, hook in plugins().hooks.items():
        for row in hook.rows():
            yield own(row.name, row, f"plug-in {plugin}")
    for object in sorted(objects, key=lambda object: object.metadata.name):
        try:
            row = row_of(object)
        except InvalidInput as error:
            yield own(object.metadata.name, None, OBJECT, str(error))
            continue
        yield own(object.metadata.name, row, OBJECT, _refusal(object) or _missing_hook(row))


def _refusal(object: SchedulingPolicy) -> str:
    """What the operator says against it."""
    against = (own for own in object.status.conditions if own.type == "Accepted" and own.status == "False")
    return next((own.message or own.reason for own in against), "")


def _missing_hook(row: PolicyRow) -> str:
    if not row.hook or row.hook in plugins().hooks:
        return ""
    return f"its plug-in {row.hook} is not installed beside this program; the extender says whether it has it"


def cells(own: Known, wide: bool = False) -> list[str]:
    """The cells of a policy."""
    row = own.row
    weights = [str(row.weights.get(term, 0)) if row else "" for term in TERMS]
    state = "Rejected" if row is None else "doubtful" if own.problem else "in use" if own.jobs else "known"
    found = [own.name, *weights, own.source, str(len(own.jobs)), f"{state}: {own.problem}" if own.problem else state]
    if not wide:
        return found
    if row is None:
        return [*found, *[""] * (len(WIDE_COLUMNS) - len(COLUMNS))]
    price = f"{row.price_per_kwh:g} {row.currency}{' (query)' if row.price_query else ''}"
    caps = ", ".join(f"{cap.name or 'cluster'} {cap.watts:g} W" for cap in row.caps)
    limits = f"{row.warn_celsius:g}-{row.limit_celsius:g} C"
    return [*found, row.hook, price, row.weigh_energy_by, limits, f"{row.max_age_seconds:g} s", caps]


def _details(own: Known) -> Iterator[str]:
    yield f"{own.name} ({own.source})"
    if own.problem:
        yield f"problem: {own.problem}"
    if own.row is not None:
        shares = (f"{term} {own.row.share(term):.0%}" for term in TERMS if own.row.weights.get(term))
        yield f"weights: {', '.join(shares)}"
        for name, value in _constants(own.row).items():
            yield f"{name}: {', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else value}"
    more = f" and {len(own.jobs) - LISTED} more" if len(own.jobs) > LISTED else ""
    yield f"jobs: {', '.join(own.jobs[:LISTED]) or 'none'}{more}"


def _constants(row: PolicyRow) -> dict[str, Any]:
    """All columns but name and weights that say something."""
    left_out = ("name", "weights", "idle")
    values = {own.name: msgspec.to_builtins(getattr(row, own.name)) for own in fields(row) if own.name not in left_out}
    return {name: value for name, value in values.items() if value not in ("", [], {}, ())}


def data_of(own: Known) -> dict[str, Any]:
    """A policy as plain data."""
    row = own.row
    return {
        "name": own.name,
        "source": own.source,
        "jobs": list(own.jobs),
        "problem": own.problem,
        "weights": dict(row.weights) if row else None,
        "constants": _constants(row) if row else None,
    }
