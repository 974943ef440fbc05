"""A map over all local cores, or over a Dask cluster by the same call: results in the order of the items.

This module imports little, because every worker process imports it first and sets its environment before numpy reads
it.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

from heterosched.errors import HeteroSchedError, InvalidInput, Unavailable
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.types import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")
WINDOWS_LIMIT = 61
"""A process of Windows cannot wait for more than 63 handles; the pool needs two itself."""
CONNECT_SECONDS = 20.0
ADDRESS = re.compile(r"([a-z]+://)?[^\s/]+:\d{1,5}")


class ItemFailed(HeteroSchedError):
    """An item of a sweep that could not be done: names it and what its worker raised."""

    def __init__(self, item: object, cause: str, trace: str = "") -> None:
        self.item, self.cause = item, cause
        super().__init__(f"item {_short(item)}: {cause}")
        if trace:
            self.add_note(trace)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What comes back from a worker: exceptions as text, since not every exception survives the way."""

    value: Any = None
    error: str = ""
    trace: str = ""


_Answers = Generator[tuple[int, _Answer], None, None]


def spread(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    scheduler: str = "",
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """`function` of each item, in order. One step of `progress` per item; the caller starts its bar.

    `scheduler`: address of a Dask scheduler (tcp://host:8786), whose workers must have this package; "" for local
    processes, `workers` of them (default: one per core). Function, items and results must be picklable, and the
    function must be found by name in its module. An item that raises ends the sweep as ItemFailed; a Dask worker that
    dies does not: others repeat what it had.
    """
    work: Sequence[Item] = list(items)
    steps = progress or Quiet()
    if workers is not None and workers < 1:
        raise InvalidInput("spread", "workers", f"{workers} is below 1")
    answers: _Answers
    if scheduler:
        if not ADDRESS.fullmatch(scheduler):  # Dask would look for a host of this name until its patience ends
            raise InvalidInput("option --scheduler", "", f"{scheduler!r} is no address", "write it as tcp://host:8786")
        answers = _on_dask(function, work, scheduler)
    elif min(len(work), workers or cores()) <= 1:
        answers = _here(function, work)
    else:
        answers = _on_processes(function, work, min(len(work), workers or cores()))
    results: dict[int, Result] = {}
    try:
        for index, answer in answers:
            if answer.error:
                raise ItemFailed(work[index], answer.error, answer.trace)
            results[index] = answer.value
            steps.step()
    finally:
        answers.close()
    return [results[index] for index in range(len(work))]


def cores() -> int:
    """Cores that this process may use: fewer than the machine has, in a container with an affinity."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, WINDOWS_LIMIT)


def _guarded(function: Callable[[Any], Any], item: Any) -> _Answer:
    try:
        return _Answer(function(item))
    except Exception as error:
        return _Answer(error=f"{type(error).__name__}: {error}", trace=traceback.format_exc())


def _here(function: Callable[[Any], Any], work: Sequence[Any]) -> _Answers:
    for index, item in enumerate(work):
        yield index, _guarded(function, item)


def _on_processes(function: Callable[[Any], Any], work: Sequence[Any], workers: int) -> _Answers:
    """By spawn on every platform: a fork would copy the threads' locks of whatever the caller runs."""
    earlier = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare)
    try:
        futures = {pool.submit(_guarded, function, item): index for index, item in enumerate(work)}
        for future in as_completed(futures):
            try:
                answer = future.result()
            except BrokenProcessPool as error:
                problem = "a worker process died (out of memory?) while this or another item ran"
                raise ItemFailed(work[futures[future]], problem) from error
            yield futures.pop(future), answer
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - earlier:
            child.terminate()
        raise


def _prepare() -> None:
    """Of a new worker: one thread for linear algebra, since each core has a process; Ctrl-C is the parent's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _on_dask(function: Callable[[Any], Any], work: Sequence[Any], scheduler: str) -> _Answers:
    from distributed import Client
    from distributed import as_completed as done

    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        problem = f"no Dask scheduler answers at {scheduler}: {error}; start one with `dask scheduler`"
        raise Unavailable(problem) from error
    with client:
        futures = {client.submit(_guarded, function, item, pure=False): index for index, item in enumerate(work)}
        for future in done(list(futures), loop=client.loop):
            index = futures.pop(future)
            try:
                answer = future.result()
            except Exception as error:
                raise ItemFailed(work[index], f"{type(error).__name__}: {error}") from error
            future.release()  # else a worker that dies later takes this result along, and it is made again
            yield index, answer


def _short(item: object, limit: int = 120) -> str:
    text = repr(item)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
