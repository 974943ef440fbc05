"""What stands in the way of an import: everything is named at once, with its path and a remedy."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from heterosched.errors import HeteroSchedError, InvalidInput

SHOWN: Final = 30
"""Findings that an error spells out."""


class Unsupported(HeteroSchedError):
    """An object that cannot be imported as it is; one line for each reason."""

    def __init__(self, problems: list[InvalidInput]) -> None:
        self.problems = problems
        lines = [str(problem) for problem in problems[:SHOWN]]
        if len(problems) > SHOWN:
            lines.append(f"... and {len(problems) - SHOWN} more")
        super().__init__("\n".join([*lines, "nothing is written"]))


class Findings:
    """Gathers what is wrong with `object` (`Workflow build in flow.yaml (document 1)`), and remarks that do no harm."""

    def __init__(self, object: str) -> None:
        self.object = object
        self.remarks: list[str] = []
        self._problems: dict[tuple[str, str], InvalidInput] = {}

    def add(self, path: str, problem: str, remedy: str) -> None:
        """A problem; the same one is told once, however often a template is used."""
        self._problems.setdefault((path, problem), InvalidInput(self.object, path, problem, remedy))

    def remark(self, path: str, text: str) -> None:
        """Something that is left out without changing what the work does."""
        line = f"{self.object}: {path}: {text}"
        if line not in self.remarks:
            self.remarks.append(line)

    def check(self) -> None:
        """Raises Unsupported where anything was added."""
        if self._problems:
            raise Unsupported(list(self._problems.values()))

    def mapping(self, value: Any, path: str) -> dict[str, Any]:
        """The mapping that should stand there; empty where there is none. Anything else is a problem."""
        if value is None or isinstance(value, dict):
            return value or {}
        self.add(path, "is no mapping", "write names with values")
        return {}

    def items(self, value: Any, path: str) -> list[Any]:
        """The list that should stand there, by the same rule."""
        if value is None or isinstance(value, list):
            return value or []
        self.add(path, "is no list", "write a list")
        return []

    def whole(self, value: Any, path: str, least: int = 0) -> int | None:
        """The whole number that may stand there (also as a text); None where there is none."""
        if value is None:
            return None
        text = str(value)
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,10}", text) or int(text) < least:
            self.add(path, f"{value!r} is no whole number from {least} on", "correct it")
            return None
        return int(text)

    def only(
        self,
        given: Mapping[str, Any],
        path: str,
        taken: Collection[str],
        idle: Mapping[str, str],
        why: Mapping[str, str],
    ) -> None:
        """Look at the keys of a mapping: `taken` over, `idle` ones (with what is said of them), all others problems.

        `why` has the remedies of some; an empty value (nothing, false, an empty list) asks for nothing.
        """
        prefix = f"{path}." if path else ""
        for key, value in given.items():
            if key in taken or value in (None, False, "", [], {}):
                continue
            if key in idle:
                self.remark(f"{prefix}{key}", idle[key])
            else:
                remedy = why.get(key, "remove it, or keep this object as it is")
                self.add(f"{prefix}{key}", "has no counterpart in a HeteroJob", remedy)
