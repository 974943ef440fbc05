"""Where the pinned versions stand, and which Kubernetes is meant: the default minor or the one that is asked for."""

from __future__ import annotations

import re
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "modules"
MINOR = "HETEROSCHED_KUBERNETES"
"""Environment variable: a minor version of Kubernetes, such as `1.34`, to take in place of the default one."""
DEFAULT = "kubernetes"
"""Folder of the default minor's pins; those of another lie in `kubernetes-MINOR`."""


class ControlPlaneError(Exception):
    """Something about the control plane does not work; the message says what, where and what to do."""


def pinned_version(folder: Path, path: str) -> str:
    """Return the version of the module `path` that `folder`/go.mod requires; ControlPlaneError if it names none."""
    found = re.search(rf"^require {re.escape(path)} v(\S+)$", (folder / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ControlPlaneError(f"{folder / 'go.mod'}: no line `require {path} vX.Y.Z`")
    return found.group(1)


def kubernetes_minors(modules: Path = MODULES) -> dict[str, Path]:
    """Return the pinned minors of Kubernetes, such as `1.34`, and the folders of their pins, oldest first."""
    found = {}
    for folder in modules.glob(f"{DEFAULT}*"):
        major, minor = pinned_version(folder, "k8s.io/kubernetes").split(".")[:2]
        found[int(major), int(minor)] = folder
    return {f"{major}.{minor}": found[major, minor] for major, minor in sorted(found)}


def minor_folder(minor: str, modules: Path = MODULES) -> Path:
    """Return the folder of a minor's pins, of the default's where `minor` is empty; ControlPlaneError if not pinned."""
    if not minor:
        return modules / DEFAULT
    folder = kubernetes_minors(modules).get(minor)
    if folder is None:
        raise ControlPlaneError(
            f"{MINOR}={minor}: no such minor is pinned; take {', '.join(kubernetes_minors(modules))}"
        )
    return folder
