"""The page of the chart's values: the table that the chart's own README has, where it is made of values.yaml."""

from __future__ import annotations

from pathlib import Path

from pages.markdown import page

README = Path(__file__).resolve().parents[2] / "helm" / "heterosched" / "README.md"
MARK = "make chart-files`. -->"


def values_page() -> str:
    """The values."""
    said = "`helm install --set KEY=VALUE` or `--values FILE`. A key that is not here is refused, with the remedy."
    return page("Values of the Helm chart", said, table(README.read_text(encoding="utf-8")))


def table(readme: str) -> str:
    """What stands below the mark; deploy/chart/generate_chart.py writes both."""
    _, found, below = readme.partition(MARK)
    if not found:
        raise ValueError(f"{README} has no table of values: run `make chart-files`")
    return below.strip()
