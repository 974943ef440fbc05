"""SAGA as an outside peer: its own virtual environment under build/, never a dependency of ours."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wfinstances import ROOT, Pairs

VERSION = "2.0.2"
ENVIRONMENT = ROOT / "build" / "bench" / "saga"
REQUIREMENTS = Path(__file__).with_name("saga-requirements.txt")
"""Pins SAGA and what it needs by hash."""

PAUSE = 10.0
"""Seconds between two lines of progress."""


class NoPeer(Exception):
    """SAGA cannot be run; says why."""


@dataclass(frozen=True)
class Case:
    """A problem in SAGA's terms."""

    key: str
    cost: Mapping[str, float]
    edges: Pairs
    speeds: Sequence[float]
    bandwidth: float

    def as_json(self) -> dict[str, Any]:
        """What saga_peer.py reads."""
        edges = [[one, two, size] for (one, two), size in self.edges.items()]
        return {
            "key": self.key,
            "cost": dict(self.cost),
            "edges": edges,
            "speeds": list(self.speeds),
            "bandwidth": self.bandwidth,
        }


def prepare() -> None:
    """Make the environment unless it is there. Raises NoPeer."""
    python = ENVIRONMENT / "bin" / "python"
    if python.exists() and _works(python):
        return
    uv = Path(sys.executable).with_name("uv")
    place = ENVIRONMENT.relative_to(ROOT)
    print(f"== bench: installing anrg-saga {VERSION} into {place} (about a minute)", file=sys.stderr, flush=True)
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--system-certs", "--require-hashes"]
    commands: tuple[list[str | Path], ...] = (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT],
        [*install, "--python", python, "-r", REQUIREMENTS],
    )
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            detail = getattr(error, "stderr", None) or str(error)
            raise NoPeer(f"anrg-saga {VERSION} could not be installed: {detail.strip()[-400:]}") from error
    if not _works(python):
        raise NoPeer(f"anrg-saga {VERSION} is installed in {ENVIRONMENT} but cannot be imported")


def _works(python: Path) -> bool:
    return (
        subprocess.run([python, "-c", "import saga.schedulers.heft"], capture_output=True, check=False).returncode == 0
    )


def makespans(cases: Sequence[Case], folder: Path) -> dict[str, float]:
    """Makespans of SAGA's HEFT by the case's key. Raises NoPeer.

    They do not depend on the machine, so what an earlier run found is kept in `folder` and used again.
    """
    kept = folder / "saga-makespans.json"
    known: dict[str, float] = json.loads(kept.read_text()) if kept.exists() else {}
    digests = {case.key: _digest(case) for case in cases}
    missing = [case for case in cases if digests[case.key] not in known]
    print(f"== bench: SAGA's HEFT on {len(missing)} problems, {len(cases) - len(missing)} known", file=sys.stderr)
    if missing:
        known |= {digests[key]: found["makespan"] for key, found in heft(missing, folder).items()}
        kept.write_text(json.dumps(known))
    return {case.key: known[digests[case.key]] for case in cases}


def _digest(case: Case) -> str:
    return hashlib.sha256(f"{VERSION} {json.dumps(case.as_json(), sort_keys=True)}".encode()).hexdigest()


def heft(cases: Sequence[Case], folder: Path) -> dict[str, dict[str, float]]:
    """Makespan and CPU seconds of SAGA's HEFT by the case's key. Raises NoPeer."""
    asked, answered = folder / "saga-cases.json", folder / "saga-results.json"
    asked.write_text(json.dumps([case.as_json() for case in cases]))
    command = [ENVIRONMENT / "bin" / "python", Path(__file__).with_name("saga_peer.py"), asked, answered]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}  # its ties depend on the hashes of names
    try:
        subprocess.run(command, check=True, env=environment)
    except subprocess.CalledProcessError as error:
        raise NoPeer(f"SAGA failed with status {error.returncode}") from error
    found: dict[str, dict[str, float]] = json.loads(answered.read_text())
    return found
