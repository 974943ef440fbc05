"""`heterosched what-if`: a recorded decision made again with another policy, other nodes or other measurements.

The replay runs the very code that the extender runs. No cluster is asked, and for a record in a file no extender.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import msgspec
import typer

from heterosched.api import SchedulingPolicy
from heterosched.errors import InvalidInput
from heterosched.model.telemetry import CARBON, PRICE
from heterosched.policy.decision import Decision
from heterosched.policy.hooks import known_rows, plugins
from heterosched.policy.record import Record, case_of, decode_record
from heterosched.policy.table import TERMS, PolicyRow, policy_row, row_of
from heterosched.policy.whatif import Changes, Comparison, what_if
from heterosched.telemetry.queries import table
from heterosched.telemetry.rates import rate_query
from heterosched_cli.decode import decode
from heterosched_cli.extenders import latest, pod_of
from heterosched_cli.files import STDIN, read_bytes, read_documents, title_of
from heterosched_cli.output import Format, warn, write_data, write_table
from heterosched_cli.places import Extenders

COLUMNS = ("", "RECORDED", "WHAT IF")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The changes as they were written; empty ones are not given."""

    policy: str
    files: Sequence[Path]
    without: Sequence[str]
    added: Sequence[str]
    telemetry: Sequence[str]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the record comes from: a file (`NAME.json`, or `-`), else a pod by way of the extenders."""

    given: str
    extenders: Extenders
    namespace: str
    kubeconfig: Path | None
    context: str

    def read(self) -> tuple[Record, bytes]:
        """The record, and its text. Raises InvalidInput, NoRecord, Unavailable."""
        path = Path(self.given)
        if path == STDIN or path.suffix == ".json":
            text = read_bytes(path)
            return decode_record(text, title_of(path)), text
        namespace, pod = pod_of(self.given, self.namespace, self.kubeconfig, self.context)
        return latest(namespace, pod, {"format": "record"}, self.extenders, _read, lambda found: found[0].decision.at)


def _read(text: bytes) -> tuple[Record, bytes]:
    return decode_record(text, "the record"), text


def replay(source: Source, wanted: Wanted, save: Path | None, format: Format) -> None:
    """Print both decisions and what is different. Raises BadParameter, InvalidInput, NoRecord, Unavailable."""
    measured = dict(map(_measurement, wanted.telemetry))
    record, text = source.read()
    if save is not None:
        _write(save, text)
    case = case_of(record)
    comparison = what_if(case, changes_of(wanted, record, measured), plugins().hooks)
    if msgspec.json.encode(comparison.recorded) != msgspec.json.encode(record.decision):
        warn(f"version {record.version} of the extender decided otherwise than this program does on the same input")
    if format in (Format.JSON, Format.YAML):
        write_data(msgspec.to_builtins(comparison), format)
    elif format is Format.NAME:
        print(f"node/{comparison.replayed.best.node}" if comparison.replayed.best else "")
    else:
        _write_both(comparison)


def changes_of(wanted: Wanted, record: Record, measured: Mapping[tuple[str, str], float]) -> Changes:
    """What the options ask for. Raises InvalidInput."""
    policy = _policy(wanted, record) if wanted.policy else None
    return Changes(policy, tuple(wanted.without), tuple(wanted.added), measured)


def _policy(wanted: Wanted, record: Record) -> PolicyRow:
    """Of the files, else of the cluster as recorded, else of this program."""
    documents = [document for file in wanted.files for document in read_documents(file)]
    for document in documents:
        if document.kind != "SchedulingPolicy":
            remedy = "give SchedulingPolicies alone"
            raise InvalidInput(document.where, "kind", f"{document.kind or '(none)'} is no policy", remedy)
    own = [row_of(decode(document, SchedulingPolicy, warn)) for document in documents]
    rows = {**known_rows(), **record.policies, **{row.name: row for row in own}}
    return policy_row(wanted.policy, rows, "--policy")


def _measurement(text: str) -> tuple[tuple[str, str], float]:
    """`gpu_temperature:t4-0=95`, or `...=none` for a node that has no such measurement. Raises BadParameter."""
    key, equals, figure = text.partition("=")
    metric, colon, node = key.partition(":")
    try:
        value = math.nan if figure == "none" else float(figure)
        if not (equals and colon and metric and node) or not (math.isfinite(value) or figure == "none"):
            raise ValueError
    except ValueError as error:
        remedy = "write METRIC:NODE=NUMBER, such as gpu_temperature:t4-0=95, or =none"
        raise typer.BadParameter(f"{text!r} is no measurement; {remedy}", param_hint="--set") from error
    low, high = believed_range(metric)
    if not (low <= value <= high or math.isnan(value)):
        remedy = f"give a value from {low:g} to {high:g}, or =none"
        problem = f"{text!r}: {metric} is never {value:g}, it would be rejected as unbelievable; {remedy}"
        raise typer.BadParameter(problem, param_hint="--set")
    return (metric, node), value


def believed_range(metric: str) -> tuple[float, float]:
    """What is believed of an exporter or of a policy's query; a metric that a TASPolicy names may be anything."""
    rows = (rate_query(metric, ""),) if metric.startswith((PRICE, CARBON)) else table().get(metric)
    return (-math.inf, math.inf) if rows is None else (min(row.low for row in rows), max(row.high for row in rows))


def _write(path: Path, text: bytes) -> None:
    try:
        path.write_bytes(text)
    except OSError as error:
        raise InvalidInput("--save", str(path), error.strerror or str(error), "choose another place") from error


def _write_both(comparison: Comparison) -> None:
    recorded, replayed = comparison.recorded, comparison.replayed
    print(f"pod {recorded.namespace}/{recorded.pod}, decided {recorded.at}")
    left, right = _summary(recorded), _summary(replayed)
    write_table(COLUMNS, [[name, left[name], right[name]] for name in left])
    print("\n".join(comparison.changed) or "the same decision, to the last bit")


def _summary(decision: Decision) -> dict[str, str]:
    """One column: policy, candidates, the best nodes with their means, and the parts of the best one's sum."""
    ranked = [(decision.best.node, decision.best.mean or 0.0)] if decision.best is not None else []
    ranked += [(other.node, other.mean) for other in decision.alternatives[:2]]
    places = dict(zip_longest(("advised", "second", "third"), (f"{node} {mean:.4f}" for node, mean in ranked)))
    shares = {share.term: share for share in decision.best.terms} if decision.best is not None else {}
    parts = {
        f"  {term}": "absent"
        if (share := shares.get(term)) is None or share.value is None
        else f"{share.value:.4f} x {share.weight:.4f} = {share.part:.4f}"
        for term in TERMS
    }
    head = {"policy": decision.policy, "candidates": str(decision.candidates)}
    turned_down = {"turned down": str(sum(reason.count for reason in decision.rejected))}
    return {**head, **turned_down, **{name: place or "" for name, place in places.items()}, **parts}
