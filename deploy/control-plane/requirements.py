"""Checks what the control plane needs before anything starts, and says how to get what is missing."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from binaries import KUBERNETES, cache_folder, missing

PACKAGES_FILE = Path(__file__).resolve().parent.parent / "debian-packages.txt"
OLDEST_GO = (1, 26)
_GO_REMEDY = (
    f"run `make control-plane`, which gets it, or install Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer (unpack it to"
    " /usr/local and put /usr/local/go/bin on PATH)"
)


@dataclass(frozen=True)
class Requirement:
    """Something the control plane needs, and whether it is there."""

    name: str
    met: bool
    found: str
    """What was found, or what its absence means."""
    remedy: str = ""
    optional: bool = False

    def line(self) -> str:
        """Return one line for a person to read."""
        mark = "ok  " if self.met else ("--  " if self.optional else "MISS")
        return f"{mark} {self.name}: {self.found}" + ("" if self.met else f"; {self.remedy}")


def debian_packages(text: str) -> list[str]:
    """Return the package names in `text`: one per line, `#` starts a comment."""
    names = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [name for name in names if name]


def install_hint(package: str) -> str:
    """Return how to install a Debian package that `deploy/debian-packages.txt` names; ValueError if it does not."""
    if package not in debian_packages(PACKAGES_FILE.read_text()):
        raise ValueError(f"{PACKAGES_FILE} does not name {package}")
    return f"apt-get install {package} (all at once: make setup)"


def go_version(text: str) -> tuple[int, int] | None:
    """Return (major, minor) of a Go version such as `go1.26.8` or `go1.27rc1`, None if it is not one."""
    found = re.match(r"go(\d+)\.(\d+)", text.strip())
    return None if found is None else (int(found.group(1)), int(found.group(2)))


def check_go(folder: Path | None = None) -> Requirement:
    """Check Go; it is needed only while the cache lacks a program and no release can be downloaded.

    Asked inside the pinned module, so that an older Go that may fetch a newer toolchain answers for that one.
    """
    lacking = missing(folder or cache_folder())
    unneeded = " (not needed: all programs are cached)" if not lacking else ""
    if shutil.which("go") is None:
        return Requirement("Go", not lacking, f"not on PATH{unneeded}", _GO_REMEDY)
    asked = subprocess.run(
        ["go", "env", "GOVERSION"], cwd=KUBERNETES.folder, capture_output=True, text=True, timeout=300, check=False
    )
    version = go_version(asked.stdout)
    if asked.returncode != 0 or version is None:
        return Requirement("Go", not lacking, (asked.stderr.strip() or "unreadable version") + unneeded, _GO_REMEDY)
    return Requirement("Go", version >= OLDEST_GO or not lacking, asked.stdout.strip() + unneeded, _GO_REMEDY)


def check_program(name: str, package: str, consequence: str, optional: bool = False) -> Requirement:
    """Check that a program is on PATH; `consequence` says what does not work without it."""
    where = shutil.which(name)
    return Requirement(name, where is not None, where or consequence, install_hint(package), optional)


def check_venv() -> Requirement:
    """Check that this Python can make virtual environments: Debian ships that part as a package of its own."""
    able = importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None
    found = f"Python {platform.python_version()}" if able else "this Python cannot make a virtual environment"
    return Requirement("python3-venv", able, found, install_hint("python3-venv"))


def check_system() -> Requirement:
    """Check for Linux: processes are found by /proc and opened by pidfd."""
    name = platform.system()
    return Requirement("Linux", name == "Linux", f"{name} {platform.machine()}", "use a Linux machine or container")


def check_all() -> list[Requirement]:
    """Return every requirement of the control plane, met or not."""
    exporter = "host metrics of the real machine are not collected"
    return [
        check_system(),
        check_venv(),
        check_go(),
        check_program("prometheus", "prometheus", "telemetry cannot be scraped"),
        check_program("prometheus-node-exporter", "prometheus-node-exporter", exporter, optional=True),
    ]


def unmet(found: Sequence[Requirement]) -> list[Requirement]:
    """Return the requirements that are neither met nor optional."""
    return [requirement for requirement in found if not (requirement.met or requirement.optional)]
