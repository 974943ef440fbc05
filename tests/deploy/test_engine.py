"""An engine that answers is used as it is, an own one starts and stops where it may be, else the reason is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import LOCAL_BASE, LOCAL_NODE, PUBLIC_BASE, ROOT, Engine, Unavailable, find_engine, main, tools_folder
from own_daemon import FOR_IMAGES, FOR_KIND

# Stands in for docker's command: it answers while the file `up` lies beside the socket that DOCKER_HOST names.
DOCKER = """#!/bin/bash
socket=${DOCKER_HOST#unix://}
[ "$1" = info ] && [ -n "$socket" ] && [ -e "$(dirname "$socket")/up" ] && { echo 20.10.24; exit 0; }
echo "Cannot connect to the Docker daemon" >&2
exit 1
"""
# Stands in for kind-local: notes each stage, brings the daemon up and down, and stamps what is done, as the tool does.
TOOL = """
echo "$1" >> "$W/stages"
[ "$1" = "$FAILS" ] && { echo "E: Unable to locate package docker.io" >&2; exit 100; }
case $1 in
  daemon) mkdir -p "$W/dk"; [ -e "$W/dk/up" ] || { touch "$W/dk/up"; echo 4711 > "$W/dk/pid"; } ;;
  stop) rm "$W/dk/up" "$W/dk/pid" ;;
  python|node) touch "$W/stamp.$1" ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """A machine of the tests: what find_engine looks at."""

    environ: dict[str, str]
    tools: Path
    release: Path
    work: Path
    find: Callable[..., Engine | Unavailable]

    def stages(self) -> list[str]:
        return (self.work / "stages").read_text().split()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    programs, tools, release = tmp_path / "bin", tmp_path / "tools", tmp_path / "os-release"
    programs.mkdir()
    (programs / "docker").write_text(DOCKER)
    (programs / "docker").chmod(0o755)
    (programs / "go").write_text("#!/bin/bash\necho go1.99\n")
    (programs / "go").chmod(0o755)
    (tools / "kind-local").mkdir(parents=True)
    (tools / "kind-local" / "kind-local").write_text(TOOL)
    release.write_text('PRETTY_NAME="Debian"\nID=debian\n')
    environ = {"PATH": f"{programs}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache"), "FAILS": "none"}

    def find(uid: int = 0, **options: bool) -> Engine | Unavailable:
        return find_engine(environ, tools, say=lambda text: None, uid=uid, release=release, **options)

    return Machine(environ, tools, release, tmp_path / "cache" / "heterosched" / "kind", find)


def running(folder: Path) -> str:
    folder.mkdir(parents=True)
    (folder / "up").touch()
    return f"unix://{folder}/docker.sock"


def found(result: Engine | Unavailable) -> Engine:
    assert isinstance(result, Engine), result
    return result


def why_not(result: Engine | Unavailable) -> str:
    assert isinstance(result, Unavailable)
    return result.reason


def test_an_engine_that_answers_is_taken_with_public_images(machine: Machine, tmp_path: Path) -> None:
    machine.environ["DOCKER_HOST"] = host = running(tmp_path / "theirs")
    engine = found(machine.find())
    assert (engine.base_image, engine.kind_node_image) == (PUBLIC_BASE, None)
    assert engine.environment({"A": "b"}) == {"A": "b"}
    assert host in engine.origin
    engine.close()
    assert (tmp_path / "theirs" / "up").exists()


def test_images_of_the_environment_go_first(machine: Machine, tmp_path: Path) -> None:
    machine.environ["DOCKER_HOST"] = running(tmp_path / "theirs")
    machine.environ["BASE_IMAGE"] = "mirror.example/python:3.12"
    machine.environ["KIND_NODE_IMAGE"] = "mirror.example/node:v1.34.0"
    engine = found(machine.find())
    assert (engine.base_image, engine.kind_node_image) == ("mirror.example/python:3.12", "mirror.example/node:v1.34.0")


def test_a_docker_host_that_is_down_is_named_and_nothing_is_started(machine: Machine, tmp_path: Path) -> None:
    machine.environ["DOCKER_HOST"] = f"unix://{tmp_path}/gone.sock"
    assert f"DOCKER_HOST=unix://{tmp_path}/gone.sock does not answer" in why_not(machine.find())
    assert not machine.work.exists()


