"""A tuned policy as a SchedulingPolicy manifest: what the cluster reads is checked before a word of it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from heterosched.api.policy import Jps, SchedulingPolicy, SchedulingPolicySpec, Weights
from heterosched.constants import API_VERSION
from heterosched.errors import InvalidInput
from heterosched.jps import Parameters
from heterosched.policy.table import BUILT_IN, PolicyRow, row_of
from heterosched.units import format_quantity

DIGITS = 6
LARGEST_FILE = 1 << 20
"""Bytes: a policy is a page; beyond a megabyte the file is something else."""


@dataclass(frozen=True)
class Base:
    """The policy that is tuned: its row, and its spec where it is one of the cluster's own."""

    row: PolicyRow
    spec: SchedulingPolicySpec


def base(given: str) -> Base:
    """A built-in policy by name, or the one in a manifest file. Raises InvalidInput."""
    if given in BUILT_IN:
        row = BUILT_IN[given]
        return Base(row, SchedulingPolicySpec(weights=Weights(**row.weights), jps=_jps(row.jps)))
    policy = read(Path(given))
    return Base(row_of(policy), policy.spec)


def read(path: Path) -> SchedulingPolicy:
    """The one SchedulingPolicy of a YAML file. Raises InvalidInput."""
    remedy = f"name one of {', '.join(sorted(BUILT_IN))}, or a file with one SchedulingPolicy"
    if not path.is_file():
        raise InvalidInput(f"policy {path}", "", "no built-in policy and no file has this name", remedy)
    if path.stat().st_size > LARGEST_FILE:
        raise InvalidInput(f"file {path}", "", f"has more than {LARGEST_FILE} bytes", remedy)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"file {path}", "", f"is no YAML: {' '.join(str(error).split())}", remedy) from error
    if not isinstance(document, dict) or document.get("kind") != "SchedulingPolicy":
        raise InvalidInput(f"file {path}", "kind", "it holds no SchedulingPolicy", remedy)
    return _decoded(document, f"file {path}")


def tuned(
    present: Base, *, jps: Mapping[str, float] | None = None, weights: Mapping[str, int] | None = None
) -> SchedulingPolicySpec:
    """The spec with these columns of `jps` (their names in `Parameters`) and these weights instead of its own."""
    spec = present.spec
    if weights is not None:
        spec = msgspec.structs.replace(spec, weights=Weights(**{**present.row.weights, **weights}))
    changed: dict[str, Any] = {
        name: int(value) if name == "samples" else format_quantity(value, DIGITS) for name, value in (jps or {}).items()
    }
    return msgspec.structs.replace(spec, jps=msgspec.structs.replace(spec.jps, **changed))


def text(name: str, spec: SchedulingPolicySpec, provenance: Sequence[str]) -> str:
    """The manifest, its origin in comments above. Raises InvalidInput where the cluster would refuse it."""
    document = {
        "apiVersion": API_VERSION,
        "kind": "SchedulingPolicy",
        "metadata": {"name": name},
        "spec": msgspec.to_builtins(spec),
    }
    row_of(_decoded(document, f"SchedulingPolicy {name}"))
    comments = [f"# {line}".rstrip() for line in provenance]
    return "\n".join(comments) + "\n" + yaml.safe_dump(document, sort_keys=False)


def _decoded(document: Mapping[str, Any], label: str) -> SchedulingPolicy:
    try:
        return msgspec.convert(document, SchedulingPolicy)
    except msgspec.ValidationError as error:
        raise InvalidInput(label, "", str(error), "compare it with the documentation of SchedulingPolicy") from error


def _jps(given: Parameters) -> Jps:
    def plain(value: float) -> str:
        return format_quantity(value, DIGITS)

    return Jps(
        samples=given.samples,
        alpha=plain(given.alpha),
        beta=plain(given.beta),
        explore=plain(given.explore),
        energy_weight=plain(given.energy_weight),
        fairness_floor=plain(given.fairness_floor),
        mode=given.mode,
    )
