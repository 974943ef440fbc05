"""Images start their program as nobody in particular, say what they are, and are built the same each time."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import images
from checks import SHOWN, TRIALS
from docker_cli import Docker
from engine import PUBLIC_BASE
from recipes import IMAGES, PYTHON, USER, VERSION, Image, ImageError, epoch

NAMED = [pytest.param(image, id=image.name) for image in IMAGES]


def stages() -> dict[str, tuple[str, str]]:
    """What each target of the Dockerfile is made of, and its own lines."""
    parts = re.split(r"^FROM (\S+) AS (\S+)\n", images.DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]
    return {name: (base, text) for base, name, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


def lines_of(target: str) -> str:
    """The lines of a target, after those that it is made of."""
    known = stages()
    base, text = known[target]
    return (lines_of(base) if base in known else f"FROM {base}\n") + text


@pytest.mark.parametrize("image", NAMED)
def test_a_target_runs_nothing_and_starts_the_program_as_nobody_in_particular(image: Image) -> None:
    text = lines_of(image.name)
    assert text.startswith("FROM ${BASE_IMAGE}\n")
    assert re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE) == [f'["{image.entrypoint}"]']
    assert f"USER {USER}:{USER}\n" in text
    assert not re.search(r"^(RUN|CMD)\b", text, re.MULTILINE)


def test_the_dockerfile_has_a_public_base_and_no_target_but_the_images() -> None:
    assert f"ARG BASE_IMAGE={PUBLIC_BASE}\n" in images.DOCKERFILE.read_text()
    assert stages().keys() - {base for base, _ in stages().values()} <= {image.name for image in IMAGES}


def test_an_image_is_built_of_its_own_target_and_context(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho "[{{}}]"\n')
    (tmp_path / "docker").chmod(0o755)
    docker = Docker({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    job = images.Job(IMAGES, "amd64", True, docker, {"name": "base:1"}, [], {}, "abc", 0)
    images.build(job, IMAGES[1], tmp_path / "context", "trial:1")
    built = (tmp_path / "asked").read_text().splitlines()[0]
    assert f"--file {images.DOCKERFILE} --target extender --build-arg BASE_IMAGE=base:1 " in built
    assert built.endswith(f" {tmp_path}/context/extender")


@pytest.mark.parametrize("image", NAMED)
def test_every_program_of_an_image_is_one_of_its_members_and_is_tried(image: Image) -> None:
    assert image.entrypoint in image.scripts
    assert {program for program, *_ in SHOWN[image.name]} <= {*image.scripts, "python3"}
    assert image.name in TRIALS
    assert image.tag == f"heterosched/{image.name}:{VERSION}"
    assert "heterosched" in image.packages


# Without the list of benchmarks, which loads them all and has a test of its own.
COMMANDS = sorted({each for shown in SHOWN.values() for each in shown if "list" not in each})


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_an_image_is_asked_to_show_is_there(command: tuple[str, ...]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([str(program), *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_base_has_the_python_that_wheels_are_taken_for() -> None:
    assert PUBLIC_BASE.startswith(f"python:{PYTHON}-")


def test_an_image_says_what_it_is() -> None:
    job = images.Job(IMAGES, "amd64", True, Docker({}), {"name": "base:1"}, [], {}, "abc-dirty", 0)
    found = images.labels(job, IMAGES[0], {"IMAGE_SOURCE": "https://example.com/git"})
    assert found == {
        "org.opencontainers.image.title": "HeteroSched operator",
        "org.opencontainers.image.version": VERSION,
        "org.opencontainers.image.revision": "abc-dirty",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.base.name": "base:1",
        "org.opencontainers.image.source": "https://example.com/git",
    }


def test_two_builds_are_the_same_by_their_layers_and_settings_not_by_their_number() -> None:
    first = {"Id": "a", "RootFS": {"Layers": ["x"]}, "Config": {"User": "1"}, "Architecture": "amd64"}
    assert images.same(first, {**first, "Id": "b"})
    assert images.same(first, {**first, "Config": {"User": "1", "Image": "sha256:the-step-before"}})
    assert not images.same(first, {**first, "Config": {"User": "0"}})
    assert not images.same(first, {**first, "RootFS": {"Layers": ["y"]}})
    assert images.not_reproducible({"images": {"a": {"reproducible": False}, "b": {}}}) == ["a"]


def test_the_time_of_what_is_built_can_be_given() -> None:
    assert epoch({"SOURCE_DATE_EPOCH": "12"}) == 12
    assert 0 <= epoch({}) < time.time()


def test_without_an_engine_the_reason_is_said_and_the_command_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/gone.sock")
    assert images.main([]) == 3
    assert "does not answer `docker info`" in capsys.readouterr().err


def test_what_docker_says_on_failure_is_the_error(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'pull access denied for base' >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    docker = Docker({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    with pytest.raises(ImageError, match=r"(?s)`docker pull base \.\.\.` failed.*pull access denied"):
        docker.run("pull", "base")
