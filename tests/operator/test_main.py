"""An uninstallation that is cut off does not pass for done: Helm would take the operator away in the middle of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from heterosched.signals import CUT_OFF
from http_apiserver import kubeconfig

ALONE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["suspend-all", "resume-all"])
def test_a_mode_that_ends_says_that_it_has_been_cut_off(mode: str, tmp_path: Path) -> None:
    allowed = subprocess.run([*ALONE, "true"], capture_output=True, text=True, check=False)
    if allowed.returncode:
        pytest.skip(f"no process namespace of our own here: {allowed.stderr.strip()}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60.0)
        config = kubeconfig(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        command = [sys.executable, "-m", "heterosched_operator", mode, f"--kubeconfig={config}"]
        # It has asked, and waits for an answer.
        with subprocess.Popen([*ALONE, *command], stderr=subprocess.DEVNULL) as outer, silent.accept()[0]:
            (first,) = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
            os.kill(int(first), signal.SIGTERM)
            assert outer.wait(30) == CUT_OFF
