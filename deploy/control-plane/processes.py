"""A process beside the control plane: started with a log file, stopped by its handle, started again for fault tests."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def wait_until(condition: Callable[[], bool], timeout_s: float, interval_s: float = 0.05) -> bool:
    """Poll `condition` until it holds; return False if it does not within `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_s)
    return True


def _ephemeral_start() -> int:
    """Return the lowest port that the kernel hands out to outgoing connections."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return 32768


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on now.

    It lies below the kernel's ephemeral range, so that no outgoing connection takes it before a server listens there,
    or while that server is down in a fault test. Raises OSError if none of a hundred candidates is free.
    """
    highest = _ephemeral_start() - 1000  # kwokctl picks its own ports from just below the range
    for _ in range(100):
        port = random.randint(min(10_000, highest - 1000), highest)
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                return port
    raise OSError("no free TCP port found on 127.0.0.1")


def wait_for_exit(pid: int, timeout_s: float) -> bool:
    """Wait until the process `pid` (a child or not) has ended; return False if it lives after `timeout_s` seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout_s)[0])
    finally:
        os.close(handle)


def signal_process(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process (a child or not) by a handle; ProcessLookupError if it is gone."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


class Process:
    """One process with its command, environment and log; `start` after `kill` runs the same command again."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], log: Path, cwd: Path) -> None:
        self.name = name
        self.argv = list(argv)
        self.environment = dict(environment)
        self.log = log
        self.cwd = cwd
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> Process:
        """Start it unless it runs already; its output is appended to `log`."""
        if not self.alive():
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                self._popen = subprocess.Popen(
                    self.argv,
                    env=self.environment,
                    cwd=self.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # a Ctrl-C is for the parent, which then stops things in order
                )
        return self

    @property
    def pid(self) -> int:
        """Process id; RuntimeError before the first start."""
        if self._popen is None:
            raise RuntimeError(f"process {self.name} was never started; call start() first")
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Exit status (minus the signal's number if one ended it), None while it runs."""
        return None if self._popen is None else self._popen.poll()

    def alive(self) -> bool:
        """Return whether it runs (a stopped one, SIGSTOP, counts as running)."""
        return self._popen is not None and self._popen.poll() is None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal: SIGSTOP and SIGCONT hang and revive it. Does nothing to a process that has ended."""
        if self._popen is not None:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL it, as a crash would, and wait until it is gone."""
        self.send_signal(signal.SIGKILL)
        self.wait(10.0)

    def stop(self, grace_s: float = 5.0) -> int | None:
        """SIGTERM it, SIGKILL it after `grace_s` seconds; return the exit status."""
        self.send_signal(signal.SIGTERM)
        self.send_signal(signal.SIGCONT)  # a stopped process would not see the SIGTERM
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(grace_s)
        self.kill()
        return self.returncode

    def restart(self) -> Process:
        """Kill it and start it again."""
        self.kill()
        return self.start()

    def wait(self, timeout_s: float) -> int | None:
        """Wait for its end; return the exit status. Raises subprocess.TimeoutExpired."""
        return None if self._popen is None else self._popen.wait(timeout_s)

    def output(self) -> str:
        """Return what its log holds."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""
