"""The processes of the demo find each other past any proxy of the user, and one that does not answer is named."""

from __future__ import annotations

import socket

import pytest

from pins import ControlPlaneError
from stack import fetch, past_proxies


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


def test_what_does_not_answer_is_named_by_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/decisions/space/pod"
        with pytest.raises(ControlPlaneError, match=f"{url} did not answer"):
            fetch(url, limit_s=0.1)
