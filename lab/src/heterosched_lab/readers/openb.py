"""Alibaba's GPU cluster trace of 2023 ("openb"): nodes and pod lists as the FGD simulator ships them.

Columns: hkust-adsl/kubernetes-scheduler-simulator, `data/csv`. A pod's `gpu_milli` is per GPU, 1000 a whole one; it
asks for part of one GPU or for `num_gpu` whole ones. `gpu_spec`: allowed models, separated by `|`, empty for any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from heterosched_lab.readers.rows import REMEMBERED, OnError, Reading, Row, Tally, converted, gathered, table_rows

MIB = 2**20


@dataclass(frozen=True, slots=True)
class OpenbNode:
    """A node: thousandths of a core, bytes, GPUs of one model ("" where it has none)."""

    name: str
    cpu_milli: int
    memory: float
    gpus: int
    model: str


@dataclass(frozen=True, slots=True)
class OpenbPod:
    """A pod: thousandths of cores and (per GPU) of GPUs, bytes, allowed models (none: any), seconds of the trace."""

    name: str
    cpu_milli: int
    memory: float
    gpus: int
    gpu_milli: int
    models: frozenset[str]
    created: float = 0.0
    deleted: float = 0.0


def read_nodes(path: Path, on_error: OnError = "refuse") -> Reading[OpenbNode]:
    """The node list. Raises InvalidInput: a bad row under "refuse", a file without rows or columns always."""
    tally = Tally(path.name)
    rows = table_rows(path, ("sn", "cpu_milli", "memory_mib", "gpu", "model"), tally, on_error)
    return gathered(converted(rows, _node, tally, on_error, id_of=lambda node: node.name), tally)


def read_pods(path: Path, on_error: OnError = "refuse", models: Collection[str] = ()) -> Reading[OpenbPod]:
    """A pod list. `models`: those of the fleet, where known; a pod that asks for another alone is a bad row."""
    tally = Tally(path.name)
    return gathered(_pods(path, tally, on_error, models, None), tally)


def stream_pods(
    path: Path, tally: Tally, on_error: OnError = "skip", models: Collection[str] = ()
) -> Iterator[OpenbPod]:
    """Pod by pod in constant memory; duplicates are found among the last 100,000 names."""
    return _pods(path, tally, on_error, models, REMEMBERED)


def _pods(
    path: Path, tally: Tally, on_error: OnError, models: Collection[str], remembered: int | None
) -> Iterator[OpenbPod]:
    rows = table_rows(path, ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"), tally, on_error)
    return converted(
        rows, lambda row: _pod(row, models), tally, on_error, id_of=lambda pod: pod.name, remembered=remembered
    )


def _node(row: Row) -> OpenbNode:
    gpus = row.whole("gpu")
    model = row.text("model", "" if gpus == 0 else None)
    return OpenbNode(row.text("sn"), row.whole("cpu_milli"), row.number("memory_mib") * MIB, gpus, model)


def _pod(row: Row, known: Collection[str]) -> OpenbPod:
    gpus, milli = row.whole("num_gpu"), row.whole("gpu_milli")
    if milli > 1000 or (gpus > 1 and milli != 1000) or (gpus == 1 and milli == 0):
        raise row.bad("gpu_milli", f"{milli} on each of {gpus} GPUs", "ask for a part of one GPU or for whole ones")
    models = frozenset(filter(None, row.text("gpu_spec", "").split("|")))
    if known and models and models.isdisjoint(known):
        raise row.bad("gpu_spec", f"unknown device {'|'.join(sorted(models))}", "the fleet has no GPU of such a model")
    times = [row.number(column, 0.0) for column in ("creation_time", "deletion_time")]
    return OpenbPod(
        row.text("name"),
        row.whole("cpu_milli"),
        row.number("memory_mib") * MIB,
        gpus,
        milli if gpus else 0,
        models,
        *times,
    )
