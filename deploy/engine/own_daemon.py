"""A daemon of our own by the `kind-local` tool: brought up stage by stage, shared, stopped by the last who leaves.

Who uses it holds a shared lock that the kernel drops when the process ends, however it ends. A mark names the daemon
that was started here; one that somebody else started is never stopped.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

FOR_IMAGES = ("apt", "daemon", "python")
FOR_KIND = ("apt", "daemon", "gobuild", "rootfs", "images", "python", "node")
"""The tool's stages in its own order; what is done is skipped by the tool itself."""
EXPECTED = {
    "apt": "installing Debian's docker, debootstrap and jq where they are missing",
    "gobuild": "building Kubernetes, containerd and kind, 6 minutes the first time",
    "rootfs": "making the nodes' root file system, 1 minute",
    "images": "making the control plane's images, 1 minute",
    "python": "making the base image for Python programs, 1 minute",
    "node": "putting the node image together, 1 minute",
}
_TAIL_LINES = 8


class Failed(Exception):
    """A stage of the tool failed; the message says which one, why, and where its log is."""


class Local:
    """The tool's daemon, its folder and those who use it."""

    def __init__(self, tool: Path, environ: Mapping[str, str]) -> None:
        cache = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/root")) / ".cache")
        self.tool = tool
        self.folder = cache / "heterosched" / "kind"
        self._environ = environ
        self._held: TextIO | None = None

    def settings(self) -> dict[str, str]:
        """Return the variables that reach the daemon: Debian's is old, and has no BuildKit plug-in."""
        socket = self.folder / "dk" / "docker.sock"
        return {"DOCKER_HOST": f"unix://{socket}", "DOCKER_API_VERSION": "1.41", "DOCKER_BUILDKIT": "0"}

    def enter(self, with_kind: bool, answers: Callable[[Mapping[str, str]], bool], say: Callable[[str], None]) -> None:
        """Have the daemon and its images ready and count as a user; Failed says what went wrong."""
        with self._alone():
            was_up = answers({**self._environ, **self.settings()})
            try:
                for stage in FOR_KIND if with_kind else FOR_IMAGES:
                    self._have(stage, was_up, say)
            except BaseException:  # Ctrl-C as well: nobody would be left to stop it
                self._stop_ours()
                raise
            self._held = (self.folder / "users.lock").open("w")
            fcntl.flock(self._held, fcntl.LOCK_SH)

    def _have(self, stage: str, was_up: bool, say: Callable[[str], None]) -> None:
        if (self.folder / f"stamp.{stage}").exists():
            return
        if stage in EXPECTED and not (stage == "apt" and was_up):
            say(f"engine: {EXPECTED[stage]}")
        self._run(stage)
        if stage == "daemon" and not was_up:
            (self.folder / "started-here").write_text(self._daemon(), encoding="utf-8")

    def leave(self) -> None:
        """Count as a user no more; the last one stops the daemon if it was started here."""
        if not self.folder.is_dir():
            return
        with self._alone():
            if self._held is not None:
                self._held.close()
                self._held = None
            self._stop_ours()

    def _stop_ours(self) -> None:
        """Stop the daemon if it was started here and nobody uses it."""
        mark = self.folder / "started-here"
        ours = mark.exists() and mark.read_text(encoding="utf-8") == self._daemon() != ""
        if ours and not self._in_use():
            self._run("stop")
            mark.unlink()

    def _in_use(self) -> bool:
        with (self.folder / "users.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _daemon(self) -> str:
        """Return the daemon's process number, empty where it has none."""
        try:
            return (self.folder / "dk" / "pid").read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from starting or stopping the daemon, or running the same stage, meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "stages.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _run(self, stage: str) -> None:
        log = self.folder / f"engine-{stage}.log"
        environ = {**self._environ, "W": str(self.folder), "PATH": self._path(stage)}
        environ.pop("DOCKER_HOST", None)
        with log.open("wb") as output:  # its own session: Ctrl-C here must not reach the daemon it starts
            done = subprocess.run(
                ["bash", str(self.tool), stage],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                check=False,
            )
        if done.returncode != 0:
            tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_TAIL_LINES:]
            raise Failed(f"no container engine: `{self.tool} {stage}` failed ({log}):\n  " + "\n  ".join(tail))

    def _path(self, stage: str) -> str:
        """Return PATH, with a Go that is new enough for the stages that build."""
        path = self._environ.get("PATH", os.defpath)
        if stage not in ("gobuild", "rootfs", "images"):
            return path
        ensure = Path(__file__).resolve().parent.parent / "ensure-go"
        python = shutil.which("python3", path=path) or "python3"
        done = subprocess.run([str(ensure), python], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"no container engine: no Go that could build it: {done.stderr.strip()}")
        return f"{done.stdout.strip()}:{path}"
