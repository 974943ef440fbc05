"""Loopback addresses never go through a proxy: Go programs (kubectl, kube-scheduler) hold to that, Python's do not."""

from __future__ import annotations

from collections.abc import MutableMapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def spare_loopback(environment: MutableMapping[str, str]) -> None:
    """Add the loopback names to the environment's NO_PROXY, in either case; call it with os.environ at the start."""
    for key in ("NO_PROXY", "no_proxy"):
        names = [name.strip() for name in environment.get(key, "").split(",") if name.strip()]
        if "*" not in names and (names or key == "NO_PROXY"):
            environment[key] = ",".join([*names, *(name for name in LOOPBACK if name not in names)])
