"""What is plain in a kubeconfig or a service account is read as the package reads it; everything else is left to it."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from heterosched.kube import access as access_module
from heterosched.kube.access import Access, plain_access
from http_apiserver import kubeconfig

SERVER = "https://10.0.0.1:6443"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No kubeconfig, proxy or service account but those of the test."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_certificates_stand_in_the_file_or_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("beside")
    user = {"client-certificate-data": encoded("mine"), "client-key-data": encoded("key")}
    path = kubeconfig(tmp_path, SERVER + "/", {"certificate-authority": "ca.pem", "tls-server-name": "api"}, **user)
    assert plain_access(path) == Access(SERVER, "beside", "mine", "key", server_name="api")


def test_a_token_goes_before_its_file_and_http_needs_no_certificates(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1:8080", {"certificate-authority": "absent"}, token="t", tokenFile="f")
    assert plain_access(path) == Access("http://127.0.0.1:8080", token="t")
    path = kubeconfig(tmp_path, SERVER, {"insecure-skip-tls-verify": True}, tokenFile="f")
    assert plain_access(path) == Access(SERVER, token_file=str(tmp_path / "f"), verify=False)


def test_the_kubeconfig_is_found_where_kubectl_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path, SERVER, token="t").rename(tmp_path / ".kube" / "config")
    assert plain_access() == Access(SERVER, token="t")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, SERVER, token="other")))
    assert plain_access() == Access(SERVER, token="other")
    assert plain_access(context="nowhere") == Access("http://127.0.0.1:1", token="other")


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({}, {"exec": {"command": "aws"}}),
        ({}, {"auth-provider": {"name": "oidc"}}),
        ({}, {"username": "u", "password": "p"}),
        ({}, {"as": "somebody", "token": "t"}),
        ({}, {"client-certificate": "absent"}),
        ({}, {"client-certificate-data": "no base64"}),
        ({"proxy-url": "http://proxy"}, {}),
        ({"server": "ftp://10.0.0.1"}, {}),
        ({"server": None}, {}),
    ],
)
def test_what_is_not_plain_is_left_to_the_package(tmp_path: Path, cluster: dict[str, Any], user: Any) -> None:
    assert plain_access(kubeconfig(tmp_path, SERVER, cluster, **user)) is None


def test_what_is_wrong_is_left_to_the_package(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, SERVER)
    assert plain_access(tmp_path / "absent") is None
    assert plain_access(path, "elsewhere") is None
    assert plain_access(f"{path}{os.pathsep}{path}") is None
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**document, "users": document["users"] * 2}))
    assert plain_access(path) is None
    path.write_text("{")
    assert plain_access(path) is None


def test_a_proxy_of_the_environment_is_left_to_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kubeconfig(tmp_path, SERVER)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert plain_access(path) is None
    monkeypatch.setenv("NO_PROXY", "10.0.0.1")
    assert plain_access(path) == Access(SERVER)


@pytest.mark.parametrize(("host", "server"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd::1", "https://[fd::1]:443")])
def test_the_service_account_of_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, server: str) -> None:
    monkeypatch.setattr(access_module, "ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    assert plain_access() is None
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "ca.crt").write_text("authority")
    (tmp_path / "token").write_text("t\n")
    assert plain_access() == Access(server, "authority", token_file=str(tmp_path / "token"))
