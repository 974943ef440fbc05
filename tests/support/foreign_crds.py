"""CRDs of others that the chart makes objects of, out of their own Go modules, checked against pinned sums."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Source:
    """A Go module and the files in it."""

    module: str
    sum: str
    files: tuple[str, ...]


_MONITORING = "example/prometheus-operator-crd/monitoring.coreos.com"
SOURCES = (
    Source(
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        (f"{_MONITORING}_servicemonitors.yaml", f"{_MONITORING}_prometheusrules.yaml"),
    ),
    Source(
        "github.com/cert-manager/cert-manager@v1.21.2",
        "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        ("deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"),
    ),
)


def foreign_crds() -> list[Path]:
    """The files, downloaded if need be; skips the test, saying why, where neither cache nor proxy has them."""
    if shutil.which("go") is None:
        pytest.skip("Go is not on PATH: the CRDs of Prometheus operator and cert-manager come from their Go modules")
    return [path for source in SOURCES for path in _files(source)]


def _files(source: Source) -> list[Path]:
    with tempfile.TemporaryDirectory() as empty:  # outside of any module
        command = ["go", "mod", "download", "-json", source.module]
        done = subprocess.run(command, cwd=empty, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        pytest.skip(f"{source.module} cannot be had: {(done.stdout + done.stderr).strip()[-300:]}")
    found = json.loads(done.stdout)
    assert found["Sum"] == source.sum, f"{source.module} is not what was pinned"
    return [Path(found["Dir"]) / name for name in source.files]
