"""`heterosched jobs --watch`: what becomes of HeteroJobs, as it happens, until those that are named have finished.

A terminal gets a table with bars, a pipe a line for every change. A watch that is cut goes on where it stood: that is
the reflector's work, the very one that the extender lives on.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import typer

from heterosched.errors import HeteroSchedError, InvalidQuantity
from heterosched.kube.client import Kube
from heterosched.kube.objects import KubeObject
from heterosched.kube.reflector import Reflector
from heterosched.units import parse_duration
from heterosched_cli.jobs import Line, data_of, line_of, named
from heterosched_cli.kubeconfig import namespace_of
from heterosched_cli.live import API, ask, list_ours
from heterosched_cli.output import Format, note, write_data
from heterosched_cli.progress import Progress, progress_of, sentence, table
from heterosched_cli.repeat import INTERRUPTED

FAILED: Final = 4
"""Exit code: a job that was waited for has failed, or is gone."""
TICK_SECONDS: Final = 1.0
"""How often a terminal's clocks go on while nothing happens."""


class NotInTime(HeteroSchedError):
    """Jobs that have not finished within --timeout."""


class Seen(KubeObject, frozen=True, gc=False):
    """A HeteroJob as it is watched: read further only when it is shown."""

    spec: msgspec.Raw = msgspec.Raw(b"{}")
    status: msgspec.Raw = msgspec.Raw(b"{}")

    def line(self) -> Line | None:
        """As `jobs` lists it; None, with a warning, where it cannot be read."""
        metadata = {key: value for key, value in msgspec.to_builtins(self.metadata).items() if value is not None}
        parts = {key: msgspec.json.decode(getattr(self, key)) for key in ("spec", "status")}
        return line_of({"metadata": metadata, **parts})


