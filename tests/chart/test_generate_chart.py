"""What of the chart is made from other sources is what they say, and every value is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

import generate_chart
from values_file import CHART, comments, values


def test_crds_schema_and_readme_are_up_to_date() -> None:
    assert generate_chart.stale(generate_chart.files()) == []


def test_the_crds_are_the_source_files_byte_for_byte() -> None:
    source = {path.name: path.read_bytes() for path in generate_chart.CRDS.glob("*.yaml")}
    assert {path.name: path.read_bytes() for path in (CHART / "files" / "crds").iterdir()} == source


def test_a_file_that_the_source_no_longer_has_is_out_of_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_chart, "CHART", tmp_path)
    (tmp_path / "files" / "crds").mkdir(parents=True)
    old = tmp_path / "files" / "crds" / "gone.yaml"
    old.write_text("{}")
    assert generate_chart.stale({}) == [old]


def test_a_comment_belongs_to_the_value_below_it() -> None:
    text = "a:\n  # -- First\n  # line.\n  b: 1\n  # plain\n  c: 2\n# -- Whole.\nd: {}\n"
    assert comments(text) == {("a", "b"): "First line.", ("d",): "Whole."}


def test_a_value_without_a_comment_is_named(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("a:\n  b: 1\n  # -- Good.\n  c: 2\n")
    with pytest.raises(ValueError, match=r"no `# --` comment above a\.b$"):
        values(tmp_path)


def test_values_are_shown_as_set_takes_them() -> None:
    found = {value.name: value for value in values()}
    assert found["scheduler.replicas"].shown == "2"
    assert found["prometheus.secretKeys"].shown == "[]"
    assert found["operator.resources"].shown.startswith('{"requests"')
