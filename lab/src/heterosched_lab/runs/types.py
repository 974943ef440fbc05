"""What a benchmark is given and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Origin = Literal["measured", "estimated", "simulated", "counted"]
Relation = Literal["<=", ">=", "=="]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a run. `values`: by seed, in the order of the seeds, where it has several; `value` is their mean.

    A `goal` goes with its `relation` (== within `tolerance`). `peer`: the published or reproduced figure of the peer
    that `peer_name` names. `lower`, `upper`: 95 % confidence interval over the seeds. Without a goal too, `relation`
    says which way is better.
    """

    name: str
    value: float
    unit: str
    origin: Origin
    goal: float | None = None
    relation: Relation = "<="
    tolerance: float = 0.0
    peer: float | None = None
    peer_name: str = ""
    values: tuple[float, ...] = ()
    lower: float | None = None
    upper: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is kept; None where there is none."""
        if self.goal is None:
            return None
        if self.relation == "<=":
            return self.value <= self.goal
        return self.value >= self.goal if self.relation == ">=" else abs(self.value - self.goal) <= self.tolerance


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the run: written as CSV, shown in the report where it is short.

    The name of one that holds anything measured begins with `measured-`: it differs between equal runs.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a benchmark found. Plots are the files that it wrote into the run's folder, with a caption each.

    `skipped` names parts that were left out, and why; `partial` is set where a run was interrupted.
    """

    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    plots: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    partial: bool = False


class Progress(Protocol):
    """A progress bar with the time left."""

    def start(self, what: str, total: int) -> None:
        """A new bar of `total` steps."""
        ...

    def step(self, count: int = 1) -> None:
        """So many steps are done."""
        ...


@dataclass(frozen=True)
class Context:
    """Where and how a benchmark runs. `data`: the folder of public data (may lack files: skip with a reason).

    `short`: the form that takes seconds, for the tests. `seeds`: of the repeats. `folder`: of this run's files.
    `options`: the benchmark's own, as given on the command line (`--set key=value`), already checked by it.
    """

    folder: Path
    data: Path
    seeds: tuple[int, ...]
    short: bool
    progress: Progress
    options: Mapping[str, str] = field(default_factory=dict)
    scheduler: str = ""
    """Address of a Dask scheduler for work that is spread out; "" for local processes."""


class Benchmark(Protocol):
    """A benchmark of the registry: a class without arguments, found by the entry point `heterosched.benchmarks`."""

    name: str
    title: str
    needs: tuple[str, ...]
    """Folders of the public data that it reads."""

    def run(self, context: Context) -> Outcome:
        """Run it. Raises HeteroSchedError where the input is bad; what is missing is skipped with a reason."""
        ...
