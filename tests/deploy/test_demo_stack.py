"""The demo's processes find each other on this machine, whatever proxy the user's environment names."""

from __future__ import annotations

import pytest

from stack import past_proxies


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": ".corp,10.0.0.1", "no_proxy": "ignored"}, ".corp,10.0.0.1,127.0.0.1,localhost"),
        ({"NO_PROXY": "", "no_proxy": ".corp"}, ".corp,127.0.0.1,localhost"),
    ],
)
def test_loopback_goes_past_a_proxy_and_what_the_user_excepts_stays(environment: dict[str, str], expected: str) -> None:
    assert past_proxies(environment) == {"NO_PROXY": expected, "no_proxy": expected}
