"""The first process of a container ends at SIGTERM while it still loads, where the kernel would drop the signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heterosched import signals

LOADING = """
import sys
import time
from heterosched.signals import heed_sigterm
heed_sigterm(*map(int, sys.argv[1:]))
print("loading", flush=True)
time.sleep(60)
"""
ALONE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")


def test_only_the_first_process_needs_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    signals.heed_sigterm()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("status", [0, signals.CUT_OFF])
def test_the_first_process_of_a_container_ends_while_it_loads(status: int) -> None:
    allowed = subprocess.run([*ALONE, "true"], capture_output=True, text=True, check=False)
    if allowed.returncode:
        pytest.skip(f"no process namespace of our own here: {allowed.stderr.strip()}")
    command = [sys.executable, "-c", LOADING, *([str(status)] if status else [])]
    with subprocess.Popen([*ALONE, *command], stdout=subprocess.PIPE, text=True) as outer:
        assert outer.stdout is not None
        assert outer.stdout.readline() == "loading\n"
        (first,) = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        os.kill(int(first), signal.SIGTERM)
        assert outer.wait(30) == status
