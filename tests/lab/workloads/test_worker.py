"""A worker does what it is told until nobody tells it anything, and counts its own time and memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from heterosched_lab.workloads.montecarlo import MonteCarlo
from heterosched_lab.workloads.ticket import Ticket
from heterosched_lab.workloads.worker import Order, Report, serve

PROGRAM = MonteCarlo(samples=1_000, chunk=100)


@contextmanager
def a_worker(ticket: Ticket) -> Iterator[Connection]:
    ours, theirs = Pipe()
    thread = threading.Thread(target=serve, args=(theirs, ticket))
    thread.start()
    yield ours
    ours.close()
    thread.join(10)
    theirs.close()
    ticket.close()
    assert not thread.is_alive()


def carried_out(line: Connection, order: Order) -> Report:
    line.send(order)
    report = line.recv()
    assert isinstance(report, Report)
    return report


def test_a_share_of_its_own_is_done_in_order() -> None:
    with a_worker(Ticket.new()) as line:
        report = carried_out(line, Order(PROGRAM, (7, 2, 5), False, 1))
    assert [one.chunk for one in report.done] == [7, 2, 5]
    assert [one.part for one in report.done] == [PROGRAM.part(chunk, 1) for chunk in (7, 2, 5)]
    assert [one.cpu for one in report.done] == sorted(one.cpu for one in report.done)
    assert [one.at for one in report.done] == sorted(one.at for one in report.done)
    assert report.cpu_seconds >= report.done[-1].cpu > 0
    assert report.peak_bytes > 1e6


def test_of_a_common_list_it_takes_what_is_left() -> None:
    ticket = Ticket.new()
    with a_worker(ticket) as line:
        assert ticket.take() == 0
        report = carried_out(line, Order(PROGRAM, (7, 2, 5), True, 1))
        empty = carried_out(line, Order(PROGRAM, (7, 2, 5), True, 1))
    assert [one.chunk for one in report.done] == [2, 5]
    assert empty.done == ()


def test_none_is_the_end() -> None:
    ours, theirs = Pipe()
    ticket = Ticket.new()
    thread = threading.Thread(target=serve, args=(theirs, ticket))
    thread.start()
    ours.send(None)
    thread.join(10)
    ended = not thread.is_alive()  # with its line still open
    ours.close()
    thread.join(10)
    theirs.close()
    ticket.close()
    assert ended
