"""`heterosched import job` and `import argo`: from a file to manifests on standard output; all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Final

import typer

from heterosched.api import HeteroJob
from heterosched.errors import InvalidInput
from heterosched_cli.decode import decode, title
from heterosched_cli.files import Document, read_documents, title_of
from heterosched_cli.foreign.argo import work_of_workflow
from heterosched_cli.foreign.argo_fields import KINDS, TEMPLATES
from heterosched_cli.foreign.assemble import LONGEST_JOB_NAME, Asked, Work, is_name, manifest_of
from heterosched_cli.foreign.findings import Findings, Unsupported
from heterosched_cli.foreign.jobs import READERS, REFUSED, reader_of
from heterosched_cli.foreign.pods import Json, left_out
from heterosched_cli.output import Format, note, warn, write_data

CLOCK = "CronWorkflow"
READ: Final[Mapping[str, Sequence[str]]] = {"job": tuple(READERS), "argo": KINDS}
"""By command: the kinds that it makes HeteroJobs of."""
LOOKED_AT: Final[Mapping[str, Sequence[str]]] = {"job": (*READERS, *REFUSED), "argo": (*KINDS, CLOCK)}
"""By command: these, and those that it refuses with a reason."""
UNKNOWN_TIMES = (
    "no run times are known yet: plans get times and energy by work.runtimeOn or a ThroughputProfile (work.profile)"
)


def import_jobs(file: Path, asked: Asked, format: Format) -> None:
    """Write the HeteroJob of each Job, JobSet and Pod. Raises BadParameter, InvalidInput, Unsupported."""
    documents = _of_interest(read_documents(file), file, "job")
    source = PurePath(title_of(file)).name

    def convert(document: Document, found: Findings) -> Work:
        return reader_of(document.kind, found)(document.content, f"{document.kind} of {source}", found)

    _write(_converted(documents, asked, convert), format)


def import_argo(file: Path, asked: Asked, format: Format) -> None:
    """Write the HeteroJob of each Workflow, or of each WorkflowTemplate where there is no Workflow. Raises likewise."""
    documents = _of_interest(read_documents(file), file, "argo")
    source = PurePath(title_of(file)).name
    for document in documents:
        if document.kind == CLOCK:
            remedy = (
                "import one run of it: argo submit --from=cronwf/NAME --dry-run -o yaml | heterosched import argo -"
            )
            raise InvalidInput(title(document), "kind", "is a clock and no work", remedy)
    library = {(own.kind, _name(own)): own.content.get("spec") or {} for own in documents if own.kind in TEMPLATES}
    flows = [own for own in documents if own.kind == "Workflow"] or documents

    def convert(document: Document, found: Findings) -> Work:
        return work_of_workflow(document.content, library, f"Argo {document.kind} of {source}", found)

    _write(_converted(flows, asked, convert), format)


def _of_interest(documents: Sequence[Document], file: Path, command: str) -> list[Document]:
    """The objects that this command looks at; what stands beside them (a Service, a ConfigMap) is applied as it is, and
    what the other command reads is not mistaken for that.
    """
    [(other, theirs)] = [(name, kinds) for name, kinds in LOOKED_AT.items() if name != command]
    kinds, found, remedies = ", ".join(READ[command]), list[Document](), list[str]()
    for document in documents:
        if document.kind in LOOKED_AT[command]:
            found.append(document)
            continue
        remedy = f"heterosched import {other} reads it" if document.kind in theirs else "apply it as it is"
        warn(f"{title(document)} is left out, {kinds} can be imported here; {remedy}")
        remedies += [f"heterosched import {other} {file} reads its {document.kind}"] * (document.kind in theirs)
    if not found:
        remedy = (remedies or ["give a file with at least one"])[0]
        raise InvalidInput(title_of(file), "", f"there is none of {kinds} in it", remedy)
    return found


def _converted(
    documents: Sequence[Document], asked: Asked, convert: Callable[[Document, Findings], Work]
) -> list[Json]:
    """A manifest for each document. Raises Unsupported with the findings in all of them."""
    if asked.name and not is_name(asked.name):
        problem = f"{asked.name!r}: at most {LONGEST_JOB_NAME} lower-case letters, digits and '-'"
        raise typer.BadParameter(problem, param_hint="--name")
    if asked.name and len(documents) > 1:
        raise typer.BadParameter(f"the file holds {len(documents)} objects, they cannot all be called so")
    manifests, problems, remarks = [], list[InvalidInput](), list[str]()
    for document in documents:
        found = Findings(title(document))
        if document.kind != "Pod":  # whose own are those of its template
            left_out(document.content, "", found)
        try:
            manifests.append(manifest_of(convert(document, found), asked, found))
        except Unsupported as error:
            problems += error.problems
        remarks += found.remarks
    if problems:
        raise Unsupported(problems)
    for remark in remarks:
        warn(remark)
    for manifest in manifests:
        decode(Document("what is written", manifest), HeteroJob, warn)
    if any("work" not in task for manifest in manifests for task in manifest["spec"]["tasks"]):
        note(UNKNOWN_TIMES)
    return manifests


def _write(manifests: Sequence[Json], format: Format) -> None:
    for number, manifest in enumerate(manifests):
        if format is Format.NAME:
            print(f"heterojob/{manifest['metadata']['name']}")
            continue
        if number and format is not Format.JSON:
            print("---")
        write_data(manifest, Format.JSON if format is Format.JSON else Format.YAML)


def _name(document: Document) -> str:
    metadata = document.content.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, dict) else ""
