"""Which benchmarks there are and where the public data lies. Found by entry point, so that a plug-in is one of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from heterosched.errors import InvalidInput
from heterosched_lab.runs.types import Benchmark

ENTRY_POINTS = "heterosched.benchmarks"
DATA_VARIABLE = "HETEROSCHED_DATA"


@dataclass(frozen=True, slots=True)
class Listed:
    """A benchmark as `bench list` shows it. `missing`: of `needs`; `problem`: why it cannot be loaded, or ""."""

    name: str
    title: str
    needs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str = ""


def data_folder() -> Path:
    """The folder of public data: $HETEROSCHED_DATA, else shared/data beside the checkout. It need not exist."""
    given = os.environ.get(DATA_VARIABLE, "")
    return Path(given) if given else Path(__file__).resolve().parents[4] / "shared" / "data"


def names() -> tuple[str, ...]:
    """Names of all benchmarks, sorted."""
    return tuple(sorted(_points()))


def chosen(given: tuple[str, ...]) -> tuple[str, ...]:
    """The benchmarks of these names, each once, in the order given; `all` stands for every one."""
    known = names()
    for name in given:
        if name != "all" and name not in known:
            raise InvalidInput(f"benchmark {name}", "", "there is none of this name", f"choose of: {', '.join(known)}")
    return known if "all" in given else tuple(dict.fromkeys(given))


def load(name: str) -> Benchmark:
    """The benchmark of this name; refuses one whose module does not load, with the reason."""
    chosen((name,))
    point = _points()[name]
    try:
        found: Benchmark = point.load()()
    except Exception as error:
        problem = f"{point.value} cannot be loaded: {type(error).__name__}: {error}"
        raise InvalidInput(f"benchmark {name}", "", problem, "mend or remove the package that offers it") from error
    return found


def listed(data: Path) -> list[Listed]:
    """Every benchmark with the data that it needs and lacks."""
    rows = []
    for name in names():
        try:
            found = load(name)
        except InvalidInput as error:
            rows.append(Listed(name, "", problem=error.problem))
        else:
            rows.append(Listed(name, found.title, tuple(found.needs), missing(found, data)))
    return rows


def missing(benchmark: Benchmark, data: Path) -> tuple[str, ...]:
    """Folders of public data that the benchmark needs and that are not there, or are empty."""
    return tuple(need for need in benchmark.needs if not any((data / need).glob("*")))


def options(benchmark: Benchmark) -> Mapping[str, str]:
    """What the benchmark can be told by `--set`, with a word on each: its attribute `options`, where it has one."""
    found: Mapping[str, str] = getattr(benchmark, "options", {})
    return found


def packages() -> Mapping[str, str]:
    """By benchmark: the package that holds it, such as heterosched_lab.openb. Nothing is imported."""
    return {name: point.module.rpartition(".")[0] for name, point in _points().items()}


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}
