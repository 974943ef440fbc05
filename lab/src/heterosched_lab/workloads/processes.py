"""A crew of worker processes that carries out programs under a static or a dynamic distribution, and is measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from heterosched.errors import HeteroSchedError, InvalidInput, Unavailable
from heterosched_lab.workloads.deal import shares
from heterosched_lab.workloads.energy import Meter
from heterosched_lab.workloads.ticket import Ticket
from heterosched_lab.workloads.types import DISTRIBUTIONS, Distribution, Program, Run
from heterosched_lab.workloads.worker import Failed, Order, Report

MOST_WORKERS = 8
LARGEST_CREW = 1024
"""Processes that may be asked for: more are a slip of the pen that no machine survives."""
PATIENCE = 10.0
"""Seconds that a worker has to end when it is told to."""
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def usual_workers() -> int:
    """As many workers as there are cores that we may use, from 2 (one has nothing to be shared out) to 8."""
    return max(2, min(MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))


class Crew:
    """Worker processes that are started once, so that starting them is in no run's time. A context manager.

    They are programs of their own rather than forks or what multiprocessing spawns: the caller may have threads, which
    a fork would leave half dead, and a main module that takes long to import once more.
    """

    def __init__(self, workers: int, meter: Meter | None = None) -> None:
        if not 1 <= workers <= LARGEST_CREW:
            raise InvalidInput("workloads", "workers", f"it is {workers}", f"give a number from 1 to {LARGEST_CREW}")
        if sys.platform == "win32":
            remedy = "run it on Linux or macOS, in WSL, or as a pod (examples/workloads)"
            raise Unavailable(f"workloads: their processes share a counter as only POSIX has it; {remedy}")
        self.workers, self.meter = workers, meter or Meter.of()
        self._ticket = Ticket.new()
        self._lines: list[Connection] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        for _ in range(workers):
            ours, theirs = Pipe()
            self._lines.append(ours)
            self._processes.append(_started(theirs, self._ticket))
            theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close(at_once=error is not None)

    def close(self, at_once: bool = False) -> None:
        """Send the workers home; one that does not go, or all where it must be `at_once`, are stopped."""
        for line in self._lines:
            with suppress(OSError):  # it is gone already
                line.send(None)
            line.close()
        for process in self._processes:
            try:
                process.wait(0 if at_once else PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._lines:
            self._ticket.close()
        self._lines, self._processes = [], []

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the workers."""
        return tuple(process.pid for process in self._processes)

    def run(self, program: Program, distribution: Distribution, seed: int, chunks: Sequence[int] | None = None) -> Run:
        """One run, of all chunks or of some. Raises HeteroSchedError where a chunk fails, Unavailable where a worker
        dies; the crew is of no use afterwards in the latter case.
        """
        wanted = tuple(range(program.chunks) if chunks is None else chunks)
        if not wanted:
            raise InvalidInput(f"workload {program.name}", "part", "it has no chunk", "cut the work into fewer parts")
        if distribution not in DISTRIBUTIONS:
            remedy = f"use {' or '.join(DISTRIBUTIONS)}"
            raise InvalidInput(f"workload {program.name}", "distribution", f"unknown: {distribution!r}", remedy)
        orders = self._orders(program, distribution, seed, wanted)
        self._ticket.reset()
        before, began = self.meter.read(), time.monotonic()
        reports = self._carried_out(program, orders)
        done = sorted((one for report in reports for one in report.done), key=lambda one: one.chunk)
        answer = program.joined([one.part for one in done], seed)
        seconds, after = time.monotonic() - began, self.meter.read()
        cpu = tuple(report.cpu_seconds for report in reports)
        joules, source = self.meter.joules(before, after, seconds, sum(cpu))
        return Run(
            program.name, distribution, seed, seconds, sum(cpu), joules, source,
            units=program.units * len(wanted) / program.chunks,
            peak_bytes=sum(report.peak_bytes for report in reports), worker_cpu=cpu,
            completions=tuple(one.at - began for one in done),
            work_completions=tuple(one.cpu for one in done), answer=answer,
        )  # fmt: skip

    def _orders(self, program: Program, distribution: Distribution, seed: int, wanted: tuple[int, ...]) -> list[Order]:
        if distribution == "dynamic":
            return [Order(program, wanted, True, seed)] * self.workers
        dealt = shares(len(wanted), self.workers)
        return [Order(program, tuple(wanted[place] for place in share), False, seed) for share in dealt]

    def _carried_out(self, program: Program, orders: list[Order]) -> list[Report]:
        answers: list[Report | Failed] = []
        for number, (line, order) in enumerate(zip(self._lines, orders, strict=True)):
            with self._alive(number):
                line.send(order)
        for number, line in enumerate(self._lines):
            with self._alive(number):
                answers.append(line.recv())
        for answer in answers:
            if isinstance(answer, Failed):
                raise HeteroSchedError(f"workload {program.name}: chunk {answer.chunk} failed\n{answer.reason}")
        return [answer for answer in answers if isinstance(answer, Report)]

    @contextmanager
    def _alive(self, number: int) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            process = self._processes[number]
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            reason = f"worker {number} (process {process.pid}) ended with status {process.returncode}"
            raise Unavailable(f"{reason} in the middle of a run; start the run again") from error


def _started(line: Connection, ticket: Ticket) -> subprocess.Popen[bytes]:
    """A worker. It computes on one thread: threads of the libraries would be workers that nobody counts."""
    descriptors = (line.fileno(), ticket.descriptor)
    return subprocess.Popen(
        [sys.executable, "-c", "from heterosched_lab.workloads.worker import main; main()", *map(str, descriptors)],
        stdin=subprocess.DEVNULL,
        pass_fds=descriptors,
        env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1")},
    )
