"""A process can be killed, hung, revived and started again by its handle, with one log for all its lives."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import Process, free_port, wait_for_exit, wait_until

TALKER = "import os, time; print('life', os.environ['WORD'], flush=True); time.sleep(600)"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    environment = {**os.environ, "WORD": "one"}
    process = Process("talker", [sys.executable, "-c", TALKER], environment, tmp_path / "logs" / "t.log", tmp_path)
    yield process
    process.kill()


def test_it_runs_until_stopped_and_logs_what_it_says(process: Process) -> None:
    assert not process.alive()
    assert process.returncode is None
    process.start()
    assert wait_until(lambda: process.output() == "life one\n", 10)
    assert process.alive()
    assert process.stop() == -signal.SIGTERM
    assert not process.alive()


def test_starting_a_running_process_changes_nothing(process: Process) -> None:
    pid = process.start().pid
    assert process.start().pid == pid


def test_restart_is_a_new_process_with_the_same_command_and_log(process: Process) -> None:
    pid = process.start().pid
    assert wait_until(lambda: process.output() == "life one\n", 10)
    assert process.restart().pid != pid
    assert wait_until(lambda: process.output() == "life one\nlife one\n", 10)


def test_a_hung_process_counts_as_alive_and_can_still_be_stopped(process: Process) -> None:
    process.start()
    process.send_signal(signal.SIGSTOP)
    assert process.alive()
    assert process.stop() == -signal.SIGTERM


def test_a_handle_that_never_started_has_no_pid(process: Process) -> None:
    with pytest.raises(RuntimeError, match=r"talker was never started; call start\(\) first"):
        _ = process.pid


def test_wait_for_exit_sees_the_end_of_a_process(process: Process) -> None:
    pid = process.start().pid
    assert not wait_for_exit(pid, 0.0)
    os.kill(pid, signal.SIGKILL)
    assert wait_for_exit(pid, 10.0)


def test_free_port_can_be_listened_on() -> None:
    assert 1024 <= free_port() <= 65535


def test_wait_until_gives_up() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), 10, 0.0)
    assert not wait_until(lambda: False, 0.0, 0.0)
