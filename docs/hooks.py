"""Hooks of mkdocs: pages may link to any file of the repository, and the manual has it as a page of its own.

Links in docs/ lead where they lead on a forge, `../../examples/graph.yaml` for instance. The manual is read without a
forge and without a network, so what is linked to comes along under repository/.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
DOCS = "docs"
INSIDE = "repository"
ALWAYS = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "examples/README.md",
    "helm/heterosched/README.md",
    "images/README.md",
)
"""What the navigation names, whether or not a page links to it."""
LINK = re.compile(
    r"^( *)(`{3,})[^\n]*\n.*?^\1\2`*\s*$|`[^`\n]*`|\]\((?!https?:|mailto:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)",
    re.MULTILINE | re.DOTALL,
)
"""Code, which is passed over, or a link to a file."""
CODE = re.compile(r"`[^`\n]+`")
LANGUAGES = {".yaml": "yaml", ".yml": "yaml", ".py": "python", ".json": "json", ".toml": "toml", ".csv": "text"}


def links(text: str, at: str) -> Iterator[str]:
    """The paths of the repository that a page at this one links to."""
    for found in LINK.finditer(text):
        if found["path"]:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(at), found["path"]))


def place(path: str) -> str:
    """Where the manual has a file of the repository, as a path below docs/."""
    if path == DOCS or path.startswith(DOCS + "/"):
        inner = path[len(DOCS) + 1 :]
        return inner if (ROOT / path).is_file() else "index.md"
    return f"{INSIDE}/{path}" if path.endswith(".md") else f"{INSIDE}/{path}.md"


def relinked(text: str, at: str) -> str:
    """The page with links between places of the manual instead of places of the repository."""
    here = posixpath.dirname(place(at))

    def turned(found: re.Match[str]) -> str:
        if not found["path"]:
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(at), found["path"]))
        return f"]({posixpath.relpath(place(path), here or '.')}{found['anchor'] or ''})"

    return LINK.sub(turned, text)


def content(path: str) -> str:
    """A file or folder of the repository as a page."""
    file = ROOT / path
    if file.is_dir():
        inner = sorted(one.name + "/" * one.is_dir() for one in file.iterdir() if not one.name.startswith("."))
        return f"# {path}/\n\n" + "\n".join(f"- `{name}`" for name in inner) + "\n"
    text = file.read_text()
    if path.endswith(".md"):
        return relinked(text, path)
    return f"# {path}\n\n````{LANGUAGES.get(file.suffix, 'text')}\n{text}````\n"


def linked_to() -> set[str]:
    """Files and folders outside docs/ that pages lead to, and those that these lead to."""
    waiting = [path for path in ALWAYS if (ROOT / path).exists()]
    for page in sorted((ROOT / DOCS).rglob("*.md")):
        waiting += links(page.read_text(), page.relative_to(ROOT).as_posix())
    found = set[str]()
    while waiting:
        path = waiting.pop()
        if path in found or path.startswith(DOCS) or not (ROOT / path).exists():
            continue
        found.add(path)
        if path.endswith(".md"):
            waiting += links((ROOT / path).read_text(), path)
    return found


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add what is linked to."""
    for path in sorted(linked_to()):
        files.append(File.generated(config, place(path), content=content(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links that leave docs/ around, and show code in tables as it is."""
    source = page.file.src_uri
    text = markdown if source.startswith(INSIDE + "/") else relinked(markdown, f"{DOCS}/{source}")
    return with_bare_pipes(text)


def with_bare_pipes(text: str) -> str:
    """Code in tables without the sign that a forge needs before `|`: here it would be shown."""
    lines = (
        CODE.sub(lambda found: found[0].replace("\\|", "|"), line) if line[:1] == "|" else line
        for line in text.split("\n")
    )
    return "\n".join(lines)
