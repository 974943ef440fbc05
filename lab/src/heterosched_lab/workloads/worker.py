"""What a worker process does: it takes orders, works off chunks and says what it took. It starts often: imports little.

The wall clock is CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from heterosched_lab.workloads.ticket import Ticket
from heterosched_lab.workloads.types import Program

_SELF = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Order:
    """Chunks to do: a share of one's own, or, where `shared`, a common list of which each takes the next one free."""

    program: Program
    chunks: tuple[int, ...]
    shared: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk that is done: its part of the answer, and when by the wall clock and by the worker's CPU clock."""

    chunk: int
    part: Any
    at: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker did for an order."""

    done: tuple[Done, ...]
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A chunk that could not be done, and why."""

    chunk: int
    reason: str


def main() -> None:
    """The process: its arguments are the descriptors of its line and of the ticket.

    Ctrl-C reaches all processes of a terminal: it is for the one that gives the orders to decide what it means.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line, ticket = map(int, sys.argv[1:])
    serve(Connection(line), Ticket(ticket))


def serve(orders: Connection, ticket: Ticket) -> None:
    """Carry out orders until there are no more. `ticket`: the place in the common list that is free next."""
    while True:
        try:
            order = orders.recv()
        except EOFError:  # who gave the orders has gone
            return
        if order is None:
            return
        with suppress(BrokenPipeError):
            orders.send(_carried_out(order, ticket))


def _carried_out(order: Order, ticket: Ticket) -> Report | Failed:
    _forget_peak()
    began, done = time.process_time(), list[Done]()
    for chunk in _taken(order, ticket):
        try:
            part = order.program.part(chunk, order.seed)
        except Exception:
            return Failed(chunk, traceback.format_exc(limit=-3))
        done.append(Done(chunk, part, time.monotonic(), time.process_time() - began))
    return Report(tuple(done), time.process_time() - began, _peak())


def _taken(order: Order, ticket: Ticket) -> Iterator[int]:
    if not order.shared:
        yield from order.chunks
        return
    while (place := ticket.take()) < len(order.chunks):
        yield order.chunks[place]


def _forget_peak() -> None:
    """Let the kernel count the peak of memory from here on, where it can (Linux)."""
    with suppress(OSError):
        (_SELF / "clear_refs").write_text("5")


def _peak() -> int:
    """The most memory held since then, bytes; since the start of the process where the kernel cannot tell."""
    with suppress(OSError, ValueError, StopIteration):
        lines = (_SELF / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    import resource  # of POSIX alone

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
