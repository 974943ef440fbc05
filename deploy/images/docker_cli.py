"""The docker command, as far as images need it: what it says on failure is the error."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes import ImageError

_TAIL_LINES = 12


@dataclass(frozen=True)
class Docker:
    """Runs docker under the variables that reach the engine."""

    environ: Mapping[str, str]

    def run(self, *arguments: str, text: str | None = None, timeout: float = 600) -> str:
        """Run `docker ...` with `text` as its standard input; return its standard output. Raises ImageError."""
        done = self.attempt(*arguments, text=text, timeout=timeout)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_TAIL_LINES:]
            shown = " ".join(arguments[:4])
            raise ImageError(f"`docker {shown} ...` failed (exit code {done.returncode}):\n  " + "\n  ".join(said))
        return done.stdout.strip()

    def attempt(
        self, *arguments: str, text: str | None = None, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker ...` and return what came of it, whatever it is."""
        try:
            return subprocess.run(
                ["docker", *arguments],
                env=dict(self.environ),
                input=text or "",
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ImageError(f"`docker {' '.join(arguments[:4])} ...` did not end within {timeout:.0f} s") from error

    def inspect(self, image: str) -> dict[str, Any]:
        """What the engine knows about an image."""
        found: list[dict[str, Any]] = json.loads(self.run("image", "inspect", image))
        return found[0]

    def build(self, folder: Path, dockerfile: Path, tag: str, options: Sequence[str]) -> dict[str, Any]:
        """Build an image without a network and without what is left of earlier builds; return what is known of it."""
        base = ["build", "--quiet", "--no-cache", "--network", "none", "--tag", tag, "--file", str(dockerfile)]
        self.run(*base, *options, str(folder), timeout=1800)
        return self.inspect(tag)

    def architecture(self) -> str:
        """The engine's own architecture, by docker's name: what it can run."""
        return self.run("version", "--format", "{{.Server.Arch}}")
