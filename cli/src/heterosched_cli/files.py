"""Files that users hand over: manifests in YAML or JSON, one or several documents; errors name file and place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from heterosched.errors import InvalidInput

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file; `where` names it until its own name is known: `job.yaml (document 2)`."""

    where: str
    content: dict[str, Any]

    @property
    def kind(self) -> str:
        """`kind` as written; empty where there is none."""
        return str(self.content.get("kind", ""))


def title_of(path: Path) -> str:
    """How errors name a file."""
    return "standard input" if path == STDIN else str(path)


def read_bytes(path: Path) -> bytes:
    """The content of a file, `-` being standard input. Raises InvalidInput where it cannot be read."""
    try:
        return sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
    except OSError as error:
        raise InvalidInput(str(path), "", error.strerror or str(error), "check the path") from error


def read_documents(path: Path) -> list[Document]:
    """All objects of a YAML or JSON file; the items of a `List` each on their own. Raises InvalidInput."""
    name = title_of(path)
    found: list[Document] = []
    for number, content in enumerate(_parsed(read_bytes(path), name), start=1):
        if content is None:
            continue
        where = f"{name} (document {number})"
        if not isinstance(content, dict):
            raise InvalidInput(where, "", f"is {_kind_of(content)}, no object", "begin with apiVersion, kind, metadata")
        found.extend(_items(Document(where, content)))
    if not found:
        raise InvalidInput(name, "", "there is no object in it", "write at least one YAML or JSON document")
    return found


def _parsed(text: bytes, name: str) -> list[Any]:
    if text.lstrip()[:1] == b"{":
        import msgspec

        try:
            return [msgspec.json.decode(text)]
        except (msgspec.DecodeError, UnicodeError):
            pass  # flow-style YAML begins with a brace too; its parser also gives the better message
    import yaml

    try:
        return list(yaml.load_all(text, Loader=_loader()))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidInput(name, place, f"no YAML: {error.problem or error.context}", "correct it there") from error
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        raise InvalidInput(name, "", f"no YAML: {error}", "write UTF-8 YAML or JSON") from error


@cache
def _loader() -> Any:
    """PyYAML's C loader where it is built in, but times stay texts, as they do on their way through kubectl."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader


def _items(document: Document) -> Iterator[Document]:
    if not document.kind.endswith("List"):
        yield document
        return
    items = document.content.get("items")
    if not isinstance(items, list):
        raise InvalidInput(document.where, "items", f"is {_kind_of(items)}, no list", "list the objects there")
    kind = document.kind.removesuffix("List")
    for number, item in enumerate(items):
        where = f"{document.where}, items[{number}]"
        if not isinstance(item, dict):
            raise InvalidInput(where, "", f"is {_kind_of(item)}, no object", "list objects there")
        yield Document(where, {"kind": kind, **item} if kind else item)


def _kind_of(value: object) -> str:
    return {type(None): "empty", list: "a list", str: "a text", bool: "a truth value"}.get(type(value), "a number")
