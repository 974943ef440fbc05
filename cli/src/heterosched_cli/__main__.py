"""`heterosched`, also as a kubectl plug-in (`kubectl heterosched`): messages use the name it was called by."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from heterosched.proxies import spare_loopback
from heterosched_cli.app import app


def main() -> None:
    """Run the command of the process's arguments."""
    spare_loopback(os.environ)
    called = Path(sys.argv[0]).stem
    app(prog_name="kubectl heterosched" if called.startswith("kubectl") else "heterosched")


if __name__ == "__main__":
    main()
