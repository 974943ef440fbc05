"""Runs a program of ours as if on another operating system: `python other_platform.py win32 heterosched_cli version`.

`sys.platform` is another's, and what only POSIX has is gone from `os`, `signal` and the modules. Libraries are imported
before, since theirs would look for files that only the other system has: what is tried is our own code alone. All our
modules of these packages are imported first; `-` in place of a package runs nothing more.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys

PACKAGES = ("heterosched", "heterosched_cli", "heterosched_lab")
LINUX_ONLY = {"os": ("sched_getaffinity", "pidfd_open", "memfd_create"), "signal": ("pidfd_send_signal",)}
POSIX_ONLY = {
    "os": ("fork", "getuid", "geteuid", "getpgid", "killpg", "setsid", "pread", "pwrite", "getloadavg", "uname"),
    "signal": ("SIGKILL", "SIGHUP", "SIGSTOP", "SIGCONT", "SIGUSR1", "SIGUSR2"),
}
POSIX_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")


def everything() -> list[str]:
    """The names of all our modules, plug-ins' entry points (`__main__`) aside: importing those runs them."""
    found = []
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        found += [package, *(one.name for one in pkgutil.walk_packages(path, f"{package}."))]
    return [name for name in found if not name.endswith(".__main__")]


def pretend(platform: str) -> None:
    """Be that platform from here on, with none of our modules imported."""
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]
    gone = [LINUX_ONLY, *([POSIX_ONLY] if platform == "win32" else [])]
    for table in gone:
        for module, names in table.items():
            for name in names:
                if hasattr(sys.modules[module], name):
                    delattr(sys.modules[module], name)
    if platform == "win32":
        sys.modules |= dict.fromkeys(POSIX_MODULES)  # type: ignore[arg-type] # None makes an import fail
    sys.platform = platform


def main() -> None:
    """Pretend, import everything, then run the package."""
    platform, package, *arguments = sys.argv[1:]
    names = everything()
    for name in names:
        importlib.import_module(name)
    assert hasattr(os, "fork") and hasattr(signal, "SIGKILL")
    pretend(platform)
    for name in names:
        importlib.import_module(name)
    if package == "-":
        print(f"{len(names)} modules on {sys.platform}")
        return
    sys.argv = [package, *arguments]
    sys.exit(importlib.import_module(f"{package}.__main__").main())


if __name__ == "__main__":
    main()
