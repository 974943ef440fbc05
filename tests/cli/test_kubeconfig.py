"""Without --namespace the namespace is the one that kubectl would use."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_cli.kubeconfig import check_login, check_present, contexts_of, namespace_of

CONFIG = """
current-context: one
contexts:
- {name: one, context: {cluster: c, user: u, namespace: team}}
- {name: two, context: {cluster: c, user: u}}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return path


def test_the_option_comes_first_then_the_context_then_default(config: Path) -> None:
    assert namespace_of("mine", config, "") == "mine"
    assert namespace_of("", config, "") == "team"
    assert namespace_of("", config, "two") == "default"
    assert namespace_of("", None, "") == "default"


def test_of_several_files_the_first_that_says_something_counts(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = config.with_name("other")
    other.write_text("contexts: [{name: one, context: {namespace: late}}]", encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(config.with_name("none")), str(config), str(other)]))
    assert namespace_of("", None, "") == "team"


def test_an_unknown_context_is_named_with_those_that_exist(config: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no context 'three'; it has: one, two"):
        namespace_of("", config, "three")


def test_a_kubeconfig_that_is_not_there_is_said(config: Path) -> None:
    check_present(config)
    with pytest.raises(InvalidInput, match="there is no file /none"):
        check_present(Path("/none"))
    with pytest.raises(InvalidInput, match=r"\.kube/config"):
        check_present(None)


def test_a_context_of_no_kubeconfig_is_told_as_that() -> None:
    with pytest.raises(InvalidInput, match="there is no file /none; give one with --kubeconfig"):
        namespace_of("", Path("/none"), "mine")


def test_inside_a_pod_no_kubeconfig_is_needed(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    check_present(None)
    with pytest.raises(InvalidInput, match="there is no file /none"):
        check_present(Path("/none"))


def test_inside_a_pod_the_namespace_is_that_of_its_service_account(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setattr("heterosched.kube.access.ACCOUNT", tmp_path)
    assert namespace_of("", None, "") == "default"
    (tmp_path / "namespace").write_text("batch\n", encoding="utf-8")
    assert namespace_of("", None, "") == "batch"
    assert namespace_of("mine", None, "") == "mine"
    assert namespace_of("", config, "") == "team"


LOGIN = """
users:
- {name: u, user: {exec: {command: no-such-login, installHint: see the wiki, env: %s}}}
"""


def test_a_login_plugin_that_is_not_there_is_named_with_its_user(config: Path, tmp_path: Path) -> None:
    check_login(config, "")
    config.write_text(CONFIG + LOGIN % "[]", encoding="utf-8")
    wrong = r"users\[u\]\.user\.exec\.command: the login plug-in 'no-such-login' is not on the PATH; see the wiki"
    for context in ("", "two"):
        with pytest.raises(InvalidInput, match=wrong):
            check_login(config, context)
    check_login(config, "three")
    program = tmp_path / ("no-such-login.exe" if os.name == "nt" else "no-such-login")
    program.touch(mode=0o755)
    config.write_text(CONFIG + LOGIN % json.dumps([{"name": "PATH", "value": str(tmp_path)}]), encoding="utf-8")
    check_login(config, "")


def test_what_is_no_kubeconfig_is_left_to_the_client(config: Path) -> None:
    for wrong in ("users: 5", "contexts: x\nusers: {}", "contexts: {name: one}"):
        config.write_text(f"current-context: one\n{wrong}\n", encoding="utf-8")
        check_login(config, "")
    config.write_text(CONFIG + LOGIN % "[{name: PATH, value: 3}, x]", encoding="utf-8")
    with pytest.raises(InvalidInput, match="is not on the PATH"):
        check_login(config, "")


def test_contexts_are_those_of_all_files(config: Path) -> None:
    assert contexts_of(config) == ["one", "two"]