def test_root_on_debian_starts_an_own_one_and_ends_it(machine: Machine) -> None:
    engine = found(machine.find())
    assert machine.stages() == list(FOR_IMAGES)
    assert (engine.base_image, engine.kind_node_image) == (LOCAL_BASE, LOCAL_NODE)
    reached = engine.environment({})
    assert reached["DOCKER_HOST"] == f"unix://{machine.work}/dk/docker.sock"
    assert reached["DOCKER_API_VERSION"] == "1.41"
    engine.close()
    assert machine.stages()[-1] == "stop"
    assert not (machine.work / "dk" / "up").exists()


def test_kind_takes_the_node_image_too_and_stamped_stages_are_not_run_again(machine: Machine) -> None:
    found(machine.find()).close()
    first = len(machine.stages())
    found(machine.find(with_kind=True)).close()
    assert machine.stages()[first:] == [stage for stage in (*FOR_KIND, "stop") if stage != "python"]


def test_the_last_who_leaves_stops_the_daemon(machine: Machine) -> None:
    first, second = found(machine.find()), found(machine.find())
    first.close()
    assert (machine.work / "dk" / "up").exists()
    second.close()
    assert not (machine.work / "dk" / "up").exists()


def test_a_daemon_of_somebody_else_is_used_and_left(machine: Machine) -> None:
    running(machine.work / "dk")
    with found(machine.find()):
        pass
    assert (machine.work / "dk" / "up").exists()
    assert "stop" not in machine.stages()


def test_to_ask_alone_starts_nothing(machine: Machine) -> None:
    engine = found(machine.find(start=False))
    assert "not running" in engine.origin
    assert not (machine.work / "stages").exists()


def test_a_stage_that_fails_is_the_reason(machine: Machine) -> None:
    machine.environ["FAILS"] = "apt"
    reason = why_not(machine.find())
    assert "kind-local apt` failed" in reason
    assert "Unable to locate package docker.io" in reason


def test_a_stage_that_fails_leaves_no_daemon_behind(machine: Machine) -> None:
    machine.environ["FAILS"] = "gobuild"
    assert "kind-local gobuild` failed" in why_not(machine.find(with_kind=True))
    assert machine.stages() == ["apt", "daemon", "gobuild", "stop"]
    assert not (machine.work / "dk" / "up").exists()


def test_a_stage_that_fails_leaves_the_daemon_of_somebody_else(machine: Machine) -> None:
    running(machine.work / "dk")
    machine.environ["FAILS"] = "gobuild"
    assert "kind-local gobuild` failed" in why_not(machine.find(with_kind=True))
    assert (machine.work / "dk" / "up").exists()


@pytest.mark.parametrize("lacking", ["tool", "root", "debian"])
def test_what_keeps_an_own_one_from_starting_is_said(machine: Machine, lacking: str) -> None:
    if lacking == "tool":
        (machine.tools / "kind-local" / "kind-local").unlink()
    if lacking == "debian":
        machine.release.write_text("ID=fedora\n")
    reason = why_not(machine.find(uid=1000 if lacking == "root" else 0))
    assert {"tool": "there is no", "root": "needs root", "debian": "needs Debian"}[lacking] in reason
    assert "Install docker, or set DOCKER_HOST" in reason


def test_the_tools_lie_beside_the_checkout_unless_named() -> None:
    assert tools_folder({}) == ROOT.parent / "shared" / "tools"
    assert tools_folder({"HETEROSCHED_TOOLS": "/srv/tools"}) == Path("/srv/tools")


def test_the_command_prints_what_a_shell_needs(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**machine.environ, "DOCKER_HOST": running(tmp_path / "theirs")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BASE_IMAGE", raising=False)
    monkeypatch.delenv("KIND_NODE_IMAGE", raising=False)
    assert main(["--env"]) == 0
    assert capsys.readouterr().out == f"export BASE_IMAGE={PUBLIC_BASE}\n"
    assert main([]) == 0
    assert f"base image: {PUBLIC_BASE}" in capsys.readouterr().out


def test_the_command_fails_where_there_is_no_engine(machine: Machine, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "deploy" / "engine" / "engine.py")]
    environ = {**machine.environ, "DOCKER_HOST": f"unix://{tmp_path}/gone.sock"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
