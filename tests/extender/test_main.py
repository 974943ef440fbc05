"""The program serves a file without a cluster, stops when told, and refuses what it cannot use with one clear line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from extender_calls import a_call, a_node, a_pod_manifest
from heterosched_extender.__main__ import USAGE_ERROR, main


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    path = tmp_path / "nodes.json"
    path.write_text(json.dumps({"kind": "List", "items": [a_node("t4-0"), a_node("v100-0")]}))
    return path


@pytest.fixture
def served(nodes: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "heterosched_extender", "--snapshot", str(nodes), "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stderr=output, env={**os.environ, "PYTHONWARNINGS": "error"})
    found = None
    for _ in range(600):
        found = re.search(r"on (127\.0\.0\.1:\d+)", log.read_text())
        if found or process.poll() is not None:
            break
        time.sleep(0.05)
    assert found, log.read_text()
    yield process, f"http://{found[1]}"
    process.kill()
    process.wait()


def test_a_file_is_served_on_one_port_until_told_to_stop(served: tuple[subprocess.Popen[bytes], str]) -> None:
    process, url = served
    with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
        assert answer.read() == b"ok"
    call = urllib.request.Request(f"{url}/prioritize", a_call(a_pod_manifest("p"), ["t4-0", "v100-0"]))
    with urllib.request.urlopen(call, timeout=10) as answer:
        assert {each["Host"] for each in json.load(answer)} == {"t4-0", "v100-0"}
    with urllib.request.urlopen(f"{url}/v1/decisions/p?format=text", timeout=10) as answer:
        assert b"policy Balanced" in answer.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


@pytest.mark.slow
def test_the_effective_settings_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--show-config", "--port", "7"]) == 0
    assert "verbs_port: 7\n" in capsys.readouterr().out


@pytest.mark.slow
def test_a_file_that_cannot_be_read_ends_it_with_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--snapshot", str(tmp_path / "none.json")]) == USAGE_ERROR
    assert "none.json" in capsys.readouterr().err


def test_a_port_that_is_taken_ends_it_with_the_address(nodes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--snapshot", str(nodes), "--port", str(port)]) == USAGE_ERROR
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


def test_credentials_that_are_missing_end_it_with_their_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--kubeconfig", str(tmp_path / "no-kubeconfig"), "--port", "0", "--ops-port", "0"]) == USAGE_ERROR
    assert "no-kubeconfig" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--show-config"]])
def test_settings_that_telemetry_could_not_use_end_it_before_it_starts(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.yaml").write_text("prometheus_url: 127.0.0.1:11166\nprometheus_queries: {gpu_wats: up}\n")
    assert main(["--config", str(tmp_path / "s.yaml"), *more]) == USAGE_ERROR
    (line,) = capsys.readouterr().err.splitlines()
    assert "prometheus_url: not an http or https address; write http://HOST:PORT" in line
    assert "prometheus_queries[gpu_wats]: no such metric; use one of " in line
