"""The page of the chart's values: every value with its default and what values.yaml says above it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pages.markdown import page, rows

VALUES = Path(__file__).resolve().parents[2] / "helm" / "heterosched" / "values.yaml"
KEY = re.compile(r"^( *)([A-Za-z][\w-]*):(?: |$)")
STEP = 2


def values_page() -> str:
    """The values."""
    text = VALUES.read_text()
    body = ((f"`{path}`", value, meaning) for path, value, meaning in values(text))
    said = "`helm install --set KEY=VALUE` or `--values FILE`. A key that is not here is refused, with the remedy."
    return page("Values of the Helm chart", said, rows(("value", "default", "meaning"), body))


def values(text: str) -> Iterator[tuple[str, str, str]]:
    """Path, default and meaning of each value that is no mere folder of others."""
    loaded = yaml.safe_load(text)
    path, comment = list[str](), list[str]()
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("#"):
            comment.append(bare.lstrip("# ").removeprefix("-- "))
        elif found := KEY.match(line):
            path = [*path[: len(found[1]) // STEP], found[2]]
            value: Any = loaded
            for key in path:
                value = value[key]
            folder = isinstance(value, dict) and value and not line.split(":", 1)[1].split("#")[0].strip()
            if not folder or comment:
                yield ".".join(path), "" if folder else f"`{json.dumps(value)}`", " ".join(comment)
            comment = []
        elif not bare:
            comment = []
