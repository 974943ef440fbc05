"""What a run was made of, so that an equal one need not be repeated: configuration, code, data and versions."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

LIBRARIES = ("heterosched", "heterosched-lab", "numpy", "scipy", "matplotlib")
"""Whose versions decide about the figures and the pictures."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that the files of a run depend on; two runs of equal configuration have equal files.

    `code` is a digest of the sources that the benchmark can reach, `data` one of the names and sizes of its data.
    """

    benchmark: str
    seeds: tuple[int, ...]
    short: bool
    options: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    data: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command line that makes this run again."""
        words = ["heterosched bench run", self.benchmark, "--seeds", ",".join(map(str, self.seeds))]
        words += ["--short"] if self.short else []
        return " ".join([*words, *(f"--set {key}={value}" for key, value in sorted(self.options.items()))])


def versions() -> dict[str, str]:
    """Of Python and of the libraries that decide about the figures."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def code_digest(own: str, others: Iterable[str]) -> str:
    """Digest of the sources of the core and of the lab, less the packages of other benchmarks than `own`'s.

    `own` and `others` are modules' or packages' names; `own` may belong to another distribution.
    """
    apart = {name.split(".")[1] for name in others if name.startswith("heterosched_lab.") and not _within(own, name)}
    found = hashlib.sha256()
    for package in dict.fromkeys(("heterosched", "heterosched_lab", own.partition(".")[0])):
        for path, parts in _sources(package):
            if package != "heterosched_lab" or parts[0] not in apart:
                found.update("/".join((package, *parts)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def data_digest(data: Path, needs: Iterable[str], options: Iterable[str] = ()) -> str:
    """Digest of the names and sizes of the files below the folders that a benchmark needs.

    `options`: values that a user gave; of one that names a file the content counts.
    """
    found = hashlib.sha256()
    for need in needs:
        for path in sorted((data / need).rglob("*")):
            if path.is_file():
                found.update(f"{path.relative_to(data).as_posix()}\0{path.stat().st_size}\0".encode())
    for value in options:
        if value and Path(value).is_file():
            found.update(Path(value).read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _sources(package: str) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The files of a package with their parts below it, in an order that no file system decides; or a lone module."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return
    if spec.submodule_search_locations is None:
        yield Path(spec.origin), ()
        return
    root = Path(spec.origin).parent
    for parts in sorted(path.relative_to(root).parts for path in root.rglob("*.py")):
        yield root.joinpath(*parts), parts
