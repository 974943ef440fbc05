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
    code_of,
    commands_of,
    commands_of_notes,
    functions_of,
    made_by,
    one_kind_of_quotes,
    pages,
    proof_of,
    proofs,
)
from recipes import IMAGES, VERSION

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
def test_the_test_that_is_named_exists_and_runs_the_command(proof: Proof) -> None:
    file, _, function = proof.test.partition("::")
    if file == "Makefile":
        assert function in made_by("test"), f"`make test` does not make {function}"
        return
    assert Path(file).name == "conftest.py" or function.startswith("test_"), f"{proof.test} is no test"
    assert file.startswith(("tests/", "e2e/"))
    text = (ROOT / file).read_text()
    assert function in functions_of(text), f"{file} has no {function}"
    found = one_kind_of_quotes(proof.says) in code_of(text)
    assert found, f"the code of {file} has no {proof.says!r}, so it hardly runs {proof.begins!r}"


def test_remarks_and_imports_run_nothing() -> None:
    text = '"""It plans."""\nfrom paired import welch\n\ndef test_it():\n    """Plan."""\n    go("plan")  # top\n'
    assert code_of(text).split() == ["def", "test_it():", "go('plan')"]
    assert functions_of(text) == {"test_it"}


def test_continuous_integration_makes_the_tests() -> None:
    assert {"setup", "check", "slow", "docs", "chart", "e2e"} <= made_by("test")
    assert "bench-full" not in made_by("test")


def test_the_images_that_are_pushed_are_those_that_the_chart_is_told_to_take(tmp_path: Path) -> None:
    page = ROOT / "docs" / "guide" / "operations.md"
    (loop,) = (one.text for one in commands_of(page) if "docker tag" in one.text)
    (told,) = (one.text for one in commands_of(page) if "operator.image.repository=" in one.text)
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n')
    docker.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(loop, shell=True, check=True, env=environment, cwd=tmp_path)
    said = [line.split() for line in (tmp_path / "said").read_text().splitlines()]
    tagged = {line[1]: line[2] for line in said if line[0] == "tag"}
    assert sorted(line[1] for line in said if line[0] == "push") == sorted(tagged.values())
    assert set(tagged) == {image.tag for image in IMAGES} - {f"heterosched/lab:{VERSION}"}
    named = {part.split("=")[1] for part in told.split()[-1].split(",")}
    assert named == {pushed.removesuffix(f":{VERSION}") for pushed in tagged.values()}


@pytest.mark.parametrize("proof", KNOWN, ids=lambda proof: proof.begins)
def test_an_entry_of_the_ledger_is_about_a_command_that_is_shown(proof: Proof) -> None:
    assert any(proof_of(command, [proof]) for command in SHOWN), f"no page shows {proof.begins!r} any more: remove it"


@pytest.mark.slow
@pytest.mark.parametrize(("command", "proof"), HERE, ids=lambda given: getattr(given, "text", ""))
def test_a_command_that_needs_no_cluster_works(command: Command, proof: Proof, checkout: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "200", "KUBECONFIG": "/nonexistent"}
    done = subprocess.run(command.text, shell=True, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode in proof.exits, f"{command} ended with {done.returncode}:\n{done.stderr}"
    assert command.kept(done.stdout), f"{command} promises\n{command.promised}\nand said\n{done.stdout}"
