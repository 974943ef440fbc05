"""Equal code, data and configuration are recognised as equal, anything else as another run."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterosched_lab.runs.identity import Config, code_digest, data_digest, versions


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of somebody else's benchmark."""
    root = tmp_path / "somebodys_benchmark"
    root.mkdir()
    (root / "__init__.py").touch()
    (root / "benchmark.py").write_text("A = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return root


def test_the_digest_changes_with_the_benchmarks_own_code(package: Path) -> None:
    before = [code_digest("somebodys_benchmark.benchmark", ()) for _ in range(2)]
    (package / "benchmark.py").write_text("A = 2\n")
    after = code_digest("somebodys_benchmark.benchmark", ())
    assert before[0] == before[1] != after


def test_another_benchmarks_code_does_not_count_and_the_labs_does() -> None:
    others = ("heterosched_lab.openb", "heterosched_lab.zeus", "elsewhere.benchmarks")
    own = code_digest("heterosched_lab.openb.benchmark", others)
    assert own != code_digest("heterosched_lab.zeus.benchmark", others)
    assert own == code_digest("heterosched_lab.openb.benchmark", ("heterosched_lab.zeus",))
    assert own != code_digest("heterosched_lab.openb.benchmark", ("heterosched_lab.simulate",))


def test_a_lone_module_counts_without_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lone_benchmark.py").write_text("A = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = code_digest("lone_benchmark", ())
    (tmp_path / "neighbour.py").write_text("A = 1\n")
    assert code_digest("lone_benchmark", ()) == before


def test_data_is_told_by_names_and_sizes_below_the_needed_folders(tmp_path: Path) -> None:
    (tmp_path / "traces" / "deep").mkdir(parents=True)
    (tmp_path / "traces" / "deep" / "a.csv").write_text("1")
    before = data_digest(tmp_path, ("traces",))
    (tmp_path / "b.csv").write_text("1")
    assert data_digest(tmp_path, ("traces",)) == before
    (tmp_path / "traces" / "deep" / "a.csv").write_text("12")
    assert data_digest(tmp_path, ("traces",)) != before
    assert data_digest(tmp_path, ("absent",)) == data_digest(tmp_path, ())


def test_a_file_that_an_option_names_counts_by_its_content(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("a: 1")
    before = data_digest(tmp_path, (), (str(config), "12", ""))
    config.write_text("a: 2")
    assert data_digest(tmp_path, (), (str(config), "12", "")) != before
    assert data_digest(tmp_path, (), ("12", "")) == data_digest(tmp_path, ())


def test_the_command_makes_the_run_again() -> None:
    config = Config("openb", (42, 43), True, {"b": "2", "a": "1"})
    assert config.command == "heterosched bench run openb --seeds 42,43 --short --set a=1 --set b=2"


def test_the_versions_are_of_what_decides_about_figures() -> None:
    assert {"python", "heterosched", "heterosched-lab", "numpy", "scipy", "matplotlib"} <= versions().keys()
