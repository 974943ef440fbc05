"""What `make` says on the way to a target is a sentence, not the bare output of a program that other programs read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_control_planes_folder_is_told_as_what_it_is(tmp_path: Path) -> None:
    for name, said in (("go", "go1.99"), ("python", "/cache/bin")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {said}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    command = ["make", "-s", "control-plane", f"BIN={tmp_path}", "-o", "setup"]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "== control plane: its programs are in /cache/bin\n"
