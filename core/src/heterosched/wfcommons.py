"""A WfCommons instance as it stands in its file, checked: every row that cannot be used is named, none is dropped.

Format: WfFormat 1.5 (wfcommons/WfFormat, `wfcommons-schema.json`). `specification` holds tasks, their parents and the
files they read and write; `execution` what was measured when they ran. Only the fields we use are read.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator

import msgspec

from heterosched.errors import HeteroSchedError, InvalidGraph, InvalidInput
from heterosched.model import Edge, Task, TaskGraph

SUPPORTED = "1.5"
LARGEST_FILE = 1e15
SHOWN = 20
"""Bad rows that are printed one by one; the others are counted."""


class Row(msgspec.Struct, frozen=True, rename="camel"):
    """A task of the specification."""

    id: str
    parents: list[str] = []
    input_files: list[str] = []
    output_files: list[str] = []


class File(msgspec.Struct, frozen=True, rename="camel"):
    """A file of the specification, in bytes."""

    id: str
    size_in_bytes: int


class Specification(msgspec.Struct, frozen=True, rename="camel"):
    """What the workflow is."""

    tasks: list[Row]
    files: list[File] = []


class Measured(msgspec.Struct, frozen=True, rename="camel"):
    """What was measured of a task; `avg_cpu` in percent of one core."""

    id: str
    runtime_in_seconds: float
    core_count: float | None = None
    avg_cpu: float | None = msgspec.field(default=None, name="avgCPU")
    memory_in_bytes: int | None = None


class Execution(msgspec.Struct, frozen=True, rename="camel"):
    """The recorded run."""

    tasks: list[Measured]


class Workflow(msgspec.Struct, frozen=True):
    """Both halves of the record."""

    specification: Specification
    execution: Execution


class Instance(msgspec.Struct, frozen=True, rename="camel"):
    """The whole file."""

    workflow: Workflow
    name: str = ""


class BadRows(HeteroSchedError):
    """Rows of a file that cannot be used, one line each."""

    def __init__(self, problems: list[InvalidInput]) -> None:
        self.problems = problems
        lines = [str(problem) for problem in problems[:SHOWN]]
        if len(problems) > SHOWN:
            lines.append(f"... and {len(problems) - SHOWN} more such rows")
        super().__init__("\n".join(lines))


class _Head(msgspec.Struct, rename="camel"):
    schema_version: str = ""
    workflow: msgspec.Raw = msgspec.Raw(b"{}")


def parse_instance(raw: bytes, object: str, most_tasks: int | None = None) -> Instance:
    """Read and check the bytes of a file, gzip or not, which errors call `object`.

    Raises InvalidInput (not WfFormat 1.5, no task or more than `most_tasks`, a cycle) or BadRows.
    """
    text = _unpacked(raw, object)
    try:
        head = msgspec.json.decode(text, type=_Head)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidInput(object, "", f"no WfCommons instance: {error}", "give a WfFormat 1.5 JSON file") from error
    if head.schema_version != SUPPORTED:
        found = head.schema_version or "none"
        raise InvalidInput(
            object,
            "schemaVersion",
            f"is {found}, not {SUPPORTED}",
            "give an instance in WfFormat 1.5 (WfInstances has them)",
        )
    try:
        instance = msgspec.json.decode(text, type=Instance)
    except msgspec.ValidationError as error:
        raise _named(error, text, object) from error
    count = len(instance.workflow.specification.tasks)
    if count == 0 or (most_tasks is not None and count > most_tasks):
        bound = "at least 1 task" if most_tasks is None else f"1 to {most_tasks} tasks or split it into several jobs"
        remedy = f"choose an instance of {bound}"
        raise InvalidInput(object, "workflow.specification.tasks", f"{count} tasks", remedy)
    problems = list(_problems(instance, object))
    if problems:
        raise BadRows(problems)
    _check_order(instance.workflow.specification, object)
    return instance


def _unpacked(raw: bytes, object: str) -> bytes:
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(object, "", f"damaged gzip file: {error}", "fetch it again") from error


def _named(error: msgspec.ValidationError, text: bytes, object: str) -> InvalidInput:
    """The error of a typed decoder, with the task's id in place of its index."""
    message, _, where = str(error).partition(" - at `$.")
    field = where.rstrip("`")
    match = re.match(r"(workflow\.(specification|execution)\.(tasks|files))\[(\d+)\](.*)", field)
    if match:
        rows = msgspec.json.decode(text)["workflow"][match[2]][match[3]]
        row = rows[int(match[4])]
        id = row.get("id") if isinstance(row, dict) else None
        field = f"{match[1]}[{id if isinstance(id, str) else match[4]}]{match[5]}"
    return InvalidInput(object, field, message, "correct this row")


