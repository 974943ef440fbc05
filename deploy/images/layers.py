"""An image's two layers as archives that are the same byte for byte whenever they are made of the same files."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

HOME = PurePosixPath("opt/heterosched")
OF_OTHERS_TIME = 315532800
"""The time of all files of others, the first that a zip knows: their layer stays the same from commit to commit."""
LAUNCHER = """#!/usr/bin/env python3
# As process 1 a container's program gets only the signals it asks for: until it does, SIGTERM ends it here.
import signal
import sys

signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))

from {module} import {function}

sys.exit({function}())
"""


def launcher(target: str) -> bytes:
    """The program that starts `module:function`."""
    module, function = target.split(":")
    return LAUNCHER.format(module=module, function=function).encode()


def _entry(name: PurePosixPath, mode: int, kind: bytes, size: int, mtime: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(str(name))
    entry.type, entry.mode, entry.size, entry.mtime = kind, mode, size, mtime
    return entry  # owner and group are root's: a process may not change its own program


def write_layer(target: Path, files: Iterable[tuple[PurePosixPath, Path | bytes, int]], mtime: int) -> None:
    """Write an archive of files (name below the root, content, mode) with all folders above them."""
    listed = {name: (content, mode) for name, content, mode in files}
    folders = {parent for name in listed for parent in name.parents if parent.parts}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(folders | set(listed)):
            if name in folders:
                archive.addfile(_entry(name, 0o755, tarfile.DIRTYPE, 0, mtime))
                continue
            content, mode = listed[name]
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.addfile(_entry(name, mode, tarfile.REGTYPE, len(data), mtime), io.BytesIO(data))


def library(folder: Path, files: Iterable[Path]) -> list[tuple[PurePosixPath, Path | bytes, int]]:
    """Files of the store as they lie in the image."""
    return [(HOME / "lib" / path.relative_to(folder).as_posix(), path, 0o644) for path in files]


def programs(scripts: dict[str, str]) -> list[tuple[PurePosixPath, Path | bytes, int]]:
    """Launchers as they lie in the image."""
    return [(HOME / "bin" / name, launcher(target), 0o755) for name, target in scripts.items()]
