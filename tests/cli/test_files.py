"""Every object of a file is read as kubectl would read it, and what cannot be read is named with file and place."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_cli.files import read_documents


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_documents_and_the_items_of_lists_come_one_by_one(tmp_path: Path) -> None:
    nodes = "kind: NodeList\nitems: [{metadata: {name: n}}, {kind: Node}]\n"
    text = f"kind: A\n---\n---\n{nodes}---\nkind: List\nitems: [{{kind: B}}]\n"
    found = read_documents(written(tmp_path / "all.yaml", text))
    assert [document.kind for document in found] == ["A", "Node", "Node", "B"]
    assert found[1].where.endswith("all.yaml (document 3), items[0]")


def test_json_is_read_as_yaml_is(tmp_path: Path) -> None:
    assert read_documents(written(tmp_path / "a.json", ' {"kind": "A", "n": 1}'))[0].content == {"kind": "A", "n": 1}
    assert read_documents(written(tmp_path / "flow.yaml", "{kind: A, n: 1}"))[0].content == {"kind": "A", "n": 1}


def test_a_time_stays_a_text(tmp_path: Path) -> None:
    assert read_documents(written(tmp_path / "a.yaml", "at: 2030-01-31T18:00:00Z"))[0].content == {
        "at": "2030-01-31T18:00:00Z"
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2\n", "line 2"),
        ("- a\n- b\n", r"\(document 1\): is a list, no object"),
        ("kind: List\nitems: 3\n", r"items: is a number, no list"),
        ("kind: List\nitems: [a]\n", r"items\[0\]: is a text, no object"),
        ("", "there is no object in it"),
        ("a: \x01", "no YAML"),
        ("a: !!python/object:os.system {}", "no YAML"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        read_documents(written(tmp_path / "bad.yaml", text))
    assert "bad.yaml" in caught.value.object


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.yaml: No such file"):
        read_documents(tmp_path / "none.yaml")


def test_text_that_is_no_utf_8_is_an_error_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: \xff\xfe\xfa")
    with pytest.raises(InvalidInput, match=r"latin\.yaml"):
        read_documents(path)
