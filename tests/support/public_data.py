"""The folder of public data, for tests that read it: they skip where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("HETEROSCHED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


def public(*parts: str) -> Path:
    """A file or folder of it; skips the test where it is not there."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"public data {path} absent")
    return path
