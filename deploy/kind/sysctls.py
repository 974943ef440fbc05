"""What kubelets change of the machine they run on, noted before a cluster is made and put back after it is gone.

A kubelet in a container sets sysctls that are the whole machine's: memory may be overcommitted, a kernel oops becomes a
panic, and a panic restarts the machine after ten seconds. kind leaves that behind. The note is a file, so that the run
after one that was killed still knows what was there first.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

NAMES = (
    "vm/overcommit_memory",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def note(file: Path, folder: Path = Path("/proc/sys")) -> None:
    """Write the values down unless an earlier run's note is still there."""
    if file.exists():
        return
    values = {name: (folder / name).read_text().strip() for name in NAMES if (folder / name).exists()}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(values))
    partial.rename(file)


def put_back(file: Path, folder: Path = Path("/proc/sys")) -> list[str]:
    """Restore what the note says and remove it; returns what differs still, for want of the right to write it."""
    if not file.exists():
        return []
    left = []
    for name, value in json.loads(file.read_text()).items():
        at = folder / name
        if at.read_text().strip() == value:
            continue
        if os.access(at, os.W_OK):
            at.write_text(value)
        else:
            left.append(name)
    file.unlink()
    return left
