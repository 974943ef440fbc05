#!/usr/bin/env python3
"""Builds the managers of Kueue and JobSet from pinned Go modules into the cache, beside their own manifests.

    python3 deploy/control-plane/queueing.py

They belong to no control plane: only the tests of what works together with them need them, and skip without.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from binaries import Module, build, cache_folder, ensure, go_platform, locked, missing
from pins import ControlPlaneError, pinned_version
from progress import Progress

KUEUE = Module(
    "kueue",
    "sigs.k8s.io/kueue",
    {"jobset": "sigs.k8s.io/jobset", "kueue": "sigs.k8s.io/kueue/cmd/kueue"},
    (),
    300.0,
)
PROGRAMS = tuple(KUEUE.programs)
HOW = "`make kueue` builds them, once"


def queueing_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the cache folder of the pinned versions; it holds `bin/` and `manifests/` once they are built."""
    versions = "_".join(f"{name}-{pinned_version(KUEUE.folder, f'sigs.k8s.io/{name}')}" for name in reversed(PROGRAMS))
    return cache_folder(environment).parent.parent / "queueing" / f"{versions}_{'-'.join(go_platform())}"


def lacking(folder: Path) -> list[str]:
    """Return what `folder` lacks: programs and manifests."""
    manifests = [f"{name}.yaml" for name in PROGRAMS if not (folder / "manifests" / f"{name}.yaml").exists()]
    return missing(folder, PROGRAMS) + manifests


def _enter(module: Module, source: Path, folder: Path) -> None:
    """Move the programs into the cache; they tell no version, so that they answer at all has to do."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for program in module.programs:
        done = subprocess.run([source / program, "--help"], capture_output=True, text=True, timeout=60, check=False)
        if "-config" not in done.stderr:
            raise ControlPlaneError(f"{program} does not run: {done.stderr.strip()[-500:]!r}")
        (source / program).replace(folder / "bin" / program)


def _render(program: str, folder: Path, kubectl: Path) -> None:
    """Write the project's own installation (its kustomization lies in the module) into `manifests/`."""
    asked = ["go", "list", "-m", "-mod=readonly", "-f", "{{.Dir}}", f"sigs.k8s.io/{program}"]
    found = subprocess.run(asked, cwd=KUEUE.folder, capture_output=True, text=True, timeout=300, check=False)
    source = Path(found.stdout.strip()) / "config" / "default"
    done = subprocess.run([kubectl, "kustomize", source], capture_output=True, text=True, timeout=120, check=False)
    if found.returncode != 0 or done.returncode != 0:
        raise ControlPlaneError(f"{program} has no manifests: {(found.stderr or done.stderr).strip()[-500:]}")
    (folder / "manifests").mkdir(exist_ok=True)
    arriving = folder / "manifests" / f"{program}.arriving"
    arriving.write_text(done.stdout)
    arriving.replace(folder / "manifests" / f"{program}.yaml")


def ensure_queueing(progress: Progress | None = None) -> Path:
    """Return the folder with everything, building it first if need be; ControlPlaneError says what failed."""
    progress, folder = progress or Progress(), queueing_folder()
    if not lacking(folder):
        return folder
    if shutil.which("go") is None:
        raise ControlPlaneError("Go is not installed; `control_plane.py doctor` says how to get it")
    kubectl = ensure() / "kubectl"
    with locked(folder, progress):
        if missing(folder, PROGRAMS):
            build(KUEUE, folder, progress, _enter)
        for program in PROGRAMS:
            _render(program, folder, kubectl)
    return folder


def main() -> int:
    """Build what the cache lacks; 0 is success, 1 an error that was explained."""
    try:
        print(ensure_queueing())
    except ControlPlaneError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
