"""Leaves no process behind: every process of a control plane is marked, and a guardian ends the marked ones.

A control plane is a dozen processes, most of them started by `kwokctl`, which detaches them. Process ids written to
files go stale and are reused by the kernel, so nothing here trusts a stored id: each process carries a unique mark in
its environment (children inherit it), and whoever has to stop the control plane looks for that mark in /proc. A process
is opened (pidfd) before its mark is read, so the signal can only reach the process whose mark was seen.

The guardian is a child in a session of its own. It waits for its parent to end (in whatever way, SIGKILL included) or
to close the pipe, then ends all marked processes and deletes the folder of the control plane.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

MARK_VARIABLE = "HETEROSCHED_CONTROL_PLANE"
_KEEP = b"keep"


def marked_environment(mark: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with the mark by which `stop_marked` finds the processes started with it."""
    return {**environment, MARK_VARIABLE: mark}


def _bears_mark(pid: int, mark: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # gone, a zombie, or somebody else's
        return False
    return f"{MARK_VARIABLE}={mark}".encode() in environment.split(b"\0")


def marked_processes(mark: str) -> list[int]:
    """Return the ids of the living processes that bear `mark`, ascending; never the caller's own."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return sorted(pid for pid in pids if pid != os.getpid() and _bears_mark(pid, mark))


def _signal_if_marked(pid: int, mark: str, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            if _bears_mark(pid, mark):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def stop_marked(mark: str, grace_s: float = 0.0, limit_s: float = 20.0) -> list[int]:
    """End every process that bears `mark`: SIGTERM, and SIGKILL for what still lives after `grace_s` seconds.

    Repeats until none is left, because a marked process may start another one while it is being stopped. Returns the
    processes that outlived `limit_s` seconds (none, unless the kernel holds one in uninterruptible sleep).
    """
    started = time.monotonic()
    if grace_s > 0:
        for pid in marked_processes(mark):
            _signal_if_marked(pid, mark, signal.SIGTERM)
        while marked_processes(mark) and time.monotonic() - started < grace_s:
            time.sleep(0.05)
    while left := marked_processes(mark):
        if time.monotonic() - started > grace_s + limit_s:
            return left
        for pid in left:
            _signal_if_marked(pid, mark, signal.SIGKILL)
        time.sleep(0.05)
    return []


def remove_tree(folder: Path, keep_logs: bool = False) -> None:
    """Delete `folder`; with `keep_logs` all but the files in folders named `logs`, which explain a failed test."""
    if not keep_logs:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path, folders, names in os.walk(folder, topdown=False):
        here = Path(path)
        if "logs" in here.relative_to(folder).parts:
            continue
        for name in [*names, *(name for name in folders if (here / name).is_symlink())]:
            with contextlib.suppress(FileNotFoundError):
                (here / name).unlink()
        with contextlib.suppress(OSError):  # not empty: logs below it
            here.rmdir()


class Guardian:
    """The parent's handle on its guardian process."""

    def __init__(self, mark: str, folder: Path, keep_logs: bool = False) -> None:
        environment = {key: value for key, value in os.environ.items() if key != MARK_VARIABLE}
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve()), mark, str(folder), "logs" if keep_logs else "all"],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # a Ctrl-C in the terminal must not end it before it has cleaned up
        )

    @property
    def pid(self) -> int:
        """Process id of the guardian."""
        return self._process.pid

    def clean_up(self, timeout_s: float = 30.0) -> None:
        """Have everything marked ended and the folder deleted, and wait for it."""
        self._finish(b"", timeout_s)

    def release(self) -> None:
        """Send the guardian home without cleaning: the control plane stays when this process ends."""
        self._finish(_KEEP, 10.0)

    def _finish(self, message: bytes, timeout_s: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate(message, timeout=timeout_s)
        self._process.wait(timeout_s)


def _wait_for_parent() -> bytes:
    """Block until the parent ends or closes the pipe; return what it said last."""
    parent = os.getppid()
    said = b""
    for ready in _readable(parent):
        if ready is None:
            return said
        chunk = os.read(ready, 64)
        if not chunk:
            return said
        said += chunk
    return said


def _readable(parent: int) -> Iterator[int | None]:
    """Yield 0 when the pipe can be read, None when the parent is gone.

    The pipe alone would not do: a child that the parent forked without exec holds a copy of its other end.
    """
    try:
        alive = os.pidfd_open(parent)
    except ProcessLookupError:
        yield None
        return
    while os.getppid() == parent:
        ready, _, _ = select.select([0, alive], [], [])
        yield None if alive in ready and 0 not in ready else 0
    yield None


def main(arguments: list[str]) -> int:
    """Run as the guardian: `guardian.py MARK FOLDER all|logs`, the parent's pipe on standard input."""
    mark, folder, what = arguments
    if _wait_for_parent() == _KEEP:
        return 0
    left = stop_marked(mark)
    remove_tree(Path(folder), keep_logs=what == "logs")
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
