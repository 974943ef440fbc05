"""What is on this machine is asked directly, whatever proxies the environment names; nobody's entry is lost."""

from __future__ import annotations

import urllib.request

import pytest

from heterosched.proxies import spare_loopback


def test_loopback_is_added_to_what_stands_there() -> None:
    environment = {"NO_PROXY": "10.0.0.0/8, localhost"}
    spare_loopback(environment)
    assert environment["NO_PROXY"] == "10.0.0.0/8,localhost,127.0.0.1,::1"


def test_the_lower_case_twin_is_kept_in_step() -> None:
    environment = {"no_proxy": "example.com"}
    spare_loopback(environment)
    assert environment["no_proxy"].split(",")[0] == "example.com"
    assert "127.0.0.1" in environment["no_proxy"]
    assert "127.0.0.1" in environment["NO_PROXY"]


def test_a_star_already_spares_everything() -> None:
    environment = {"NO_PROXY": "*"}
    spare_loopback(environment)
    assert environment == {"NO_PROXY": "*"}


def test_the_standard_library_then_asks_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"HTTPS_PROXY": "http://192.0.2.1:3128"}
    spare_loopback(environment)
    for key in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("NO_PROXY", environment["NO_PROXY"])
    assert urllib.request.proxy_bypass("127.0.0.1:6443")
    assert not urllib.request.proxy_bypass("example.com")
