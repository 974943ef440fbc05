"""`heterosched strategies`: what may stand in `spec.strategy`: all that installed packages offer, ours or others, and
the names that are the planner's own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version

from heterosched.algorithms.base import ENTRY_POINTS, Strategy
from heterosched.errors import HeteroSchedError
from heterosched.planning.planner import AUTO_STRATEGY
from heterosched.planning.prepared import AUTO
from heterosched.planning.training import JPS
from heterosched_cli.absent import absent
from heterosched_cli.output import Format, warn, write_data, write_table

COLUMNS = ("STRATEGY", "IN SHORT")
WIDE_COLUMNS = (*COLUMNS, "PACKAGE", "METHOD AND SOURCE")
CORE = "heterosched"


class NoSuchStrategy(HeteroSchedError):
    """A strategy that was asked for by name is not installed."""


@dataclass(frozen=True, slots=True)
class Told:
    """A strategy by what its module says of it, and the package that it comes with."""

    name: str
    short: str
    method: str
    package: str


def list_strategies(names: Sequence[str], format: Format) -> None:
    """Print them, or those of `names` alone with their method. Raises NoSuchStrategy."""
    found = sorted((*planners(), *installed()), key=lambda own: (own.name != AUTO, own.name))
    if names:
        if missing := absent(names, (own.name for own in found)):
            known = ", ".join(own.name for own in found)
            raise NoSuchStrategy(f"no strategy {missing} is installed; a job may name {known}")
        found = [own for own in found if own.name in names]
    if format in (Format.JSON, Format.YAML):
        data = [{"name": own.name, "short": own.short, "method": own.method, "package": own.package} for own in found]
        write_data(data, format)
    elif format is Format.NAME:
        for own in found:
            print(own.name)
    elif names:
        print("\n\n".join(f"{own.name} ({own.package}): {own.short}\n{own.method}".rstrip() for own in found))
    else:
        wide = format is Format.WIDE
        rows = [(own.name, own.short, own.package, own.method)[: 4 if wide else 2] for own in found]
        write_table(WIDE_COLUMNS if wide else COLUMNS, rows)


def planners() -> Iterator[Told]:
    """The names that are the planner's own: they choose among strategies, or plan what no strategy alone can."""
    package = f"{CORE} {version(CORE)}"
    yield Told(AUTO, f"The default: {AUTO_STRATEGY} for graphs, {JPS} for distributed training", "", package)
    method = "Sampling-based joint placement of all training tasks that could start, with a proven bound."
    short = f"JPS: training that waits is sized and placed jointly, graphs go by {AUTO_STRATEGY}"
    yield Told(JPS, short, method, package)


def installed() -> Iterator[Told]:
    """By name. One that cannot be loaded is a warning that names its package, and spoils no other."""
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        package = _package(point)
        try:
            kind = point.load()
            if not isinstance(kind, type) or not isinstance(kind(), Strategy):
                raise TypeError("it is no Strategy: it needs a name and schedule(problem)")
        except Exception as error:  # whatever another package raises, the others are listed
            problem = f"{type(error).__name__}: {error}"
            warn(f"strategy {point.name} ({point.value} of {package}) cannot be used: {problem}; mend or remove it")
            continue
        short, method = told(sys.modules[kind.__module__].__doc__ or kind.__doc__ or "")
        yield Told(point.name, short, method, package)


def told(text: str) -> tuple[str, str]:
    """The first paragraph of a docstring and the rest, each on one line."""
    first, _, rest = text.strip().partition("\n\n")
    return " ".join(first.split()).rstrip("."), " ".join(rest.split())


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
