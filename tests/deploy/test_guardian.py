"""However the parent ends, SIGKILL included, no marked process and no folder outlives it; others are not touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import guardian
from guardian import Guardian, marked_environment, marked_processes, remove_tree, stop_marked
from processes import wait_until

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark of this test's own; what still bears it in the end is ended."""
    mark = f"test-{uuid.uuid4().hex}"
    yield mark
    stop_marked(mark)


def start(mark: str | None, argv: list[str] = SLEEP) -> subprocess.Popen[bytes]:
    environment = dict(os.environ) if mark is None else marked_environment(mark, os.environ)
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"up\n"
    return process


PARENT = f"""
    import os, signal, subprocess, sys, time
    from pathlib import Path
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    sys.path.insert(0, {str(Path(guardian.__file__).parent)!r})
    from guardian import Guardian, marked_environment, marked_processes
    from processes import wait_until
    mark, folder, ending = sys.argv[1:]
    Path(folder).mkdir()
    keeper = Guardian(mark, Path(folder))
    child = subprocess.Popen(["sleep", "600"], env=marked_environment(mark, os.environ), start_new_session=True)
    # A program's environment can be read a moment after its start has been reported.
    assert wait_until(lambda: child.pid in marked_processes(mark), 10)
    if ending == "fork" and os.fork() == 0:
        time.sleep(600)
    if ending == "release":
        keeper.release()
    print(keeper.pid, flush=True)
    if ending == "exception":
        raise RuntimeError("the parent fails")
    if ending not in ("exit", "release"):
        time.sleep(600)
"""


def run_parent(mark: str, folder: Path, ending: str, number: signal.Signals | None) -> int:
    """Run a parent with a guardian and a marked child; end it; return the guardian's process id."""
    command = [sys.executable, "-c", textwrap.dedent(PARENT), mark, str(folder), ending]
    parent = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=marked_environment("none", os.environ),
        start_new_session=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        keeper = int(parent.stdout.readline())
    try:
        if number is not None:
            parent.send_signal(number)
        parent.wait(10)
    finally:
        parent.kill()
        parent.wait(10)
    if ending == "fork":
        os.killpg(parent.pid, signal.SIGKILL)
    return keeper


def gone(pid: int) -> bool:
    """True of a process that has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    except OSError:
        return True


@pytest.mark.parametrize(
    ("ending", "number"),
    [("wait", signal.SIGKILL), ("wait", signal.SIGTERM), ("wait", signal.SIGINT), ("exception", None), ("exit", None)],
    ids=["SIGKILL", "SIGTERM", "SIGINT", "exception", "exit"],
)
def test_nothing_outlives_the_parent(mark: str, tmp_path: Path, ending: str, number: signal.Signals | None) -> None:
    keeper = run_parent(mark, tmp_path / "cluster", ending, number)
    assert wait_until(lambda: gone(keeper), 20)
    assert marked_processes(mark) == []
    assert not (tmp_path / "cluster").exists()


def test_a_fork_that_holds_the_pipe_open_does_not_keep_the_guardian_waiting(mark: str, tmp_path: Path) -> None:
    keeper = run_parent(mark, tmp_path / "cluster", "fork", signal.SIGKILL)
    assert wait_until(lambda: gone(keeper), 20)
    assert marked_processes(mark) == []


def test_a_released_guardian_leaves_everything_as_it_is(mark: str, tmp_path: Path) -> None:
    keeper = run_parent(mark, tmp_path / "cluster", "release", None)
    assert wait_until(lambda: gone(keeper), 20)
    assert len(marked_processes(mark)) == 1
    assert (tmp_path / "cluster").is_dir()


def test_clean_up_ends_what_is_marked_and_nothing_else(mark: str, tmp_path: Path) -> None:
    keeper = Guardian(mark, tmp_path / "cluster")
    ours, other = start(mark), start(f"{mark}-other")
    keeper.clean_up()
    assert ours.wait(10) == -signal.SIGKILL
    assert other.poll() is None
    assert stop_marked(f"{mark}-other") == []
    assert other.wait(10) == -signal.SIGKILL


def test_children_inherit_the_mark(mark: str) -> None:
    nested = ["sh", "-c", "sleep 600 & echo up; wait"]
    process = start(mark, nested)
    assert wait_until(lambda: len(marked_processes(mark)) == 2, 10)
    assert stop_marked(mark) == []
    assert process.wait(10) == -signal.SIGKILL


def test_grace_lets_a_process_end_by_itself_and_sigkill_ends_the_others(mark: str) -> None:
    willing, stubborn = start(mark), start(mark, STUBBORN)
    assert stop_marked(mark, grace_s=0.5) == []
    assert willing.wait(10) == -signal.SIGTERM
    assert stubborn.wait(10) == -signal.SIGKILL


def test_a_mark_is_matched_whole(mark: str) -> None:
    process = start(f"{mark}-longer")
    assert marked_processes(mark) == []
    assert marked_processes(f"{mark}-longer") == [process.pid]
    stop_marked(f"{mark}-longer")
    process.wait(10)


def test_remove_tree_keeps_logs_and_nothing_else_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    for name in ("logs/a.log", "kwok/clusters/c/logs/b.log", "kwok/clusters/c/etcd/data", "state.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "kwok" / "bin").symlink_to("/usr/bin")
    (folder / "etcd").symlink_to("/bin/sh")
    remove_tree(folder, keep_logs=True)
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    assert left == ["kwok/clusters/c/logs/b.log", "logs/a.log"]
    remove_tree(folder)
    assert not folder.exists()
    assert Path("/usr/bin").is_dir()
