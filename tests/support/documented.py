"""The commands that README and docs show, and how each of them is known to work."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
LEDGER = ROOT / "tests" / "docs" / "commands.yaml"
BLOCK = re.compile(r"^(?P<indent> *)```(?:console|bash|sh|shell)[^\n]*\n(?P<text>.*?)^ *```", re.MULTILINE | re.DOTALL)
RELEASE = re.compile(r"\{\{ \.Release\.(\w+) \}\}")


@dataclass(frozen=True)
class Command:
    """A command of a page, with the output that the page promises; no promise where there is none."""

    page: str
    line: int
    text: str
    promised: str = ""

    def kept(self, said: str) -> bool:
        """Whether an output is what the page promises; `...` stands for anything."""
        pieces = [r"\s+".join(map(re.escape, piece.split())) for piece in self.promised.split("...")]
        return not self.promised or re.fullmatch(r"\s*.*?\s*".join(pieces), said.strip(), re.DOTALL) is not None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Proof:
    """How commands that begin so are known to work: run offline with these exit codes, or by a test that has `says`.

    `left`: what of the command no test runs, and why.
    """

    begins: str
    test: str = ""
    says: str = ""
    left: str = ""
    exits: tuple[int, ...] = (0,)
    pages: tuple[str, ...] = ()

    def covers(self, command: Command) -> bool:
        """Whether this is about a command: by how it begins, and by its page where pages are named."""
        begins = command.text == self.begins or command.text.startswith((f"{self.begins} ", f"{self.begins}="))
        return begins and (not self.pages or command.page in self.pages)


def pages() -> list[Path]:
    """All pages that show commands, generated ones too."""
    named = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    folders = ("docs", "examples", "helm", "deploy", "e2e", "images")
    return named + sorted(page for folder in folders for page in (ROOT / folder).rglob("*.md"))


def commands_of(page: Path) -> list[Command]:
    """The commands of a page, in their order."""
    text, name = page.read_text(), page.relative_to(ROOT).as_posix()
    return [
        command
        for block in BLOCK.finditer(text)
        for command in _of_block(name, text.count("\n", 0, block.start()) + 2, block["text"], len(block["indent"]))
    ]


def _of_block(page: str, line: int, text: str, indent: int) -> Iterator[Command]:
    rows = [row[indent:] for row in text.splitlines()]
    prompted = any(row.startswith("$ ") for row in rows)
    number = 0
    while number < len(rows):
        row, start = rows[number], line + number
        number += 1
        if not row.strip() or row.startswith("#") or (prompted and not row.startswith("$ ")):
            continue
        while row.endswith("\\"):
            row = row[:-1] + rows[number].strip()
            number += 1
        promised = list[str]()
        while prompted and number < len(rows) and not rows[number].startswith("$ "):
            promised.append(rows[number])
            number += 1
        told = "\n".join(promised).strip("\n")
        yield Command(page, start, plain(row.removeprefix("$ ")), f"{told}\n" if told else "")


def commands_of_notes() -> list[Command]:
    """The commands that the chart prints after an installation."""
    path = ROOT / "helm" / "heterosched" / "templates" / "NOTES.txt"
    found = re.finditer(r"(?:^ {2,}|: )((?:kubectl|helm|heterosched) .*)$", path.read_text(), re.MULTILINE)
    name = path.relative_to(ROOT).as_posix()
    return [Command(name, number, plain(RELEASE.sub(_released, one[1]))) for number, one in enumerate(found, start=1)]


def _released(name: re.Match[str]) -> str:
    return {"Name": "heterosched", "Namespace": "heterosched-system"}[name[1]]


def plain(command: str) -> str:
    """Without the remark behind it."""
    return re.sub(r"\s{2,}#.*$", "", command).strip()


def proofs(kind: str) -> list[Proof]:
    """The ledger's entries of a kind: `offline` or `proven`."""
    read: list[dict[str, Any]] = yaml.safe_load(LEDGER.read_text())[kind]
    return [
        Proof(
            begins=one["begins"],
            test=one.get("test", ""),
            says=one.get("says", ""),
            left=one.get("left", ""),
            exits=tuple(one.get("exits", (0,))),
            pages=tuple(one.get("pages", ())),
        )
        for one in read
    ]


def code_of(text: str) -> str:
    """What a module does: its code without imports, remarks and docstrings, with one kind of quotes."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [one for one in node.body if not _says_nothing(one)] or [ast.Pass()]
    return one_kind_of_quotes(ast.unparse(tree))


def _says_nothing(statement: ast.stmt) -> bool:
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return text or isinstance(statement, ast.Import | ast.ImportFrom)


def one_kind_of_quotes(text: str) -> str:
    """The text with one kind of quotes: which one was written tells nothing."""
    return text.replace('"', "'")


def functions_of(text: str) -> set[str]:
    """The names of a module's own functions."""
    return {one.name for one in ast.parse(text).body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def made_by(target: str) -> set[str]:
    """A target of the Makefile and all that it makes before."""
    rules = re.findall(r"^([a-z0-9-]+):([^#=\n]*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    needs = {name: {one for one in after.split() if "/" not in one} for name, after in rules}
    found, waiting = set[str](), {target}
    while waiting:
        found |= waiting
        waiting = {one for name in waiting for one in needs.get(name, ())} - found
    return found


def cluster_pages() -> list[str]:
    """The pages whose remaining commands a test runs in their order on a real control plane."""
    return list(_cluster())


def given_to(page: str) -> list[str]:
    """The manifests that are in the cluster before the commands of such a page are run."""
    return _cluster()[page] or []


def _cluster() -> dict[str, list[str] | None]:
    read: dict[str, list[str] | None] = yaml.safe_load(LEDGER.read_text())["cluster"]
    return read


def proof_of(command: Command, among: list[Proof]) -> Proof | None:
    """The most exact entry about a command."""
    about = [proof for proof in among if proof.covers(command)]
    return max(about, key=lambda proof: (bool(proof.pages), len(proof.begins)), default=None)
