"""A demo that is left running is known as such, and the command that ends it is the one that is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from rich.console import Console

import kept
from cluster import ControlPlane
from guardian import marked_environment
from stack import Stack


def left_running(build: Path, mark: str) -> None:
    folder = build / kept.NAME
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps({"name": kept.NAME, "mark": mark, "kubeconfig": "", "kwokPort": 0}))


def test_it_is_up_as_long_as_one_of_its_processes_lives(tmp_path: Path) -> None:
    assert not kept.is_up(tmp_path)
    mark = uuid.uuid4().hex
    left_running(tmp_path, mark)
    assert not kept.is_up(tmp_path)
    program = [sys.executable, "-c", "print('up', flush=True); input()"]
    environment = marked_environment(mark, os.environ)
    with subprocess.Popen(program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert kept.is_up(tmp_path)
        process.communicate(b"\n")
    assert not kept.is_up(tmp_path)


def test_the_command_that_ends_it_names_its_folder_where_that_is_not_the_usual_one(tmp_path: Path) -> None:
    assert kept.how_to_end(kept.BUILD) == "make demo ARGS=--down"
    assert kept.how_to_end(tmp_path) == f"make demo ARGS='--down --build {tmp_path}'"


def test_what_is_written_down_to_be_sourced_sets_what_the_commands_need(tmp_path: Path) -> None:
    plane = SimpleNamespace(kubeconfig=tmp_path / "kubeconfig", bin=lambda name: tmp_path / name, folder=tmp_path)
    stack = SimpleNamespace(
        decisions_url="http://127.0.0.1:1", metrics_url="", prometheus=SimpleNamespace(url="http://127.0.0.1:2")
    )
    shown = StringIO()
    kept.say_how_to_look(cast(ControlPlane, plane), cast(Stack, stack), tmp_path, Console(file=shown))
    assert f"source {tmp_path / 'environment.sh'}" in shown.getvalue()
    assert "heterosched doctor " in shown.getvalue()
    script = f'. {tmp_path / "environment.sh"}; echo "$KUBECONFIG $HETEROSCHED_DECISIONS_URL $PATH"'
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"{tmp_path / 'kubeconfig'} http://127.0.0.1:1 ")
    assert str(tmp_path) in said.split()[2].split(":")
