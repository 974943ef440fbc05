"""`heterosched top`: where pods run, what nodes or kinds of devices hold of what they have, and what is measured there.

Without telemetry the pods stand all the same, and the answer says what is missing and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.kube.client import Kube
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.units import format_duration
from heterosched_cli.absent import absent
from heterosched_cli.devices import Devices, ask_devices, reasons
from heterosched_cli.live import Json, ask
from heterosched_cli.live_objects import readable
from heterosched_cli.options import SortBy
from heterosched_cli.output import Format, note, write_data, write_table
from heterosched_cli.places import Extenders
from heterosched_cli.top_data import Use, by_device, in_order, total, uses_of

COLUMNS = ("DEVICE", "JOBS", "PODS", "CORES", "GPUS", "CPU", "LOAD", "WATTS", "CELSIUS", "FAULTS", "AGE")
WIDE_COLUMNS = (*COLUMNS, "MEMORY", "GPU WATTS", "HOST WATTS", "STATE", "RUNNING")
MOST_NODES = 20_000
MOST_NAMES = 5
"""Jobs that a cell names."""
PODS_PATH = "/api/v1/pods"
UNFINISHED = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}


class NoSuchNode(HeteroSchedError):
    """A node that was asked for by name is not there."""


@dataclass(frozen=True, slots=True)
class TopCommand:
    """The options of the command; no `nodes`: all of them."""

    nodes: Sequence[str]
    by_device: bool
    sort_by: SortBy | None
    extenders: Extenders
    kubeconfig: Path | None
    context: str
    silence: list[str] = field(default_factory=list)

    def run(self, format: Format) -> None:
        """Print it once. Raises NoSuchNode, InvalidInput, Unavailable (no API server)."""
        nodes, pods = ask(_questions, self.kubeconfig, self.context)
        told = self._telemetry()
        uses = list(uses_of(readable(nodes, NodeObject), readable(pods, PodObject), told))
        if self.nodes:
            uses = _chosen(uses, self.nodes)
        if self.by_device:
            uses = list(by_device(uses))
        uses = in_order(uses, self.sort_by)
        if format in (Format.JSON, Format.YAML):
            silence = self.silence[0] if self.silence else told.telemetry_error if told else ""
            kind = "devices" if self.by_device else "nodes"
            write_data({kind: [data_of(use) for use in uses], "telemetryError": silence}, format)
        elif format is Format.NAME:
            for use in uses:
                print(f"node/{use.name}" if use.name else use.device)
        elif not uses:
            note("the cluster has no nodes")
        else:
            self._write(uses, told, format is Format.WIDE)

    def _telemetry(self) -> Devices | None:
        self.silence.clear()
        query = {"node": self.nodes} if self.nodes else {"limit": str(MOST_NODES)}
        try:
            return ask_devices(query, self.extenders)[1]
        except InvalidInput:
            raise
        except HeteroSchedError as error:
            self.silence.append(str(error))
            return None

    def _write(self, uses: Sequence[Use], told: Devices | None, wide: bool) -> None:
        first = "NODES" if self.by_device else "NODE"
        write_table((first, *(WIDE_COLUMNS if wide else COLUMNS)), [cells(use, wide) for use in uses])
        print(summary(uses))
        if told is None:
            note(f"no telemetry, pods alone are shown: {' '.join(self.silence)}")
            return
        if told.telemetry_error:
            note(f"telemetry: {told.telemetry_error}; what is not too old yet is shown")
        elif not any(use.measured for use in uses):
            for sentence in reasons(told.nodes):
                note(sentence)


async def _questions(kube: Kube) -> tuple[list[Json], list[Json]]:
    nodes, pods = await asyncio.gather(kube.list("/api/v1/nodes"), kube.list(PODS_PATH, UNFINISHED))
    return nodes, pods


def _chosen(uses: Sequence[Use], names: Sequence[str]) -> list[Use]:
    if missing := absent(names, (use.name for use in uses)):
        raise NoSuchNode(f"no node {missing} in the cluster; list them with heterosched top -o name")
    return [use for use in uses if use.name in names]


def cells(use: Use, wide: bool = False) -> list[str]:
    """The cells of a row."""
    found = [
        use.name or str(use.nodes),
        use.device,
        str(len(use.jobs)),
        str(use.pods),
        f"{use.held.cpu:g}/{use.offered.cpu:g}",
        f"{use.held.gpus:g}/{use.offered.gpus:g}" if use.offered.gpus or use.held.gpus else "",
        "" if use.cpu is None else f"{use.cpu:.0%}",
        "" if use.load is None else f"{use.load:.2f}",
        _number(use.watts),
        _number(use.celsius),
        ", ".join(use.faults),
        "" if use.age is None else format_duration(use.age),
    ]
    if not wide:
        return found
    jobs = sorted(use.jobs)
    more = f" and {len(jobs) - MOST_NAMES} more" if len(jobs) > MOST_NAMES else ""
    memory = f"{use.held.memory / 2**30:.3g}/{use.offered.memory / 2**30:.3g} GiB"
    state = _state(use)
    watts = (_number(use.gpu_watts), _number(use.host_watts))
    return [*found, memory, *watts, state, ", ".join(jobs[:MOST_NAMES]) + more]


def summary(uses: Sequence[Use]) -> str:
    """One sentence over all rows."""
    nodes, away = sum(use.nodes for use in uses), sum(use.unready for use in uses)
    jobs, pods = len(frozenset().union(*(use.jobs for use in uses))), sum(use.pods for use in uses)
    drawn, measured = total(use.watts for use in uses), sum(use.measured for use in uses)
    watts = f"; {drawn:.0f} W measured on {measured} of them" if drawn is not None else ""
    unready = f" ({away} not ready, or cordoned)" if away else ""
    return (
        f"{_counted(nodes, 'node')}{unready}, {_counted(pods, 'pod')} on them, of {_counted(jobs, 'HeteroJob')}{watts}"
    )


def data_of(use: Use) -> dict[str, Any]:
    """A row as plain data; None where nothing is measured."""
    head: dict[str, Any] = {"node": use.name} if use.name else {"nodes": use.nodes}
    return {
        **head,
        "device": use.device,
        "ready": use.unready == 0,
        "jobs": sorted(use.jobs),
        "pods": use.pods,
        "held": {"cores": use.held.cpu, "bytes": use.held.memory, "gpus": use.held.gpus},
        "offered": {"cores": use.offered.cpu, "bytes": use.offered.memory, "gpus": use.offered.gpus},
        "cpuShare": use.cpu,
        "loadPerCore": use.load,
        "gpuCelsius": use.celsius,
        "gpuWatts": use.gpu_watts,
        "hostWatts": use.host_watts,
        "faults": list(use.faults),
        "ageSeconds": use.age,
    }


def _state(use: Use) -> str:
    if not use.unready:
        return "Ready"
    return "NotReady" if use.name else f"{use.unready} NotReady"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
