"""What the images are: which members of the workspace each holds, what it starts, and what it is called."""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION = (ROOT / "VERSION").read_text(encoding="utf-8").strip()
LOCK = ROOT / "requirements.txt"
OUTPUT = ROOT / "build" / "images"

USER = 65532
"""Who the processes are: the user that `nonroot` images of others have, too."""
PYTHON = "3.11"
"""The Python of the base image: wheels and byte code are made for it."""
PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""Which wheels an architecture takes; the C library of every base image named here is newer than 2.28."""


class ImageError(Exception):
    """An image cannot be made or does not work; the message says which, why, and what helps."""


@dataclass(frozen=True)
class Image:
    """One container image: what the workspace's `members` need, with their programs."""

    name: str
    members: tuple[str, ...]
    """Folders of the workspace; core comes with each of them."""
    entrypoint: str
    title: str

    @property
    def tag(self) -> str:
        """What it is called, with the version of everything here."""
        return f"heterosched/{self.name}:{VERSION}"

    @cached_property
    def scripts(self) -> dict[str, str]:
        """The members' programs: name to `module:function`."""
        found: dict[str, str] = {}
        for member in self.members:
            found |= project(member).get("scripts", {})
        return found

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """Our own packages in it, by their names on an index."""
        return tuple(project(member)["name"] for member in ("core", *self.members))


def project(member: str) -> dict[str, Any]:
    """The `[project]` table of a member of the workspace."""
    table: dict[str, Any] = tomllib.loads((ROOT / member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


IMAGES = (
    Image("operator", ("operator",), "heterosched-operator", "HeteroSched operator"),
    Image("extender", ("extender",), "heterosched-extender", "HeteroSched scheduler extender"),
    Image("cli", ("cli",), "heterosched", "HeteroSched command line"),
    Image("lab", ("cli", "lab"), "heterosched", "HeteroSched command line and lab"),
)


def git(*arguments: str) -> str:
    """What git says about the checkout; empty where there is none."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def epoch(environ: Mapping[str, str] = os.environ) -> int:
    """The one time that goes into what is built: SOURCE_DATE_EPOCH, else the last commit's, in seconds since 1970."""
    return int(environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or 0)


def revision() -> str:
    """The commit that is built, `-dirty` where files differ from it."""
    commit = git("rev-parse", "HEAD") or "unknown"
    return f"{commit}-dirty" if git("status", "--porcelain") else commit
