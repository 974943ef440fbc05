"""Settings of a service come from arguments, environment and file in this order; every wrong key or value is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from heterosched.errors import InvalidInput
from heterosched.settings import load, show
from heterosched_extender.settings import Settings


def test_arguments_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("verbs_port: 1\nops_port: 2\ndecisions_hours: 3\n")
    environment = {"HETEROSCHED_EXTENDER_OPS_PORT": "20", "HETEROSCHED_EXTENDER_VERBS_PORT": "10"}
    found = load(Settings, environment, file, {"verbs_port": 100})
    assert (found.verbs_port, found.ops_port, found.decisions_hours) == (100, 20, 3.0)
    assert found.verbs_host == "127.0.0.1"


def test_a_toml_file_is_read_and_an_empty_file_means_defaults(tmp_path: Path) -> None:
    toml, empty = tmp_path / "s.toml", tmp_path / "s.yaml"
    toml.write_text('log_level = "DEBUG"\n')
    empty.write_text("")
    assert load(Settings, {}, toml).log_level == "DEBUG"
    assert load(Settings, {}, empty) == load(Settings, {})


def test_wrong_keys_are_all_named_with_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("verbs_prot: 1\nfoo: 2\n")
    with pytest.raises(InvalidInput) as caught:
        load(Settings, {"HETEROSCHED_EXTENDER_BAR": "1", "PATH": "x"}, file)
    wrong, known = str(caught.value).split("known are ")
    for words in ("unknown key verbs_prot", "unknown key foo", "HETEROSCHED_EXTENDER_BAR"):
        assert words in wrong
    assert set(known.split(", ")) == set(Settings.model_fields)


def test_wrong_values_are_all_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        load(Settings, {}, None, {"verbs_port": 70000, "log_level": "LOUD"})
    assert "verbs_port" in str(caught.value)
    assert "log_level" in str(caught.value)


@pytest.mark.parametrize(
    "name, text", [("a.yaml", "- list"), ("b.yaml", "a: ["), ("c.toml", "a ="), ("missing.yaml", None)]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput, match=name):
        load(Settings, {}, tmp_path / name)


def test_what_is_shown_can_be_read_back(tmp_path: Path) -> None:
    given = load(Settings, {}, None, {"verbs_port": 7, "kubeconfig": tmp_path / "k"})
    file = tmp_path / "shown.yaml"
    file.write_text(show(given))
    assert load(Settings, {}, file) == given
    assert set(yaml.safe_load(show(given))) == set(Settings.model_fields)