class View(Protocol):
    """Where the jobs are shown."""

    def show(self, lines: Sequence[Line]) -> None:
        """All jobs as they stand now, changed or not."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


@dataclass(frozen=True, slots=True)
class WatchCommand:
    """The options of the command; without `names` all jobs are watched, for ever."""

    names: Sequence[str]
    namespace: str
    everywhere: bool
    kubeconfig: Path | None
    context: str

    def run(self, format: Format, timeout: str) -> int:
        """Watch and return the exit code. Raises BadParameter, NoSuchJob, NotInTime, Unavailable (at the
        start), NotInstalled.
        """
        seconds = _limit(timeout) if timeout else None
        place = "" if self.everywhere else namespace_of(self.namespace, self.kubeconfig, self.context)
        follow = _Follow(self.names, place, view_of(format))
        try:
            return ask(lambda kube: follow.run(kube, seconds), self.kubeconfig, self.context)
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            follow.view.close()


def _limit(timeout: str) -> float:
    """Seconds. Raises BadParameter."""
    try:
        return parse_duration(timeout)
    except InvalidQuantity as error:
        raise typer.BadParameter(f"{error.problem}; write 2h30m, 45s or 1.5s", param_hint="--timeout") from error


class _Follow:
    """One watch: what has been seen of the named jobs, and when all is over."""

    def __init__(self, names: Sequence[str], place: str, view: View) -> None:
        self.view = view
        self._names, self._place = names, place
        self._last: dict[str, Line] = {}
        self._read: dict[str, tuple[str, Line | None]] = {}

    async def run(self, kube: Kube, seconds: float | None) -> int:
        objects = await list_ours(kube, "heterojobs", self._place)
        if self._names:
            where = f"namespace {self._place}" if self._place else "any namespace"
            present = [line for line in map(line_of, objects) if line is not None]
            self._last = {line.job.key: line for line in named(present, self._names, where)}
        path = f"{API}/namespaces/{self._place}/heterojobs" if self._place else f"{API}/heterojobs"
        changed = asyncio.Event()
        alone = f"metadata.name={self._names[0]}" if len(self._names) == 1 else ""
        jobs = Reflector(kube, path, Seen, field_selector=alone, on_change=lambda old, new: changed.set())
        task = asyncio.create_task(jobs.run())
        try:
            async with asyncio.timeout(seconds):
                await jobs.synced.wait()
                while not self._over(jobs):
                    with suppress(TimeoutError):  # not by wait_for: before Python 3.12 that may lose a Ctrl-C
                        async with asyncio.timeout(TICK_SECONDS):
                            await changed.wait()
                    changed.clear()
        except TimeoutError:
            if not self._names:
                return 0
            open = [
                f"{key} {progress_of(line, time.time()).state}" for key, line in self._last.items() if not over(line)
            ]
            raise NotInTime(
                f"not finished in time: {', '.join(open)}; watch again, or give a longer --timeout"
            ) from None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return self._verdict(jobs)

    def _over(self, jobs: Reflector[Seen]) -> bool:
        """Show what there is; whether all named jobs have finished or are gone."""
        seen = [line for line in (self._line(own) for _, own in sorted(jobs.items.items())) if line is not None]
        if not self._names:
            self.view.show(seen)
            return False
        there = {line.job.key: line for line in seen if line.job.metadata.name in self._names}
        self._last.update(there)
        self.view.show(list(there.values()))
        return all(over(line) or key not in there for key, line in self._last.items())

    def _line(self, own: Seen) -> Line | None:
        """Each version of a job is read once."""
        known = self._read.get(own.key)
        if known is None or known[0] != own.metadata.resource_version:
            known = self._read[own.key] = (own.metadata.resource_version, own.line())
        return known[1]

    def _verdict(self, jobs: Reflector[Seen]) -> int:
        code = 0
        for key, line in self._last.items():
            failed = line.status.condition("Failed")
            if failed is not None and failed.status == "True":
                note(f"error: HeteroJob {key}: {failed.reason}: {failed.message}; heterosched jobs names its tasks")
                code = FAILED
            elif not over(line) and key not in jobs.items:
                note(f"error: HeteroJob {key} was deleted before it finished")
                code = FAILED
        return code


def over(line: Line) -> bool:
    """Whether nothing will happen to the job any more."""
    return line.status.is_true("Completed") or line.status.is_true("Failed")


def view_of(format: Format) -> View:
    """A terminal gets bars where it is a table that is asked for."""
    if format in (Format.TABLE, Format.WIDE) and sys.stdout.isatty():
        return _Bars()
    return _Lines(_writer(format))


def _writer(format: Format) -> Callable[[Line, Progress], None]:
    def write(line: Line, progress: Progress) -> None:
        if format is Format.JSON:
            print(msgspec.json.encode(data_of(line)).decode())
        elif format is Format.YAML:
            print("---")
            write_data(data_of(line), format)
        elif format is Format.NAME:
            print(f"heterojob/{line.job.metadata.name}")
        else:
            print(sentence(progress, time.time()))

    return write


class _Lines:
    """A line (or a document) for each change of what would be shown."""

    def __init__(self, write: Callable[[Line, Progress], None]) -> None:
        self._write = write
        self._shown: dict[str, tuple[Any, ...]] = {}

    def show(self, lines: Sequence[Line]) -> None:
        """What is new."""
        now = time.time()
        for line in lines:
            progress = progress_of(line, now)
            told = (progress.state, progress.tasks, progress.finish)
            if self._shown.get(progress.key) != told:
                self._shown[progress.key] = told
                self._write(line, progress)
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing is open."""


class _Bars:
    """A table that is drawn again in its place; what it showed last stays."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(auto_refresh=False)
        self._live.start()

    def show(self, lines: Sequence[Line]) -> None:
        """All of them."""
        now = time.time()
        remark = "" if lines and all(over(line) for line in lines) else "Ctrl-C ends the watch, not the jobs"
        self._live.update(table([progress_of(line, now) for line in lines], remark), refresh=True)

    def close(self) -> None:
        """The cursor is shown again."""
        self._live.stop()
