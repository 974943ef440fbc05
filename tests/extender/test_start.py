"""A child reads settings and credentials; what comes back is what it read, and the serving process stays without it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from heterosched.kube.access import Access
from heterosched.settings import load
from heterosched_extender.settings import Settings
from heterosched_extender.start import Refused, resolve

HEAVY = ("pydantic", "yaml", "kubernetes", "aiohttp", "requests", "fastapi")


def test_the_values_come_back_as_they_were_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:8001"}}
    context = {"name": "x", "context": {"cluster": "c"}}
    kubeconfig.write_text(json.dumps({"current-context": "x", "contexts": [context], "clusters": [cluster]}))
    config = tmp_path / "config.toml"
    config.write_text('telemetry_seconds = 7\n[tas_metrics]\nheat = "max(heat)"\n')
    monkeypatch.setenv("HETEROSCHED_EXTENDER_STATE_FILE", "/run/alive")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    done = list[str]()
    given = ["--config", str(config), "--kubeconfig", str(kubeconfig), "--port", "7"]
    found = resolve(given, meanwhile=lambda: done.append("meanwhile"))
    wanted = {"state_file": "/run/alive", "kubeconfig": kubeconfig, "verbs_port": 7}
    assert found.values == dict(load(Settings, {}, config, wanted))
    assert found.settings.state_file == Path("/run/alive")
    assert found.access == Access("http://127.0.0.1:8001")
    assert (done, found.shown) == (["meanwhile"], "")


@pytest.mark.slow
def test_what_is_wrong_is_told_as_it_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETEROSCHED_EXTENDER_VERBS_PROT", "1")
    with pytest.raises(Refused, match=r"unknown key HETEROSCHED_EXTENDER_VERBS_PROT; known are .*verbs_port"):
        resolve([], meanwhile=tuple)


def test_a_child_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Refused, match="exit code 1"):
        resolve([], meanwhile=tuple)


def test_an_option_that_is_none_ends_it_before_anything_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        resolve(["--prot", "1"], meanwhile=lambda: pytest.fail("started"))
    assert "--prot" in capsys.readouterr().err


@pytest.mark.slow
def test_the_serving_process_loads_nothing_that_reads_settings_or_kubeconfigs() -> None:
    program = f"import heterosched_extender.program, sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
