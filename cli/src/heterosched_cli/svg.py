"""A small writer of SVG: shapes with a text on hover, nothing that a browser has to load or run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

Attribute = str | float


def number(value: float) -> str:
    """At most two digits after the point: a hundredth of a pixel is beyond any screen."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def element(name: str, attributes: Mapping[str, Attribute], content: str = "", title: str = "") -> str:
    """One element; `title` is shown on hover, `content` is markup. `stroke_width` becomes `stroke-width`, `class_`
    `class`.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(value if isinstance(value, str) else number(value))}"
        for key, value in attributes.items()
    )
    hover = f"<title>{escape(title)}</title>" if title else ""
    inner = hover + content
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def text(words: str, x: float, y: float, **attributes: Attribute) -> str:
    """Words at a place; characters that XML knows nothing of are left out."""
    shown = "".join(sign for sign in words if sign.isprintable())
    return element("text", {"x": x, "y": y, **attributes}, escape(shown))


def line(points: Iterable[tuple[float, float]], title: str = "", **attributes: Attribute) -> str:
    """A line through points, without filling."""
    return element("polyline", {"points": _listed(points), "fill": "none", **attributes}, title=title)


def area(points: Iterable[tuple[float, float]], title: str = "", **attributes: Attribute) -> str:
    """A filled outline."""
    return element("polygon", {"points": _listed(points), **attributes}, title=title)


def box(x: float, y: float, width: float, height: float, **attributes: Attribute) -> str:
    """A rectangle by its upper left corner."""
    return element("rect", {"x": x, "y": y, "width": width, "height": height, **attributes})


def _listed(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def document(width: float, height: float, name: str, about: str, style: str, parts: Iterable[str]) -> str:
    """A whole file; `name` and `about` are for those who listen instead of looking."""
    head = f"<title>{escape(name)}</title><desc>{escape(about)}</desc><style>{style}</style>"
    body = "\n".join([head, box(0, 0, width, height, fill="#ffffff"), *parts])
    size = f'width="{number(width)}" height="{number(height)}" viewBox="0 0 {number(width)} {number(height)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{body}\n</svg>\n'
