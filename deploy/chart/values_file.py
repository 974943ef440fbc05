"""Reads what the chart's values.yaml says: each value, its default, and the `# --` comment above it.

Reference pages and the chart's README are made from `values()`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[2] / "helm" / "heterosched"
MARK = "# --"


@dataclass(frozen=True)
class Value:
    """A documented value."""

    path: tuple[str, ...]
    default: Any
    comment: str

    @property
    def name(self) -> str:
        """As `--set` takes it."""
        return ".".join(self.path)

    @property
    def shown(self) -> str:
        """Its default, in one line."""
        return json.dumps(self.default, ensure_ascii=False)


def comments(text: str) -> dict[tuple[str, ...], str]:
    """The `# --` comment of each key of a values file, by its path. The file is in block style, two spaces a level."""
    found: dict[tuple[str, ...], str] = {}
    above: list[tuple[int, str]] = []
    pending: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith(MARK):
            pending = [bare.removeprefix(MARK).strip()]
        elif bare.startswith("#"):
            if pending:
                pending.append(bare.removeprefix("#").strip())
        elif ":" in bare and not bare.startswith("-"):
            indent = len(line) - len(line.lstrip())
            above = [*(entry for entry in above if entry[0] < indent), (indent, bare.split(":", 1)[0])]
            if pending:
                found[tuple(key for _, key in above)] = " ".join(pending)
            pending = []
        else:
            pending = []
    return found


def leaves(
    given: Mapping[str, Any], documented: Mapping[tuple[str, ...], str], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Paths of all values that a user sets as one: scalars, lists, and mappings that are documented as a whole."""
    for key, value in given.items():
        here = (*path, key)
        if isinstance(value, Mapping) and value and here not in documented:
            yield from leaves(value, documented, here)
        else:
            yield here


def values(chart: Path = CHART) -> list[Value]:
    """All documented values, in the order of the file. Raises ValueError that names those without a comment."""
    text = (chart / "values.yaml").read_text(encoding="utf-8")
    given, documented = yaml.safe_load(text), comments(text)
    paths = list(leaves(given, documented))
    bare = [".".join(path) for path in paths if path not in documented]
    if bare:
        raise ValueError(f"values.yaml: no `{MARK}` comment above {', '.join(bare)}")
    return [Value(path, _at(given, path), documented[path]) for path in paths]


def _at(given: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = given
    for key in path:
        found = found[key]
    return found