def _problems(instance: Instance, object: str) -> Iterator[InvalidInput]:
    specification, execution = instance.workflow.specification, instance.workflow.execution
    yield from _repeated("specification.tasks", [row.id for row in specification.tasks], object)
    yield from _repeated("specification.files", [file.id for file in specification.files], object)
    yield from _repeated("execution.tasks", [row.id for row in execution.tasks], object)
    yield from _bad_links(specification, object)
    yield from _bad_files(specification, object)
    yield from _bad_figures(specification, execution, object)


def _repeated(table: str, ids: list[str], object: str) -> Iterator[InvalidInput]:
    for id, count in Counter(ids).items():
        if count > 1:
            yield InvalidInput(object, f"workflow.{table}[{id}]", f"the id stands {count} times", "keep one of them")


def _bad_links(specification: Specification, object: str) -> Iterator[InvalidInput]:
    tasks = {row.id for row in specification.tasks}
    files = {file.id for file in specification.files}
    writers: dict[str, str] = {}
    for row in specification.tasks:
        where = f"workflow.specification.tasks[{row.id}]"
        for parent in row.parents:
            if parent not in tasks:
                yield InvalidInput(
                    object, f"{where}.parents", f"unknown task {parent!r}", "add the task or remove it here"
                )
        for field, used in (("inputFiles", row.input_files), ("outputFiles", row.output_files)):
            for file in used:
                if file not in files:
                    remedy = "add it to workflow.specification.files with its size"
                    yield InvalidInput(object, f"{where}.{field}", f"unknown file {file!r}", remedy)
        for file in row.output_files:
            other = writers.setdefault(file, row.id)
            if other != row.id:
                yield InvalidInput(
                    object, f"{where}.outputFiles", f"{file!r} is written by {other!r} too", "keep one writer"
                )


def _check_order(specification: Specification, object: str) -> None:
    """A task comes after its parents and after those whose files it reads. Raises InvalidGraph on a cycle."""
    writer = {file: row.id for row in specification.tasks for file in row.output_files}
    edges = [Edge(parent, row.id) for row in specification.tasks for parent in row.parents]
    for row in specification.tasks:
        read = {writer[file] for file in row.input_files if file in writer}
        edges += [Edge(id, row.id) for id in sorted(read - {row.id})]
    try:
        TaskGraph.build((Task(row.id, ()) for row in specification.tasks), edges, object)
    except InvalidGraph as error:
        field = "workflow.specification.tasks"
        raise InvalidGraph(object, field, error.problem, "correct parents, inputFiles or outputFiles") from error


def _bad_files(specification: Specification, object: str) -> Iterator[InvalidInput]:
    for file in specification.files:
        if not 0 <= file.size_in_bytes <= LARGEST_FILE:
            where = f"workflow.specification.files[{file.id}].sizeInBytes"
            yield InvalidInput(object, where, f"{file.size_in_bytes} bytes", f"give a size from 0 to {LARGEST_FILE:g}")


def _bad_figures(specification: Specification, execution: Execution, object: str) -> Iterator[InvalidInput]:
    measured = {row.id: row for row in execution.tasks}
    for task in specification.tasks:
        row = measured.get(task.id)
        if row is None:
            where = f"workflow.execution.tasks[{task.id}].runtimeInSeconds"
            yield InvalidInput(object, where, "not there", "add the measured run time of the task")
            continue
        for field, value, positive in (
            ("runtimeInSeconds", row.runtime_in_seconds, True),
            ("coreCount", row.core_count, True),
            ("memoryInBytes", row.memory_in_bytes, False),
        ):
            if value is not None and not (0 < value < LARGEST_FILE or (value == 0 and not positive)):
                where = f"workflow.execution.tasks[{task.id}].{field}"
                yield InvalidInput(object, where, f"{value!r}", f"give a figure above zero and below {LARGEST_FILE:g}")
