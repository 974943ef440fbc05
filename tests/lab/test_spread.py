"""A sweep gives the same results in order on one process, on all cores and on a cluster that loses a worker."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sweeping
from heterosched.errors import InvalidInput, Unavailable
from heterosched_lab import spread as module
from heterosched_lab.spread import ItemFailed, spread

SUPPORT = Path(sweeping.__file__).parent


class Steps:
    """Counts, and calls `at` with the count."""

    def __init__(self, at: Callable[[int], None] = lambda _: None) -> None:
        self.count, self._at = 0, at

    def start(self, what: str, total: int) -> None:
        raise AssertionError("the caller starts its bar")

    def step(self, count: int = 1) -> None:
        self.count += count
        self._at(self.count)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_in_the_order_of_the_items_and_each_is_a_step(workers: int) -> None:
    steps = Steps()
    assert spread(sweeping.slowly_squared, range(6), workers=workers, progress=steps) == [0, 1, 4, 9, 16, 25]
    assert steps.count == 6


def test_the_work_is_done_by_other_processes_with_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    found = spread(sweeping.who, range(6), workers=2)
    assert os.getpid() not in {process for process, _ in found}
    assert {threads for _, threads in found} == {"1"}
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_no_items_are_no_results_and_one_item_needs_no_process() -> None:
    assert spread(sweeping.squared, []) == []
    assert spread(sweeping.who, [0])[0][0] == os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_worker_raises_names_the_item(workers: int) -> None:
    with pytest.raises(ItemFailed, match=r"item 7: InvalidInput: Trace t: row 7: is negative; mend it") as caught:
        spread(sweeping.refuses_seven, range(10), workers=workers)
    assert "refuses_seven" in caught.value.__notes__[0]


def test_a_process_that_dies_is_no_hang() -> None:
    with pytest.raises(ItemFailed, match="a worker process died"):
        spread(sweeping.dies_at_seven, range(5, 9), workers=2)


def test_an_interruption_ends_the_workers() -> None:
    before = set(multiprocessing.active_children())

    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spread(sweeping.step_then_wait, range(4), workers=2, progress=Steps(interrupt))
    # The pool's thread waits for the same processes: the moment one is gone, only one of the two waits hears it.
    end = time.monotonic() + 10
    while not set(multiprocessing.active_children()) <= before and time.monotonic() < end:
        time.sleep(0.02)
    assert set(multiprocessing.active_children()) <= before


def test_fewer_than_one_worker_is_refused() -> None:
    with pytest.raises(InvalidInput, match="workers: 0 is below 1"):
        spread(sweeping.squared, [1], workers=0)


def test_the_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 128)
    assert module.cores() == module.WINDOWS_LIMIT
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert module.cores() == 1


def test_a_long_item_is_named_in_short() -> None:
    assert len(str(ItemFailed("x" * 500, "gone"))) < 150


@pytest.mark.parametrize("scheduler", ["nonsense", "tcp://", "tcp://host", "tcp://a b:1", "host:port"])
def test_what_is_no_address_is_refused_before_anything_is_tried(scheduler: str) -> None:
    with pytest.raises(InvalidInput, match="is no address"):
        spread(sweeping.squared, range(3), scheduler=scheduler)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.5)
    with pytest.raises(Unavailable, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        spread(sweeping.squared, range(3), scheduler="tcp://127.0.0.1:9")


class Cluster:
    """A Dask scheduler and two workers, as processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self._log = (folder / "log").open("wb")
        python_path = os.pathsep.join([str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._environment = {**os.environ, "PYTHONPATH": python_path, "PYTHONWARNINGS": "ignore"}
        given = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.scheduler = self._start("dask_scheduler", *given)
        self.workers = [self._start("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)]

    def _start(self, program: str, *given: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(self._file), *given]
        return subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)

    def address(self) -> str:
        from distributed import Client

        end = time.monotonic() + 60
        while not self._is_written() and time.monotonic() < end:
            time.sleep(0.05)
        with Client(scheduler_file=str(self._file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            return str(client.scheduler_info()["address"])

    def _is_written(self) -> bool:
        """To its end: the client looks into a file that is there for a tenth of a second only."""
        try:
            return bool(json.loads(self._file.read_bytes()))
        except (FileNotFoundError, ValueError):
            return False

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self._log.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(tmp_path)
    yield started
    started.stop()


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_in_the_middle_still_gives_all(cluster: Cluster) -> None:
    def kill(count: int) -> None:
        if count == 8:
            cluster.workers[0].kill()

    steps = Steps(kill)
    address = cluster.address()
    assert spread(sweeping.slowly_squared, range(40), scheduler=address, progress=steps) == [n * n for n in range(40)]
    assert (steps.count, cluster.workers[0].wait() != 0, cluster.workers[1].poll()) == (40, True, None)
    with pytest.raises(ItemFailed, match=r"item 7: InvalidInput: Trace t: row 7"):
        spread(sweeping.refuses_seven, range(10), scheduler=address)
