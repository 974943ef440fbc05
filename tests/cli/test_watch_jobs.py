"""`jobs --watch` tells every change once, ends when all named jobs have finished, and its exit code says how."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from heterosched_cli.jobs import line_of
from heterosched_cli.output import Format
from heterosched_cli.repeat import INTERRUPTED
from heterosched_cli.watch_jobs import FAILED, NotInTime, WatchCommand, view_of
from http_apiserver import kubeconfig, serving
from manifests import a_job

COMPLETED = [{"type": "Completed", "status": "True", "reason": "Finished", "message": "", "lastTransitionTime": ""}]
FAILURE = [{"type": "Failed", "status": "True", "reason": "TaskFailed", "message": "fit", "lastTransitionTime": ""}]


def a_version(name: str, number: int, conditions: list[dict[str, str]], state: str = "Running") -> dict[str, Any]:
    job = a_job(name, "team").task("fit").metadata(uid=f"u-{name}", resourceVersion=str(number)).manifest()
    return {**job, "status": {"conditions": conditions, "tasks": [{"name": "fit", "state": state}]}}


class Server:
    """An API server with these jobs; each watch plays the next of `streams`, and is cut behind it."""

    def __init__(self, jobs: list[dict[str, Any]], *streams: list[dict[str, Any]]) -> None:
        self.jobs, self.streams = jobs, list(streams)
        self.since: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.path == "/apis/heterosched.io/v1alpha1/namespaces/team/heterojobs"
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "10"}, "items": self.jobs})
        self.since.append(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        for event in self.streams.pop(0) if self.streams else ():
            await response.write(json.dumps(event).encode() + b"\n")
        if not self.streams:
            await asyncio.sleep(30)
        return response


async def watched(server: Server, folder: Path, *names: str, within: str = "") -> int:
    async with serving(server.answer) as url:
        command = WatchCommand(names, "team", False, kubeconfig(folder, url), "")
        return await asyncio.to_thread(command.run, Format.TABLE, within)


def modified(job: dict[str, Any]) -> dict[str, Any]:
    return {"type": "MODIFIED", "object": job}


async def test_it_follows_a_job_over_a_cut_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = a_version("train", 11, [], "Running")
    same = a_version("train", 12, [], "Running")
    done = a_version("train", 13, COMPLETED, "Succeeded")
    server = Server([a_version("train", 9, [], "Ready")], [modified(started), modified(same)], [modified(done)])
    assert await watched(server, tmp_path, "train") == 0
    told = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert told == [
        "team/train Pending: 0/1 done, 1 waiting",
        "team/train Pending: 0/1 done, 1 running",
        "team/train Completed: 1/1 done",
    ]
    assert server.since == ["10", "12"]


async def test_a_job_that_fails_or_is_deleted_makes_it_four(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [a_version(name, 9, []) for name in ("bad", "gone", "good", "other")]
    events = [
        modified(a_version("good", 11, COMPLETED, "Succeeded")),
        modified(a_version("bad", 12, FAILURE, "Failed")),
        {"type": "DELETED", "object": a_version("gone", 13, [])},
    ]
    assert await watched(Server(jobs, events), tmp_path, "good", "bad", "gone") == FAILED
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("error: HeteroJob team/bad: TaskFailed: fit")
    assert errors[1] == "error: HeteroJob team/gone was deleted before it finished"


@pytest.mark.slow
async def test_what_has_not_finished_in_time_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotInTime, match="not finished in time: team/slow Pending; watch again"):
        await watched(Server([a_version("slow", 9, [])]), tmp_path, "slow", within="1s")
    assert await watched(Server([a_version("slow", 9, [])]), tmp_path, within="1s") == 0


@pytest.fixture
def heard() -> Iterator[None]:
    """A shell's background job ignores Ctrl-C, and so would what is started here."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there a process cannot send Ctrl-C to one other process")
@pytest.mark.usefixtures("heard")
async def test_ctrl_c_ends_it_at_once_and_says_nothing(tmp_path: Path) -> None:
    async with serving(Server([a_version("endless", 9, [])]).answer) as url:
        path = kubeconfig(tmp_path, url)
        options = ("jobs", "endless", "-n", "team", "--watch", "--kubeconfig", str(path))
        command, pipe = (sys.executable, "-m", "heterosched_cli", *options), asyncio.subprocess.PIPE
        own = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        assert own.stdout is not None
        assert b"team/endless" in await own.stdout.readline()
        own.send_signal(signal.SIGINT)
        rest, errors = await asyncio.wait_for(own.communicate(), 60)
    assert (own.returncode, rest, errors) == (INTERRUPTED, b"", b"")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_bars_and_its_cursor_back(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "stdout", out)
    view = view_of(Format.TABLE)
    line = line_of(a_version("train", 9, [], "Running"))
    assert line is not None
    view.show([line])
    view.close()
    said = out.getvalue()
    assert "team/train" in said
    assert "━" * 24 in said
    assert "Ctrl-C ends the watch, not the jobs" in said
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h") == 1


def test_a_time_limit_without_a_watch_is_refused(cli: Any) -> None:
    assert cli("jobs", "--timeout", "1s").exit_code == 2
    bad = cli("jobs", "--watch", "--timeout", "soon")
    assert (bad.exit_code, "--timeout: 'soon' is no duration" in bad.stderr) == (2, True)
