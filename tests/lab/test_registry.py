"""Benchmarks are found by entry point; one that is broken is named and spoils no other."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab import registry


def test_the_labs_own_benchmarks_are_registered_and_load() -> None:
    assert set(registry.names()) == {point.name for point in entry_points(group="heterosched.benchmarks")}
    for name in registry.names():
        found = registry.load(name)
        assert (found.name, bool(found.title)) == (name, True)


def test_all_means_all_and_a_name_counts_once(offer: Callable[..., None]) -> None:
    offer(good="Good", other="Good", raises="Raises")
    assert registry.chosen(("raises", "all")) == ("good", "other", "raises")
    assert registry.chosen(("other", "good", "other")) == ("other", "good")


def test_an_unknown_name_is_answered_with_the_known_ones(offer: Callable[..., None]) -> None:
    offer(good="Good", other="Good")
    with pytest.raises(InvalidInput, match="benchmark nix: there is none of this name; choose of: good, other"):
        registry.chosen(("good", "nix"))
    with pytest.raises(InvalidInput, match="benchmark nix"):
        registry.load("nix")


def test_a_package_that_does_not_load_is_listed_with_the_reason(offer: Callable[..., None], tmp_path: Path) -> None:
    offer(good="Good", broken="no_such_module:Benchmark")
    broken, good = registry.listed(tmp_path)
    assert (good.name, good.problem) == ("good", "")
    assert "no_such_module:Benchmark cannot be loaded: ModuleNotFoundError" in broken.problem
    with pytest.raises(InvalidInput, match=r"benchmark broken: .*; mend or remove the package"):
        registry.load("broken")


def test_data_is_missing_where_its_folder_is_absent_or_empty(offer: Callable[..., None], tmp_path: Path) -> None:
    offer(needs="NeedsData")
    assert registry.listed(tmp_path)[0].missing == ("traces",)
    (tmp_path / "traces").mkdir()
    assert registry.listed(tmp_path)[0].missing == ("traces",)
    (tmp_path / "traces" / "a.csv").touch()
    assert registry.listed(tmp_path)[0].missing == ()


def test_the_variable_says_where_the_data_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HETEROSCHED_DATA", str(tmp_path))
    assert registry.data_folder() == tmp_path
    monkeypatch.delenv("HETEROSCHED_DATA")
    assert registry.data_folder().parts[-2:] == ("shared", "data")


def test_options_are_what_a_benchmark_declares(offer: Callable[..., None]) -> None:
    offer(good="Good")
    assert registry.options(registry.load("good")) == {"scale": "by what all is multiplied"}
