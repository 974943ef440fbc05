"""A copy of the sources that are built: what is edited meanwhile does not end up in one image and not in another."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from recipes import ROOT

_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info", "build", "dist")


def members() -> tuple[str, ...]:
    """The folders of the workspace."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[str] = table["tool"]["uv"]["workspace"]["members"]
    return tuple(found)


def copy(source: Path, target: Path) -> None:
    """Copy the workspace's members, and what names them as one, from `source` to `target`, which must not exist."""
    for member in members():
        shutil.copytree(source / member, target / member, ignore=_LEFT_OUT)
        shutil.copy2(source / "LICENSE", target / member / "LICENSE")  # each package is published on its own
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy2(source / name, target / name)
