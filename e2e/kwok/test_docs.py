"""The tutorial and the how-tos keep their promises: their commands, run in their order, print what the pages show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import truth
from documented import ROOT, Command, cluster_pages, commands_of, given_to, proof_of, proofs
from examples import documents
from heterosched.model.devices import CPU
from spaces import Space, a_namespace
from stack import Stack

NODES = ("t4-0", "t4-1", "v100-0", "v100-1", "cpu-0", "cpu-1")
SECONDS = {"analysis.prepare": 30.0, "rush.hurry": 60.0}
"""How long a task really runs; others 1.5 simulated seconds. Long enough to be seen waiting, or late."""
BY_OTHERS = proofs("offline") + proofs("proven")
MANIFEST = re.compile(r"-f (\S+\.yaml)")


def run_here(page: str) -> list[Command]:
    """The commands of a page that no other test runs."""
    return [one for one in commands_of(ROOT / page) if proof_of(one, BY_OTHERS) is None]


def tasks() -> Iterator[str]:
    """`job.task` of all HeteroJobs that the pages apply."""
    files = {found for page in cluster_pages() for one in run_here(page) for found in MANIFEST.findall(one.text)}
    for file in sorted(files | {path for page in cluster_pages() for path in given_to(page)}):
        for document in documents(ROOT / file):
            if document["kind"] == "HeteroJob":
                yield from (f"{document['metadata']['name']}.{task['name']}" for task in document["spec"]["tasks"])


@pytest.fixture(scope="module")
def lively(stack: Stack) -> Iterator[Stack]:
    """The stack on a cluster whose nodes run the pages' tasks for some moments."""
    with a_namespace(stack.plane, "truth") as namespace:
        truth.install(stack.plane, {task: {CPU: (SECONDS.get(task, 1.5), 60.0)} for task in tasks()}, namespace)
        yield stack


class Shell:
    """A reader's shell: what one command sets the next one knows."""

    def __init__(self, stack: Stack, namespace: str, folder: Path) -> None:
        config = yaml.safe_load(stack.plane.kubeconfig.read_text())
        for context in config["contexts"]:
            context["context"]["namespace"] = namespace
        (folder / "kubeconfig").write_text(yaml.safe_dump(config))
        programs = f"{Path(sys.executable).parent}:{stack.plane.bin('kubectl').parent}"
        self._environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "KUBECONFIG": str(folder / "kubeconfig"),
            "HETEROSCHED_DECISIONS_URL": stack.decisions_url,
            "COLUMNS": "200",
        }
        self._state = folder / "state.sh"
        self._state.write_text("")
        self._folder = folder / "checkout"
        self._folder.mkdir()
        for path in ROOT.iterdir():
            if path.name not in ("build", "data", ".git"):
                (self._folder / path.name).symlink_to(path)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as if typed after those before."""
        line = f"set -a; . {self._state}; {command}\ncode=$?; export -p > {self._state}; exit $code"
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=240,
        )


@pytest.mark.parametrize("page", cluster_pages())
def test_the_commands_of_a_page_print_what_it_shows(lively: Stack, space: Space, page: str, tmp_path: Path) -> None:
    shell = Shell(lively, space.name, tmp_path)
    for document in (one for path in given_to(page) for one in documents(ROOT / path)):
        space.apply(document)
        space.until(document["metadata"]["name"], "Running")
    commands = run_here(page)
    assert commands
    for command in commands:
        done = shell.run(command.text)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert command.kept(done.stdout), f"{command} promises\n{command.promised}\nand said\n{done.stdout}"
