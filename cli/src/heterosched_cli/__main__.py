"""`heterosched`, also as a kubectl plug-in (`kubectl heterosched`): messages use the name it was called by."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from heterosched.proxies import spare_loopback
from heterosched_cli.app import app
from heterosched_cli.output import note

COMPLETION = {"--install-completion", "--show-completion"}


def main() -> None:
    """Run the command of the process's arguments."""
    as_plugin = Path(sys.argv[0]).stem.startswith("kubectl")
    if as_plugin and COMPLETION & set(sys.argv[1:]):
        note("error: kubectl completes its plug-ins itself: see kubectl completion --help; all that it needs of us is")
        note("kubectl_complete-heterosched on the PATH (for the program alone: heterosched --install-completion)")
        raise SystemExit(2)
    spare_loopback(os.environ)
    app(prog_name="kubectl heterosched" if as_plugin else "heterosched")


if __name__ == "__main__":
    main()
