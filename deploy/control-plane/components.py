"""Stops and starts single parts of a running control plane: the faults that tests bring about.

kwokctl starts and stops whole clusters only, and leaves the process id of each part in a file. A part is started again
exactly as kwokctl started it: its command line, environment and folder are read from the kernel before it is killed.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

from binaries import ControlPlaneError
from processes import Process, signal_process, wait_for_exit

ENDED = ("Z", "X")
"""States in /proc/PID/stat of a process that has ended: a zombie, and dead."""
LOADING_CHECKS, LOADING_SECONDS = 50, 0.02


def _runs(pid: int, name: str) -> bool:
    """Return whether process `pid` lives and is the part `name`: the kernel gives a dead one's id to others."""
    return Path(_program(Path(f"/proc/{pid}"))).name == name


def _program(process: Path) -> str:
    """Return what `process`, its folder in /proc, runs; empty where it has ended.

    The command line of a zombie is empty, but so, for a moment, is that of a process whose program is being loaded.
    """
    try:
        for _ in range(LOADING_CHECKS):
            program = (process / "cmdline").read_text().split("\0")[0]
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            if program or state in ENDED:
                return program
            time.sleep(LOADING_SECONDS)
    except OSError:
        pass
    return ""


def ended_components(cluster: Path) -> list[str]:
    """Return the names of the parts that kwokctl has started and that have ended since."""
    ended = []
    for file in sorted((cluster / "pids").glob("*.pid")):
        text = file.read_text()
        if text and not _runs(int(text), file.stem):
            ended.append(file.stem)
    return ended


class Component:
    """One part of the control plane, such as `kube-apiserver`; `cluster` is kwokctl's folder of the cluster."""

    def __init__(self, name: str, cluster: Path) -> None:
        self.name = name
        self._pid_file = cluster / "pids" / f"{name}.pid"
        self._log = cluster / "logs" / f"{name}.log"
        self._restarted: Process | None = None
        if not self._pid_file.exists():
            names = ", ".join(sorted(path.stem for path in self._pid_file.parent.glob("*.pid")))
            raise ControlPlaneError(f"{cluster} has no component {name}; it has {names or 'none'}")

    @property
    def pid(self) -> int:
        """Process id of the running part; ControlPlaneError if it is stopped."""
        try:
            pid = int(self._pid_file.read_text())
        except OSError:
            raise ControlPlaneError(f"component {self.name} is stopped; start() it first") from None
        if not _runs(pid, self.name):
            raise ControlPlaneError(f"component {self.name} has ended, see {self._log}")
        return pid

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP to hang the part and SIGCONT to revive it."""
        signal_process(self.pid, number)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the part by a signal and wait until it is gone; remembers how to start it again."""
        pid = self.pid
        kernel = Path(f"/proc/{pid}")
        argv = (kernel / "cmdline").read_text().rstrip("\0").split("\0")
        settings = [entry.partition("=") for entry in (kernel / "environ").read_text().rstrip("\0").split("\0")]
        environment = {key: value for key, _, value in settings}
        successor = Process(self.name, argv, environment, self._log, (kernel / "cwd").readlink())
        signal_process(pid, number)
        self.reap(30.0)
        if not wait_for_exit(pid, 30.0):
            raise ControlPlaneError(f"component {self.name} (process {pid}) did not end within 30 s of {number.name}")
        self._restarted = successor

    def start(self) -> None:
        """Start the stopped part as it was started before; ControlPlaneError if it was never stopped here."""
        if self._restarted is None:
            raise ControlPlaneError(f"component {self.name} was not stopped by this handle; call stop() first")
        self._pid_file.write_text(str(self._restarted.start().pid))

    def restart(self, downtime_s: float = 0.0) -> None:
        """Kill the part, wait `downtime_s` seconds, start it again."""
        self.stop()
        time.sleep(downtime_s)
        self.start()

    def reap(self, timeout_s: float) -> None:
        """Take the exit status of a part that this process had restarted, hence whose parent it is."""
        if self._restarted is not None:
            self._restarted.wait(timeout_s)
