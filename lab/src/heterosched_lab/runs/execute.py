"""Runs benchmarks one after the other: what is done already is kept, what fails or is interrupted says so."""

from __future__ import annotations

import os
import platform
import shutil
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched_lab import registry
from heterosched_lab.runs import folder as files
from heterosched_lab.runs.identity import Config, code_digest, data_digest, versions
from heterosched_lab.runs.markdown import run_report
from heterosched_lab.runs.types import Benchmark, Context, Outcome, Progress

State = Literal["done", "kept", "skipped", "failed", "interrupted"]
ERROR = "error.txt"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be run and how, as the user says it. `options`: what `--set` gave."""

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    short: bool
    output: Path
    data: Path
    options: Mapping[str, str] = field(default_factory=dict)
    scheduler: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of one benchmark: `folder` holds what there is of it, `problem` says why there is no more."""

    name: str
    state: State
    folder: Path
    problem: str = ""
    seconds: float = 0.0


def run_all(wanted: Wanted, progress: Progress, tell: Callable[[str], None]) -> list[Finished]:
    """Each benchmark in turn; one that fails does not keep the others, an interruption ends the whole.

    Raises InvalidInput where an option is known to none of the benchmarks, before anything runs.
    """
    loaded = {name: _loaded(name) for name in wanted.names}
    settings = _settings(loaded, wanted.options)
    done: list[Finished] = []
    for number, (name, benchmark) in enumerate(loaded.items(), 1):
        tell(f"== bench: {name} ({number} of {len(loaded)})")
        if isinstance(benchmark, InvalidInput):
            finished = Finished(name, "failed", wanted.output / name, f"{benchmark.problem}; {benchmark.remedy}")
        else:
            finished = _finished(_Execution(benchmark, name, wanted, settings[name], progress), wanted.output / name)
        tell(f"== bench: {name}: {_words(finished)}")
        done.append(finished)
        if finished.state == "interrupted":
            break
    return done


def _finished(execution: _Execution, folder: Path) -> Finished:
    """A folder that cannot be written is this benchmark's failure, and not that of the others."""
    try:
        return execution.finish()
    except (HeteroSchedError, OSError) as error:
        return Finished(folder.name, "failed", folder, str(error))


def _words(finished: Finished) -> str:
    if finished.state == "kept":
        return f"already there, of this configuration and code: {finished.folder} (--fresh runs it again)"
    if finished.state == "done":
        return f"done in {finished.seconds:.0f} s: {finished.folder}"
    return f"{finished.state}: {finished.problem}"


def _loaded(name: str) -> Benchmark | InvalidInput:
    try:
        return registry.load(name)
    except InvalidInput as error:
        return error


def _settings(loaded: Mapping[str, Benchmark | InvalidInput], given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """By benchmark the options that it knows; each option must be known to one of them."""
    known = {name: registry.options(found) for name, found in loaded.items() if not isinstance(found, InvalidInput)}
    for key in given:
        if not any(key in names for names in known.values()):
            every = sorted({f"{key} ({word})" for names in known.values() for key, word in names.items()})
            remedy = f"known are: {', '.join(every)}" if every else "these benchmarks have no options"
            raise InvalidInput("option --set", key, "no benchmark that is to run knows it", remedy)
    return {name: {key: value for key, value in given.items() if key in names} for name, names in known.items()}


class _Execution:
    """One benchmark's run: in a folder whose name says that it is partial, until it is not."""

    def __init__(
        self, benchmark: Benchmark, name: str, wanted: Wanted, options: dict[str, str], progress: Progress
    ) -> None:
        self._benchmark, self._name, self._wanted, self._progress = benchmark, name, wanted, progress
        self._options = options
        self._final = wanted.output / name
        self._work = wanted.output / f"{name}{files.PARTIAL}"

    def finish(self) -> Finished:
        config = self._config()
        if not self._wanted.fresh and files.read_config(self._final) == config:
            return Finished(self._name, "kept", self._final)
        lacking = registry.missing(self._benchmark, self._wanted.data)
        if lacking:
            where = f"{', '.join(lacking)} in {self._wanted.data}"
            problem = f"missing data: {where}; get it, or name the folder that has it in ${registry.DATA_VARIABLE}"
            return Finished(self._name, "skipped", self._final, problem)
        _remove(self._work)
        files.write_config(self._work, config)
        begin, cpu = time.monotonic(), time.process_time()
        state, problem, outcome = self._attempt()
        seconds = time.monotonic() - begin
        files.write_timing(self._work, _circumstances(seconds, time.process_time() - cpu))
        if outcome is None:
            return Finished(self._name, state, self._work, problem, seconds)
        told = files.write_outcome(self._work, self._benchmark.title, outcome)
        (self._work / files.REPORT).write_text(run_report(config, self._benchmark.title, told), encoding="utf-8")
        if state == "done":
            self._replace()
        return Finished(self._name, state, self._final if state == "done" else self._work, problem, seconds)

    def _attempt(self) -> tuple[State, str, Outcome | None]:
        wanted = self._wanted
        context = Context(
            self._work, wanted.data, wanted.seeds, wanted.short, self._progress, self._options, wanted.scheduler
        )
        try:
            outcome = files.sound(self._work, self._benchmark.run(context))
        except KeyboardInterrupt:
            return "interrupted", "what there is of it is marked as partial", Outcome((), partial=True)
        except Exception as error:
            return "failed", self._told(error), None
        if outcome.partial:
            return "interrupted", "what there is of it is marked as partial", outcome
        return "done", "", outcome

    def _told(self, error: Exception) -> str:
        """What went wrong; of a defect, here or in a worker, the traceback is kept."""
        if isinstance(error, HeteroSchedError) and not getattr(error, "__notes__", ()):
            return str(error)
        trace = self._work / ERROR
        trace.write_text(traceback.format_exc(), encoding="utf-8")
        problem = str(error) if isinstance(error, HeteroSchedError) else f"{type(error).__name__}: {error}"
        return f"{problem} (see {trace})"

    def _config(self) -> Config:
        wanted = self._wanted
        code = code_digest(type(self._benchmark).__module__, registry.packages().values())
        data = data_digest(wanted.data, self._benchmark.needs, self._options.values())
        return Config(self._name, wanted.seeds, wanted.short, self._options, code, data, versions())

    def _replace(self) -> None:
        """The finished run takes its place; the one that stood there remains until the next, to compare with."""
        previous = self._final.with_name(f"{self._name}{files.PREVIOUS}")
        if self._final.exists():
            _remove(previous)
            self._final.rename(previous)
        self._work.rename(self._final)


def _remove(folder: Path) -> None:
    """Only what a run has written: a folder of something else is not ours to remove."""
    if not folder.exists():
        return
    if not (folder / files.CONFIG).is_file() and any(folder.iterdir()):
        raise InvalidInput(f"folder {folder}", "", "is in the way and is no run", "move it, or choose another --output")
    shutil.rmtree(folder)


def _circumstances(wall: float, cpu: float) -> dict[str, object]:
    load: Sequence[float] = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "load": [round(value, 2) for value in load],
    }
