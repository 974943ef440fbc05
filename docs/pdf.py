"""Writes build/site/heterosched.pdf: the manual as a book, from the page that the print-site plug-in made of all pages.

The print page is the manual's text in the order of its navigation; the site's frame, scripts and style are left out and
docs/assets/print.css is used instead. WeasyPrint needs no browser, only Pango (deploy/debian-packages.txt).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import tinyhtml5

from heterosched import __version__
from pages import lines

SITE = Path(__file__).resolve().parents[1] / "build" / "site"
STYLE = Path(__file__).resolve().parent / "assets" / "print.css"
NAME = "heterosched.pdf"


def classes(element: ElementTree.Element) -> list[str]:
    """The classes of an element."""
    return element.get("class", "").split()


def text(element: ElementTree.Element | None) -> str:
    """What a heading says, without the sign that links to it."""
    return "" if element is None else "".join(element.itertext()).replace("¶", "").strip()


def parts(page: ElementTree.Element) -> Iterator[tuple[str, list[ElementTree.Element]]]:
    """Title and pages of each part of the navigation."""
    for section in page.iter("section"):
        if "md-section" in classes(section):
            inner = [one for one in section.findall("section") if "print-page" in classes(one)]
            yield text(section.find("h1")), inner


def book(page: ElementTree.Element) -> ElementTree.Element:
    """Cover, contents and all pages."""
    html = ElementTree.Element("html", lang="en")
    head, body = ElementTree.SubElement(html, "head"), ElementTree.SubElement(html, "body")
    ElementTree.SubElement(head, "title").text = "HeteroSched"
    cover = ElementTree.SubElement(body, "div", {"class": "cover"})
    ElementTree.SubElement(cover, "div", {"class": "title"}).text = "HeteroSched"
    line = f"Scheduling for heterogeneous Kubernetes clusters by time and energy. Manual of version {__version__}."
    ElementTree.SubElement(cover, "div", {"class": "line"}).text = line
    contents = ElementTree.SubElement(body, "div", {"class": "contents"})
    ElementTree.SubElement(contents, "div", {"class": "heading"}).text = "Contents"
    for title, pages in parts(page):
        ElementTree.SubElement(contents, "div", {"class": "part"}).text = title
        ElementTree.SubElement(body, "div", {"class": "part-title"}).text = title
        for one in pages:
            entry = {"class": "entry", "href": f"#{one.get('id')}"}
            ElementTree.SubElement(contents, "a", entry).text = text(one.find(".//h1"))
            lines.settle(one)
            for link in one.iter("a"):
                if not link.get("href", "#").startswith(("#", "https://", "http://")):
                    del link.attrib["href"]  # to a page that the book does not have
            body.append(one)
    return html


def main() -> int:
    """Write the book."""
    printed = SITE / "print_page.html"
    if not printed.exists():
        print(f"{printed} is missing: run mkdocs build first", file=sys.stderr)
        return 1
    try:
        from weasyprint import HTML
    except OSError as error:
        print(f"no PDF: {error}; install the packages of deploy/debian-packages.txt", file=sys.stderr)
        return 1
    document = tinyhtml5.parse(printed.read_bytes(), namespace_html_elements=False)
    page = next(one for one in document.iter("div") if one.get("id") == "print-site-page")
    source = "<!doctype html>" + ElementTree.tostring(book(page), encoding="unicode", method="html")
    HTML(string=source, base_url=str(printed)).write_pdf(SITE / NAME, stylesheets=[str(STYLE)])
    print(f"{SITE / NAME}: {(SITE / NAME).stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
