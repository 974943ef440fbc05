"""A checked WfCommons instance as a HeteroJob manifest: measured run times on `cpu`, bytes as inputs and outputs.

Nothing is made up: what is not measured (speed on a GPU) enters only when the user gives it, and then stands in the
annotation `heterosched.io/assumptions`. Files are bundled so that the manifest stays small and no byte is lost: one
output per task with all that it writes, one input per (writer, reader) with the bytes that this reader takes, one
external input per group of files that the same tasks read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from heterosched.constants import API_VERSION, GROUP
from heterosched.errors import InvalidInput
from heterosched.units import format_quantity
from heterosched.wfcommons import Instance, Measured, Row
from heterosched_cli.names import label, labels

ANNOTATION_SOURCE = f"{GROUP}/source"
ANNOTATION_SCALE = f"{GROUP}/scale"
ANNOTATION_ASSUMPTIONS = f"{GROUP}/assumptions"

LONGEST_TOGETHER = 53
"""Job and task name together (the CRD's rule: the name of a Job's pod holds both)."""
LONGEST_JOB_NAME = 30
MOST_INPUTS = 499
SMALLEST_SECONDS = 1e-6
"""The places that a quantity keeps here; a scaled run time below this would read as zero."""
STAND_IN_IMAGE = "busybox:1.37"
STAND_IN_COMMAND = ["sh", "-c", 'exec sleep "$WORKFLOW_SECONDS"']
"""Where no image is given the task takes its measured time and does nothing else."""
TEMPLATE = "task"
OUTPUT = "files"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What the user chose. `time_scale` and `data_scale` multiply seconds and bytes; without `uri_prefix` moving
    data is free; `gpu_speedup`, by device type and against the measured run time, is an assumption of the user's.
    """

    name: str = ""
    namespace: str = ""
    policy: str = ""
    time_scale: float = 1.0
    data_scale: float = 1.0
    image: str = ""
    uri_prefix: str = "file:///workflow"
    gpu_speedup: Mapping[str, float] = field(default_factory=dict)


def job_name(stem: str) -> str:
    """A name for the job from that of its file (without `.json.gz`)."""
    return label(stem, LONGEST_JOB_NAME)


def to_manifest(instance: Instance, choice: Conversion, source: str) -> dict[str, Any]:
    """The manifest; errors call the file `source`. Raises InvalidInput (time scaled to nothing, inputs too many)."""
    rows = instance.workflow.specification.tasks
    names = labels((row.id for row in rows), min(52, LONGEST_TOGETHER - len(choice.name)))
    data = _Data(instance, choice, names, source)
    measured = {row.id: row for row in instance.workflow.execution.tasks}
    tasks = [_task(row, measured[row.id], choice, names, data, source) for row in rows]
    metadata: dict[str, Any] = {"name": choice.name}
    if choice.namespace:
        metadata["namespace"] = choice.namespace
    metadata["annotations"] = _annotations(instance, choice, source)
    spec: dict[str, Any] = {"policy": choice.policy} if choice.policy else {}
    spec |= {"templates": [_template(choice)], "tasks": tasks}
    return {"apiVersion": API_VERSION, "kind": "HeteroJob", "metadata": metadata, "spec": spec}


def _annotations(instance: Instance, choice: Conversion, source: str) -> dict[str, str]:
    title = f" ({label(instance.name, 63)})" if instance.name else ""
    found = {ANNOTATION_SOURCE: f"WfCommons instance {PurePath(source).name}{title}"}
    if (choice.time_scale, choice.data_scale) != (1.0, 1.0):
        found[ANNOTATION_SCALE] = f"measured seconds x {choice.time_scale:g}, bytes x {choice.data_scale:g}"
    if choice.gpu_speedup:
        speeds = ", ".join(f"{device} {speed:g} times as fast as cpu" for device, speed in choice.gpu_speedup.items())
        found[ANNOTATION_ASSUMPTIONS] = f"not measured, assumed at import: {speeds}"
    return found


def _template(choice: Conversion) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "image": choice.image or STAND_IN_IMAGE}
    if not choice.image:
        container["command"] = STAND_IN_COMMAND
    return {"name": TEMPLATE, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}


