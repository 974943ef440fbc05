"""Every command that README and docs show works: it is run here, or the test that runs it is named and exists."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from documented import (
    ROOT,
    Command,
    Proof,
    cluster_pages,
    commands_of,
    commands_of_notes,
    pages,
    proof_of,
    proofs,
)

OFFLINE, PROVEN = proofs("offline"), proofs("proven")
KNOWN = OFFLINE + PROVEN
SHOWN = [command for page in pages() for command in commands_of(page)] + commands_of_notes()
HERE = [(command, proof) for command in SHOWN if (proof := proof_of(command, KNOWN)) in OFFLINE]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the checkout, so that what a command writes stays out of it."""
    folder = tmp_path_factory.mktemp("checkout")
    for path in ROOT.iterdir():
        if path.name not in ("build", "data", ".git"):
            (folder / path.name).symlink_to(path)
    return folder


def test_pages_show_commands() -> None:
    assert {command.page for command in SHOWN} >= {"README.md", "docs/quickstart.md", "docs/tutorial/first-job.md"}
    assert {command.text for command in SHOWN} >= {"make demo", "make test"}


def test_every_command_is_run_by_a_test() -> None:
    known = set(cluster_pages())
    left = [str(command) for command in SHOWN if command.page not in known and proof_of(command, KNOWN) is None]
    assert not left, "\n".join(["run by no test; say in tests/docs/commands.yaml which one runs them:", *left])


@pytest.mark.parametrize("proof", PROVEN, ids=lambda proof: proof.begins)
def test_the_test_that_is_named_exists_and_has_the_command(proof: Proof) -> None:
    file, _, function = proof.test.partition("::")
    text = (ROOT / file).read_text()
    assert f"def {function}(" in text if function else text
    assert proof.says in text, f"{file} does not say {proof.says!r}, so it hardly runs {proof.begins!r}"


@pytest.mark.parametrize("proof", KNOWN, ids=lambda proof: proof.begins)
def test_an_entry_of_the_ledger_is_about_a_command_that_is_shown(proof: Proof) -> None:
    assert any(proof_of(command, [proof]) for command in SHOWN), f"no page shows {proof.begins!r} any more: remove it"


@pytest.mark.parametrize(("command", "proof"), HERE, ids=lambda given: getattr(given, "text", ""))
def test_a_command_that_needs_no_cluster_works(command: Command, proof: Proof, checkout: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "200", "KUBECONFIG": "/nonexistent"}
    done = subprocess.run(command.text, shell=True, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode in proof.exits, f"{command} ended with {done.returncode}:\n{done.stderr}"
    assert command.kept(done.stdout), f"{command} promises\n{command.promised}\nand said\n{done.stdout}"
