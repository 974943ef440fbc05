"""The part of the committed lock that one image needs: names by the resolver, versions and hashes by the lock alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from recipes import LOCK, PLATFORMS, ROOT, Image, ImageError

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)")


def normal(name: str) -> str:
    """A package's name in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def blocks(text: str) -> dict[tuple[str, str], str]:
    """The lock's entries by name and version, each with its hashes and without its marker.

    A marker is dropped because the resolver has chosen by it already, for a Python that need not be the one at hand.
    """
    found: dict[tuple[str, str], str] = {}
    key: tuple[str, str] | None = None
    for line in text.splitlines():
        pin = _PIN.match(line)
        if pin:
            key = (normal(pin[1]), pin[2])
            found[key] = f"{pin[1]}=={pin[2]}"
        elif key is not None and line.strip().startswith("--hash="):
            found[key] += f" {line.strip().rstrip(chr(92)).strip()}"
    return found


def names(image: Image, arch: str, python: str) -> list[tuple[str, str]]:
    """Name and version of every package of others in the image, as the resolver finds them within the lock."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "compile", "--quiet", "--system-certs", "--no-header", "--no-annotate"]
    command += ["--only-binary=:all:"]  # what has no wheel for the platform is an error here, not later
    command += ["--constraint", str(LOCK), "--python-version", python, "--python-platform", PLATFORMS[arch]]
    command += [f"--no-emit-package={package}" for package in image.packages]
    command += [str(Path(member) / "pyproject.toml") for member in image.members]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ImageError(f"{image.name}: what it needs cannot be resolved within {LOCK.name}:\n{done.stderr.strip()}")
    return [(normal(pin[1]), pin[2]) for line in done.stdout.splitlines() if (pin := _PIN.match(line))]


def chosen(pins: list[tuple[str, str]], lock: dict[tuple[str, str], str]) -> str:
    """A requirements file of `pins` with the lock's hashes; ImageError for what the lock does not have."""
    lacking = [f"{name}=={version}" for name, version in pins if (name, version) not in lock]
    if lacking:
        raise ImageError(f"{LOCK.name} lacks {', '.join(lacking)}: run `make lock`")
    unchecked = [lock[pin] for pin in pins if "--hash=" not in lock[pin]]
    if unchecked:
        raise ImageError(f"{LOCK.name} has no hash of {', '.join(unchecked)}: run `make lock`")
    return "".join(f"{lock[pin]}\n" for pin in sorted(pins))
