"""`heterosched-extender`: read the settings, then serve a cluster or a file until told to stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from heterosched.errors import HeteroSchedError
from heterosched.proxies import spare_loopback
from heterosched.signals import heed_sigterm
from heterosched_extender.memory import no_collector
from heterosched_extender.start import resolve

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    heed_sigterm()
    spare_loopback(os.environ)
    try:
        with no_collector():
            found = resolve(arguments, meanwhile=_load)
            if found.shown:
                print(found.shown, end="")
            else:
                from heterosched_extender.program import run

                run(found)
    except HeteroSchedError as error:
        print(f"heterosched-extender: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _load() -> None:
    """Everything that serving takes, while a child reads the settings."""
    import_module("heterosched_extender.program")


if __name__ == "__main__":
    sys.exit(main())
