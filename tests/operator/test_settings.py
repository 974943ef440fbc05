"""Settings come from arguments, environment and file, in that order, and every wrong key is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from heterosched.errors import InvalidInput
from heterosched.settings import load, show
from heterosched_operator.__main__ import main
from heterosched_operator.settings import ENV_PREFIX, Settings


def test_arguments_come_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("free_retries: 1\nmetrics_port: 1\nhealth_port: 1\n")
    environment = {f"{ENV_PREFIX}METRICS_PORT": "2", f"{ENV_PREFIX}HEALTH_PORT": "2"}
    settings = load(Settings, environment, file, {"health_port": 3})
    assert (settings.free_retries, settings.metrics_port, settings.health_port) == (1, 2, 3)
    assert settings.rules.free_retries == 1


def test_every_wrong_key_and_value_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("colour: red\nshape: round\n")
    with pytest.raises(InvalidInput, match=r"colour.*shape.*HETEROSCHED_OPERATOR_SMELL"):
        load(Settings, {f"{ENV_PREFIX}SMELL": "bad"}, file)
    with pytest.raises(InvalidInput, match=r"free_retries.*'many'"):
        load(Settings, {f"{ENV_PREFIX}FREE_RETRIES": "many"})


def test_what_is_shown_can_be_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--show-config", "--metrics-port", "7"]) == 0
    shown = capsys.readouterr().out
    file = tmp_path / "settings.yaml"
    file.write_text(shown)
    assert yaml.safe_load(shown)["metrics_port"] == 7
    assert show(load(Settings, {}, file)) == shown


def test_bad_settings_end_the_program_with_a_message(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--config", str(tmp_path / "nowhere.yaml")]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


def test_without_credentials_the_program_ends_and_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--kubeconfig", str(tmp_path / "absent")]) == 2
    assert "absent: there is no such file; give the kubeconfig" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--show-config"]])
def test_settings_that_telemetry_could_not_use_end_it_before_it_starts(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.yaml").write_text("prometheus_url: 127.0.0.1:11166\nprometheus_queries: {gpu_wats: up}\n")
    assert main(["--config", str(tmp_path / "s.yaml"), *more]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "prometheus_url: not an http or https address; write http://HOST:PORT" in line
    assert "prometheus_queries[gpu_wats]: no such metric; use one of " in line
