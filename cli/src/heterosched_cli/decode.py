"""From the plain dicts of a file to the API's structs, with errors that name object, field and remedy.

The API server does this for what is applied; `plan` has to do it for what is not applied yet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from heterosched.constants import API_VERSION
from heterosched.errors import InvalidInput
from heterosched_cli.files import Document

Decoded = TypeVar("Decoded", bound=msgspec.Struct)
Warn = Callable[[str], None]


def decode(document: Document, type: type[Decoded], warn: Warn) -> Decoded:
    """The object of a document. Raises InvalidInput; a field of `spec` that the type does not know goes to `warn`."""
    object = title(document)
    version = document.content.get("apiVersion")
    if version != API_VERSION:
        raise InvalidInput(object, "apiVersion", f"is {version!r}", f"write {API_VERSION}")
    metadata = document.content.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise InvalidInput(object, "metadata.name", "is not there", "give the object a name")
    try:
        decoded = msgspec.convert(document.content, type)
    except msgspec.ValidationError as error:
        raise _named(error, document, object) from error
    for path, name, known in _unknown(_fields(type)["spec"], document.content["spec"], "spec"):
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "remove it or correct its name"
        warn(f"{object}: {path}.{name}: the plan does not read this field; {hint}")
    for path, value in _fractions(document.content["spec"], "spec"):
        warn(f'{object}: {path}: the API server refuses a bare {value}; write "{value}"')
    return decoded


def title(document: Document) -> str:
    """`HeteroJob team/train (job.yaml (document 1))`: as much of it as is there."""
    metadata = document.content.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = "/".join(str(metadata[key]) for key in ("namespace", "name") if metadata.get(key))
    return f"{document.kind} {name} in {document.where}" if name else f"{document.kind or 'object'} in {document.where}"


def _named(error: msgspec.ValidationError, document: Document, object: str) -> InvalidInput:
    """`Object missing required field `x` - at `$.spec.tasks[1]``, with the task's name in place of its index."""
    problem, _, where = str(error).partition(" - at `$")
    field = _with_names(where.rstrip("`").lstrip("."), document.content)
    missing = re.fullmatch(r"Object missing required field `(.+)`", problem)
    if missing:
        field = f"{field}.{missing[1]}".lstrip(".")
        return InvalidInput(object, field, "is not there", "add it")
    return InvalidInput(
        object, field, problem[0].lower() + problem[1:], f"see kubectl explain {_explain(document.kind, field)}"
    )


def _with_names(path: str, content: object) -> str:
    shown = ""
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+|\.\.\.)\]", path):
        if key:
            shown += f".{key}"
            content = content.get(key) if isinstance(content, dict) else None
            continue
        content = content[int(index)] if isinstance(content, list) and index.isdigit() else None
        name = content.get("name") or content.get("device") if isinstance(content, dict) else None
        shown += f"[{name or index}]"
    return shown.lstrip(".")


def _explain(kind: str, field: str) -> str:
    return f"{kind.lower()}." + re.sub(r"\[[^]]*\]", "", field) if field.startswith("spec") else kind.lower()


def _unknown(type: Any, content: Any, path: str) -> Iterator[tuple[str, str, list[str]]]:
    """Path, name and known names of each key in `content` that the struct `type` has no field for."""
    if get_origin(type) in (Union, UnionType):
        type = next((part for part in get_args(type) if _is_struct(part)), None)
    if get_origin(type) is list and isinstance(content, list):
        for index, item in enumerate(content):
            yield from _unknown(get_args(type)[0], item, f"{path}[{_item_name(item, index)}]")
    elif _is_struct(type) and isinstance(content, dict):
        known = _fields(type)
        for key, value in content.items():
            if key in known:
                yield from _unknown(known[key], value, f"{path}.{key}")
            else:
                yield path, str(key), list(known)


@cache
def _fields(type: Any) -> dict[str, Any]:
    """The fields of a struct by their names on the wire: resolving annotations takes a tenth of a millisecond."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(type)}


def _fractions(content: Any, path: str) -> Iterator[tuple[str, float]]:
    """Numbers with a fraction: quantities of the API are integers or texts. Pod templates are the API server's own.

    NaN and infinity are no quantities as texts either; whoever reads the field says so.
    """
    if isinstance(content, float) and math.isfinite(content):
        yield path, content
    elif isinstance(content, dict):
        for key, value in content.items():
            if key != "template":
                yield from _fractions(value, f"{path}.{key}")
    elif isinstance(content, list):
        for index, item in enumerate(content):
            yield from _fractions(item, f"{path}[{_item_name(item, index)}]")


def _item_name(item: Any, index: int) -> Any:
    return item.get("name") or item.get("device") or index if isinstance(item, dict) else index


def _is_struct(type: Any) -> bool:
    return isinstance(type, msgspec.StructMeta)
