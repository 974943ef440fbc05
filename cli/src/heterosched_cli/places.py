"""Where extenders are to be asked. Apart from how, so that `--help` loads no client."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Extenders:
    """`given`: addresses, or namespaces whose extenders are reached through the API server; empty: those that run in
    the cluster. `tokens` that were made for them, kept for questions that are asked again.
    """

    given: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    context: str = ""
    tokens: dict[str, tuple[float, str]] = field(default_factory=dict, compare=False, repr=False)
