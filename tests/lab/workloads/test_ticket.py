"""Numbers are given out once each, to whoever asks, also when one who asks is killed."""

from __future__ import annotations

import subprocess
import sys

from heterosched_lab.workloads.ticket import Ticket

TAKE = """
import sys
from heterosched_lab.workloads.ticket import Ticket
ticket = Ticket(int(sys.argv[1]))
print(*[ticket.take() for _ in range(300)])
"""
HOLD = """
import fcntl, os, signal, sys
fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_counts_from_zero_again_after_a_reset() -> None:
    ticket = Ticket.new()
    assert [ticket.take() for _ in range(3)] == [0, 1, 2]
    ticket.reset()
    assert ticket.take() == 0
    ticket.close()


def test_processes_never_get_the_same_number() -> None:
    ticket = Ticket.new()
    command = [sys.executable, "-c", TAKE, str(ticket.descriptor)]
    others = [
        subprocess.Popen(command, pass_fds=[ticket.descriptor], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    taken = [int(word) for other in others for word in other.communicate()[0].split()]
    assert sorted(taken) == list(range(600))
    ticket.close()


def test_one_that_is_killed_in_the_middle_keeps_nobody_waiting() -> None:
    ticket = Ticket.new()
    command = [sys.executable, "-c", HOLD, str(ticket.descriptor)]
    killed = subprocess.run(command, pass_fds=[ticket.descriptor], check=False)
    assert killed.returncode == -9
    assert ticket.take() == 0
    ticket.close()
