"""Everything that goes into the images, installed once for one architecture and made the same every time.

Nothing is run for the target: wheels are unpacked by uv for the platform named, so that images for arm64 are made on
amd64 and no `RUN` needs a network. Byte code is added (a read-only root would compile at every start), checked by hash
instead of time.
"""

from __future__ import annotations

import compileall
import csv
import io
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import Distribution, PathDistribution
from multiprocessing import get_context
from pathlib import Path

from lock import normal
from recipes import PLATFORMS, ROOT, VERSION, ImageError

SELDOM = re.compile(r"/tests?/|^(fontTools|sqlalchemy/dialects)/")
"""Not compiled beforehand: tests, and modules of which a program loads a few of very many, when it first needs them."""
UNUSED = re.compile(r"kubernetes/(aio/)?client/(models|api)/(?!__init__\.py$)")
"""Left out: 70 MB of generated models and calls, loaded only by name. We use the package's transport alone
(heterosched.kube.client); a test holds that it works without them."""
_UV = str(Path(sys.executable).with_name("uv"))
_LOCAL_FACTS = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
"""What an installer notes about the machine it runs on."""


def _run(command: list[str], what: str, environ: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environ, check=False)
    if done.returncode != 0:
        raise ImageError(f"{what} failed:\n{done.stderr.strip()}")


def build_wheels(source: Path, members: Iterable[str], folder: Path, environ: dict[str, str]) -> None:
    """Build the wheels of the members below `source` into `folder`, by the pinned build backend."""
    options = ["--quiet", "--wheel", "--no-build-isolation", "--no-create-gitignore", "--python", sys.executable]
    for member in members:
        command = [_UV, "build", *options, "--out-dir", str(folder), str(source / member)]
        _run(command, f"building the wheel of {member}", environ)


def install(requirements: str, own: Iterable[str], wheels: Path, folder: Path, arch: str, python: str) -> None:
    """Install packages of others by hash and our own from `wheels` into `folder`, for the architecture named."""
    listed = folder.with_suffix(".txt")
    listed.write_text(requirements, encoding="utf-8")
    base = [_UV, "pip", "install", "--quiet", "--system-certs", "--target", str(folder), "--link-mode", "copy"]
    base += ["--python-version", python, "--python-platform", PLATFORMS[arch], "--no-deps"]
    _run([*base, "--only-binary", ":all:", "--require-hashes", "-r", str(listed)], f"downloading wheels for {arch}")
    pinned = [f"{name}=={VERSION}" for name in own]
    # Not from uv's cache: it takes a wheel of the same name and version for the same wheel.
    _run([*base, "--no-cache", "--no-index", "--find-links", str(wheels), *pinned], "installing our own wheels")
    tidy(folder)


def tidy(folder: Path) -> None:
    """Remove what nothing uses, and what tells of this machine: launchers with its paths, notes of the installer."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for path in folder.glob("kubernetes/**/*.py"):
        if UNUSED.match(path.relative_to(folder).as_posix()):
            path.unlink()
    for pattern in ("*.lock", ".lock"):
        for path in folder.glob(pattern):
            path.unlink()
    for info in folder.glob("*.dist-info"):
        for name in _LOCAL_FACTS:
            (info / name).unlink(missing_ok=True)
        record = info / "RECORD"
        rows = csv.reader(io.StringIO(record.read_text(encoding="utf-8")))
        kept = sorted(row for row in rows if (folder / row[0]).is_file() and ".." not in Path(row[0]).parts)
        with record.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(kept)


def interpreter(python: str) -> None:
    """Refuse where byte code for `python` cannot be made: it is of the minor that runs this."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if here != python:
        remedy = f"make the virtual environment with Python {python} (make setup PYTHON=python{python})"
        raise ImageError(f"the base image has Python {python}, byte code would be of {here}: {remedy}, or name a base")


def _compile(job: tuple[Path, str]) -> None:
    folder, path = job
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_file(folder / path, quiet=2, stripdir=str(folder), prependdir="/opt/heterosched/lib",
                            invalidation_mode=mode)  # fmt: skip


def compile_all(folder: Path) -> None:
    """Add byte code that depends on the source alone. What is no Python for this version stays as it is."""
    paths = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    jobs = [(folder, path) for path in paths if not SELDOM.search(path)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:  # forking what has threads may hang
        for _ in pool.map(_compile, jobs, chunksize=64):
            pass


class Store:
    """The installed packages of a folder, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = [PathDistribution(path) for path in sorted(folder.glob("*.dist-info"))]
        self.packages: dict[str, Distribution] = {normal(each.metadata["Name"]): each for each in found}

    def files(self, names: Iterable[str]) -> list[Path]:
        """The files of the packages named, byte code included, in order."""
        found: set[Path] = set()
        for name in names:
            for listed in self.packages[normal(name)].files or ():
                path = self.folder / listed
                found.add(path)
                if path.suffix == ".py":
                    found.update(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))
        return sorted(found)
