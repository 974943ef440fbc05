"""Knows the clusters of a folder: each one's `state.json` names the mark of its processes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from binaries import ControlPlaneError, cache_folder
from guardian import marked_processes, remove_tree, stop_marked

ENVIRONMENT = "environment.sh"
"""What whoever keeps a cluster writes beside its folder, to be sourced: paths and addresses that lead to it."""


def default_workdir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where clusters live unless told otherwise."""
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "heterosched" / "control-plane"


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return what a cluster wrote about itself into `folder`, None if there is none."""
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return state


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write what `read_state` returns."""
    (folder / "state.json").write_text(json.dumps(state))


def list_clusters(workdir: Path) -> list[tuple[str, int, str]]:
    """Return (name, number of living processes, kubeconfig) of every cluster in `workdir`, by name."""
    states = [read_state(folder) for folder in sorted(workdir.glob("*"))]
    return [(s["name"], len(marked_processes(s["mark"])), s["kubeconfig"]) for s in states if s is not None]


def forget_context(kubeconfig: Path, name: str, folder: Path) -> None:
    """Take the cluster `name` out of a kubeconfig that lies outside its `folder`, which may hold others' clusters."""
    if kubeconfig.is_relative_to(folder) or not kubeconfig.exists():
        return
    kubectl = cache_folder() / "bin" / "kubectl"
    entries = [f"{kind}.kwok-{name}" for kind in ("contexts", "clusters", "users")]
    current = subprocess.run(
        [kubectl, "--kubeconfig", kubeconfig, "config", "current-context"], capture_output=True, text=True, check=False
    )
    if current.stdout.strip() == f"kwok-{name}":
        entries.append("current-context")
    for entry in entries:
        subprocess.run(
            [kubectl, "--kubeconfig", kubeconfig, "config", "unset", entry], capture_output=True, check=False
        )


def forget_environment(kubeconfig: Path, workdir: Path) -> None:
    """Delete the file of exports that lies beside the cluster's folder, if it leads to this kubeconfig: whoever sources
    it later would ask a cluster that is gone, or that another one on the same port has replaced.
    """
    file = workdir / ENVIRONMENT
    try:
        stale = f"KUBECONFIG={kubeconfig} " in file.read_text().replace("\n", " ")
    except (OSError, UnicodeError):
        return
    if stale:
        file.unlink(missing_ok=True)


def end_cluster(name: str, workdir: Path) -> bool:
    """End the cluster `name` whoever started it, and delete its folder; return False if there is none."""
    folder = workdir.resolve() / name
    state = read_state(folder)
    if state is None:
        return False
    left = stop_marked(state["mark"], grace_s=0.5)
    if left:
        raise ControlPlaneError(f"cluster {name}: processes {left} do not end")
    forget_context(Path(state["kubeconfig"]), name, folder)
    forget_environment(Path(state["kubeconfig"]), folder.parent)
    remove_tree(folder)
    return True
