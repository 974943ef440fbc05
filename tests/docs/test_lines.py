"""The book breaks no command and no name where it need not, and nothing is added to what is copied from it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

import pdf
from pages import lines

COMMAND = "$ helm upgrade heterosched helm/heterosched --namespace heterosched-system --reset-then-reuse-values --set prometheus.url=http://prometheus-operated.monitoring:9090"


def element(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{text}</div>")


def marked(page: ElementTree.Element, kind: str) -> list[str | None]:
    return [one.text for one in page.iter("span") if one.get("class") == kind]


def test_words_with_hyphens_are_kept_and_the_text_stays() -> None:
    page = element("<p>Ask <code>kubectl apply --dry-run=server -f a.yaml</code> <code>/readyz</code></p>")
    lines.settle(page)
    assert marked(page, "kept") == ["--dry-run=server", "-f"]
    assert marked(page, "part") == ["/readyz"]
    assert "".join(page.itertext()) == "Ask kubectl apply --dry-run=server -f a.yaml /readyz"


def test_a_word_that_does_not_fit_is_broken_after_a_sign() -> None:
    code = ElementTree.fromstring("<code>monitoring.serviceMonitor.enabled=true</code>")
    lines.keep(code, 20)
    assert marked(code, "part") == ["monitoring.", "serviceMonitor.", "enabled=", "true"]


def test_a_long_line_of_a_block_hangs_and_its_lines_are_those_of_the_source() -> None:
    page = element(f"<pre><code><a id='x'/><span>$ </span>first\n{COMMAND}\nlast --dry-run\n</code></pre>")
    lines.settle(page)
    (code,) = page.iter("code")
    (long,) = (one for one in code if one.get("class") == "long")
    assert "".join(long.itertext()) == COMMAND
    assert (code.text, long.tail) == ("$ first", "last --dry-run")


def test_columns_have_room_for_their_words_first_and_then_for_their_texts() -> None:
    option, default, meaning = lines.widths([([30.0], [30.0]), ([13.0], [13.0]), ([25.0], [200.0])])
    assert option >= 30.0 + lines.PADDING_MM
    assert default >= 13.0 + lines.PADDING_MM
    assert meaning > option + default
    assert option + default + meaning == pytest.approx(lines.PAGE_MM)
    assert sum(lines.widths([([300.0], [300.0])] * 9)) == pytest.approx(lines.PAGE_MM)


def test_a_table_without_headings_gets_no_bar_for_them() -> None:
    page = element("<table><thead><tr><th/><th/></tr></thead><tbody><tr><td>a</td><td>b</td></tr></tbody></table>")
    lines.settle(page)
    assert [one.tag for one in page[0]] == ["colgroup", "tbody"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:HarfBuzz-Subset:DeprecationWarning")
def test_no_option_is_broken_on_the_page() -> None:
    try:
        from weasyprint import HTML
    except OSError as error:
        pytest.skip(f"no PDF without Pango: {error}")
    body = f"<pre><code>{COMMAND}</code></pre>" + "".join(
        f"<p>{'word ' * count}<code>--dry-run</code></p>" for count in range(12, 22)
    )
    page = element(body)
    lines.settle(page)
    source = ElementTree.tostring(page, encoding="unicode", method="html")
    laid_out = HTML(string=source).render(stylesheets=[str(pdf.STYLE)])
    printed = [line.strip() for one in laid_out.pages for line in printed_lines(one._page_box)]
    assert sum("--dry-run" in line for line in printed) == 10
    assert any(line.startswith("--set prometheus.url=") for line in printed)
    assert not any(line.endswith("-") for line in printed)


def printed_lines(box: object) -> list[str]:
    """What stands on each line."""
    if type(box).__name__ == "LineBox":
        return [written(box)]
    return [line for child in getattr(box, "children", ()) for line in printed_lines(child)]


def written(box: object) -> str:
    text = getattr(box, "text", None)
    return text if isinstance(text, str) else "".join(map(written, getattr(box, "children", ())))