def _task(
    row: Row, measured: Measured, choice: Conversion, names: Mapping[str, str], data: _Data, source: str
) -> dict[str, Any]:
    seconds = {device: measured.runtime_in_seconds * choice.time_scale / speed for device, speed in _speeds(choice)}
    shortest = min(seconds, key=seconds.__getitem__)
    if seconds[shortest] < SMALLEST_SECONDS:
        where = f"workflow.execution.tasks[{row.id}].runtimeInSeconds"
        problem = f"{measured.runtime_in_seconds:g} s become {seconds[shortest]:g} s on {shortest}"
        raise InvalidInput(source, where, problem, "raise --time-scale or lower --gpu-speedup")
    needs = sorted({names[parent] for parent in row.parents} | data.writers_for(row.id))
    inputs = data.inputs_of(row.id)
    if len(inputs) > MOST_INPUTS:
        where = f"workflow.specification.tasks[{row.id}].inputFiles"
        problem = f"{len(inputs)} inputs after bundling, a HeteroJob's task has at most {MOST_INPUTS}"
        raise InvalidInput(source, where, problem, "choose another instance")
    runtime = [{"device": device, "seconds": format_quantity(value, 6)} for device, value in seconds.items()]
    task = {
        "name": names[row.id],
        "templateRef": TEMPLATE,
        "dependsOn": needs,
        "variants": [_variant(device, row.id, measured, value) for device, value in seconds.items()],
        "work": {"runtimeOn": runtime},
        "inputs": inputs,
        "outputs": data.outputs_of(row.id),
    }
    return {key: value for key, value in task.items() if value}


def _speeds(choice: Conversion) -> list[tuple[str, float]]:
    return [("cpu", 1.0), *choice.gpu_speedup.items()]


def _variant(device: str, id: str, measured: Measured, seconds: float) -> dict[str, Any]:
    """The resources that the task was seen to use, and in its environment which task of the workflow it is."""
    cores = measured.core_count or round((measured.avg_cpu or 0) / 100)
    requests = {"cpu": str(max(1, math.ceil(cores)))}
    if measured.memory_in_bytes:
        requests["memory"] = str(measured.memory_in_bytes)
    resources: dict[str, Any] = {"requests": requests}
    if device != "cpu":
        resources["limits"] = {"nvidia.com/gpu": 1}
    env = [{"name": "WORKFLOW_TASK", "value": id}, {"name": "WORKFLOW_SECONDS", "value": format_quantity(seconds, 6)}]
    return {"devices": [device], "resources": resources, "env": env}


class _Data:
    """Who writes what for whom, bundled."""

    def __init__(self, instance: Instance, choice: Conversion, names: Mapping[str, str], source: str) -> None:
        rows = instance.workflow.specification.tasks
        self._prefix = f"{choice.uri_prefix.rstrip('/')}/{choice.name}" if choice.uri_prefix else ""
        self._names = names
        self._size = {
            file.id: round(file.size_in_bytes * choice.data_scale) for file in instance.workflow.specification.files
        }
        writer = {file: row.id for row in rows for file in row.output_files}
        self._written = {row.id: sum(self._size[file] for file in set(row.output_files)) for row in rows}
        self._moved: dict[str, dict[str, int]] = {}
        readers: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            moved: dict[str, int] = defaultdict(int)
            for file in dict.fromkeys(row.input_files):
                if file not in writer:
                    readers[file].append(row.id)
                elif writer[file] != row.id:
                    moved[writer[file]] += self._size[file]
            self._moved[row.id] = moved
        self._external = self._grouped(readers)

    def _grouped(self, readers: Mapping[str, list[str]]) -> dict[str, list[dict[str, Any]]]:
        groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for file, tasks in readers.items():
            groups[tuple(tasks)].append(file)
        external: dict[str, list[dict[str, Any]]] = defaultdict(list)
        titles = labels((files[0] for files in groups.values()), 63)
        for group, files in groups.items():
            title = titles[files[0]]
            entry: dict[str, Any] = {"name": title, "size": str(sum(self._size[file] for file in files))}
            if self._prefix:
                entry["uri"] = f"{self._prefix}/external/{quote(title)}"
            for task in group:
                external[task].append(entry)
        return external

    def writers_for(self, id: str) -> set[str]:
        """Tasks whose files this one reads: it waits for them even where they are not called its parents."""
        return {self._names[writer] for writer in self._moved[id]}

    def inputs_of(self, id: str) -> list[dict[str, Any]]:
        """Bundles that the task reads; one of no bytes needs no mention beside the dependency."""
        own = [
            {"name": OUTPUT, "from": self._names[writer], "size": str(size)}
            for writer, size in self._moved[id].items()
            if size
        ]
        return own + [dict(entry) for entry in self._external[id] if entry["size"] != "0"]

    def outputs_of(self, id: str) -> list[dict[str, Any]]:
        """All that the task writes, as one bundle."""
        if not self._written[id]:
            return []
        uri = {"uri": f"{self._prefix}/{self._names[id]}"} if self._prefix else {}
        return [{"name": OUTPUT, "size": str(self._written[id]), **uri}]
