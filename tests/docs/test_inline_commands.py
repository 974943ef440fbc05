"""Commands in running text name subcommands, options and targets that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from documented import ROOT, pages
from heterosched_cli.app import app
from pages.commands import tree

INLINE = re.compile(r"`((?:kubectl )?heterosched [a-z][^`]*|make [a-z][^`]*)`")
WORD = re.compile(r"[a-z][a-z0-9-]*")
OPTION = re.compile(r"--?[a-zA-Z][a-z0-9-]*")
COMMANDS: dict[str, Any] = dict(tree("heterosched", get_command(app)))
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
HELP = {"-h", "--help", "--install-completion", "--show-completion"}


def wrong(text: str) -> Iterator[str]:
    """What a command in running text names and nothing has."""
    program, *words = shlex.split(text.removeprefix("kubectl ").split("|")[0])
    if program == "make":
        yield from (word for word in words if WORD.fullmatch(word) and word not in TARGETS)
        return
    name, rest = program, list(words)
    while rest and f"{name} {rest[0]}" in COMMANDS:
        name = f"{name} {rest.pop(0)}"
    if hasattr(COMMANDS[name], "list_commands") and rest and WORD.fullmatch(rest[0]):
        yield rest[0]
    known = {option for one in COMMANDS[name].params for option in (*one.opts, *one.secondary_opts)} | HELP
    for word in rest:
        option = OPTION.match(word)
        if option and word.startswith("-") and option[0] not in known:
            yield option[0]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_is_named_in_running_text_exists(page: Path) -> None:
    found = {text: list(wrong(text)) for text in INLINE.findall(page.read_text())}
    assert {text: names for text, names in found.items() if names} == {}


def test_what_does_not_exist_is_found() -> None:
    assert list(wrong("heterosched plan -f a.yaml --clutser b --policy Energy")) == ["--clutser"]
    assert list(wrong("kubectl heterosched wyh POD")) == ["wyh"]
    assert list(wrong("heterosched bench run all --short")) == []
    assert list(wrong("make tset")) == ["tset"]
    assert list(wrong("make demo ARGS=--keep")) == []
