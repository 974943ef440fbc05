"""At the Tab key names come from the cluster that the line names, quickly, and trouble offers nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from heterosched_cli.__main__ import main
from heterosched_cli.app import app
from heterosched_cli.completion_for_kubectl import answer
from http_apiserver import kubeconfig, serving, status

NAMES = {
    "/apis/heterosched.io/v1alpha1/namespaces/team/heterojobs": ["train", "test", "other"],
    "/apis/heterosched.io/v1alpha1/heterojobs": ["train", "elsewhere"],
    "/apis/heterosched.io/v1alpha1/schedulingpolicies": ["green"],
    "/api/v1/namespaces": ["team", "default"],
    "/api/v1/namespaces/team/pods": ["train-fit-0"],
    "/api/v1/nodes": ["t4-0", "cpu-0"],
}


async def listing(request: web.Request) -> web.StreamResponse:
    if request.path not in NAMES:
        return status(403, "Forbidden")
    return web.json_response({"metadata": {}, "items": [{"metadata": {"name": name}} for name in NAMES[request.path]]})


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What is offered for these words, beside a cluster that knows `NAMES`."""
    for name in ("_TYPER_COMPLETE_ARGS", "_TYPER_COMPLETE_FISH_ACTION", "_HETEROSCHED_COMPLETE"):
        monkeypatch.setenv(name, "")

    def ask(*words: str) -> list[str]:
        async def beside() -> str:
            async with serving(listing) as url:
                monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, url)))
                return await asyncio.to_thread(answer, words)

        return [line.partition("\t")[0] for line in asyncio.run(beside()).splitlines()]

    return ask


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["jobs", "-n", "team", "t"], ["test", "train", ":4"]),
        (["jobs", "-A", ""], ["elsewhere", "train", ":4"]),
        (["jobs", "--namespace", "t"], ["team", ":4"]),
        (["jobs", "--context", ""], ["here", "nowhere", ":4"]),
        (["jobs", "--context", "nowhere", "-n", "team", ""], [":4"]),
        (["why", "-n", "team", "tr"], ["train-fit-0", ":4"]),
        (["why", "-n", "team", "x", "--node", ""], ["cpu-0", "t4-0", ":4"]),
        (["top", "t"], ["t4-0", ":4"]),
        (["plan", "--policy", "g"], ["green", ":4"]),
        (["plan", "--strategy", "pe"], ["peft", ":4"]),
        (["jobs", "-o", "w"], ["wide", ":4"]),
        (["profiles", "-n", "closed", ""], [":4"]),
        (["plan", "-f", "exa"], [":0"]),
        (["import", "argo", ""], [":0"]),
        (["top", "--sort-by", "wa"], ["watts", ":4"]),
    ],
)
def test_what_is_offered(told: Callable[..., list[str]], words: list[str], offered: list[str]) -> None:
    assert told(*words) == offered


def test_commands_and_options_are_offered_with_what_they_do(told: Callable[..., list[str]]) -> None:
    assert {"jobs", "top", "plan", "import", ":4"} <= set(told(""))
    assert told("jo") == ["jobs", ":4"]
    assert {"--watch", "--namespace", "--output"} <= set(told("jobs", "--"))


def test_the_plug_in_leaves_completion_to_kubectl(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/kubectl-heterosched", "--install-completion"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "see kubectl completion --help" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_gets_a_script(shell: str) -> None:
    environment = {"_HETEROSCHED_COMPLETE": f"source_{shell}"}
    shown = CliRunner().invoke(app, [], prog_name="heterosched", env=environment)
    assert "_HETEROSCHED_COMPLETE" in shown.stdout
    assert shown.exit_code == 0
