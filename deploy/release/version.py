#!/usr/bin/env python3
"""The version stands in the file VERSION; everything else that names it is written from there, and compared with it.

    python deploy/release/version.py                    # what disagrees
    python deploy/release/version.py --write            # make it agree
    python deploy/release/version.py --write 0.2.0      # a new version

Written instead of computed, so that packages, chart and images can be built each by its own tool alone.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_NUMBER = r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.]+)?"
_IMAGE = rf"(?<=\bheterosched/)(?:operator|extender|cli|lab):({_NUMBER})"
_PACKAGE = rf"\bheterosched(?:-operator|-extender|-cli|-lab)?-({_NUMBER})(?=\.tgz|\.tar|-py3)"

PLACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pyproject.toml", (rf'^version = "({_NUMBER})"',)),
    ("{core,operator,extender,cli,lab}/pyproject.toml", (rf'^version = "({_NUMBER})"', rf'"heterosched==({_NUMBER})"')),
    ("core/src/heterosched/__init__.py", (rf'^__version__ = "({_NUMBER})"',)),
    ("helm/heterosched/Chart.yaml", (rf'^version: "?({_NUMBER})', rf'^appVersion: "?({_NUMBER})')),
    ("examples/**/*.yaml", (_IMAGE,)),
    ("docs/**/*.md", (_IMAGE, _PACKAGE)),
    ("helm/**/*.md", (_IMAGE, _PACKAGE)),
    ("*.md", (_IMAGE, _PACKAGE)),
)
"""Files, and what in them is the version: the one group of each pattern. Of a CHANGELOG only the headings count."""


@dataclass(frozen=True)
class Mention:
    """One place that names the version."""

    file: Path
    line: int
    said: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.said}"


def _files(pattern: str, root: Path) -> Iterator[Path]:
    named = re.fullmatch(r"\{(.*)\}(.*)", pattern)
    for each in [f"{name}{named[2]}" for name in named[1].split(",")] if named else [pattern]:
        yield from (path for path in sorted(root.glob(each)) if path.name != "CHANGELOG.md")


def mentions(root: Path = ROOT) -> list[Mention]:
    """Every place that names our version, whatever it says."""
    found = []
    for pattern, wanted in PLACES:
        for path in _files(pattern, root):
            text = path.read_text(encoding="utf-8")
            for match in (match for each in wanted for match in re.finditer(each, text, re.MULTILINE)):
                found.append(Mention(path.relative_to(root), text.count("\n", 0, match.start()) + 1, match[1]))
    return found


def rewrite(version: str, root: Path = ROOT) -> list[Path]:
    """Write `version` to every place; return the files that changed."""
    changed = []
    for pattern, wanted in PLACES:
        for path in _files(pattern, root):
            old = new = path.read_text(encoding="utf-8")
            for each in wanted:
                new = re.sub(each, lambda match: match[0].replace(match[1], version), new, flags=re.MULTILINE)
            if new != old:
                path.write_text(new, encoding="utf-8")
                changed.append(path.relative_to(root))
    return changed


def stated(root: Path = ROOT) -> str:
    """The version that the file VERSION states."""
    return (root / "VERSION").read_text(encoding="utf-8").strip()


def newest(changelog: str) -> str:
    """The newest version of a changelog that has a section of its own; empty if none has."""
    found = re.search(rf"^## \[({_NUMBER})\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE)
    return found[1] if found else ""


def disagreements(root: Path = ROOT) -> list[str]:
    """What names another version than VERSION does, each with its place; empty where all agree."""
    version = stated(root)
    if not re.fullmatch(_NUMBER, version):
        return [f"VERSION: {version!r} is not a version: write one like 0.2.0 or 0.2.0-rc.1"]
    found = [f"{mention}, not {version}: run `make version`" for mention in mentions(root) if mention.said != version]
    logged = newest((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if logged != version:
        said = f"its newest section is [{logged}]" if logged else "it has no section of a version"
        found.append(f"CHANGELOG.md: {said}, not [{version}]: head its changes `## [{version}] - YYYY-MM-DD`")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare or write the version; 1 where something disagrees."""
    parser = argparse.ArgumentParser(prog="version.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="make everything agree with VERSION")
    parser.add_argument("version", nargs="?", help="with --write: the new version")
    options = parser.parse_args(arguments)
    if options.version and not options.write:
        parser.error("a new version needs --write")
    if options.version and not re.fullmatch(_NUMBER, options.version):
        parser.error(f"{options.version!r} is not a version: write one like 0.2.0 or 0.2.0-rc.1")
    if options.version:
        (ROOT / "VERSION").write_text(f"{options.version}\n", encoding="utf-8")
    if options.write:
        for path in rewrite(stated()):
            print(f"version: {path}")
    found = disagreements()
    for each in found:
        print(f"version: {each}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
