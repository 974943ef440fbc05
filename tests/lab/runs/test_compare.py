"""Of two results every figure is better, worse or the same, by its goal; what was injected is flagged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.runs import folder as files
from heterosched_lab.runs.compare import Compared, as_data, compare, table_rows
from heterosched_lab.runs.identity import Config
from heterosched_lab.runs.types import Figure, Outcome

CONFIG = Config("b", tuple(range(10)), False, data="d")
SPREAD = np.linspace(-0.1, 0.1, 10)


def figure(mean: float = 10.0, name: str = "f", **other: object) -> Figure:
    values = tuple(float(mean + one) for one in SPREAD)
    return replace(Figure(name, sum(values) / 10, "s", "simulated", values=values), **other)  # type: ignore[arg-type]


def result(folder: Path, *figures: Figure, config: Config = CONFIG) -> Path:
    files.write_config(folder, config)
    files.write_outcome(folder, "Title", Outcome(figures))
    return folder


def only(tmp_path: Path, before: Figure, after: Figure) -> Compared:
    a, b = result(tmp_path / "a" / "b", before), result(tmp_path / "b" / "b", after)
    (found,) = compare(a, b).figures
    return found


def test_a_result_against_itself_is_neutral(tmp_path: Path) -> None:
    found = only(tmp_path, figure(), figure())
    assert (found.verdict, found.gain, found.flags) == ("Neutral", 0.0, ())
    assert found.p == 1.0


@pytest.mark.parametrize(("relation", "verdict"), [("<=", "Regressed"), (">=", "Improved")])
def test_the_goal_says_which_way_is_better(tmp_path: Path, relation: str, verdict: str) -> None:
    found = only(tmp_path, figure(10.0, relation=relation), figure(10.3, relation=relation))
    assert found.verdict == verdict
    assert found.gain == pytest.approx(-0.03 if relation == "<=" else 0.03, rel=0.1)
    assert found.p is not None
    assert found.p < 0.01


def test_a_goal_of_equality_wants_the_nearer_value(tmp_path: Path) -> None:
    def near(mean: float) -> Figure:
        return figure(mean, goal=10.0, relation="==", tolerance=0.5)

    assert only(tmp_path / "1", near(8.0), near(9.0)).verdict == "Improved"
    assert only(tmp_path / "2", near(9.0), near(12.0)).verdict == "Regressed"
    assert only(tmp_path / "3", near(10.1), near(9.9)).verdict == "Neutral"


def test_an_injected_regression_is_flagged(tmp_path: Path) -> None:
    a = result(tmp_path / "a" / "b", figure(name="kept"), figure(name="slower", goal=10.5))
    b = result(tmp_path / "b" / "b", figure(name="kept"), figure(11.0, name="slower", goal=10.5))
    found = compare(a, b)
    assert found.regressed
    assert [one.verdict for one in found.figures] == ["Neutral", "Regressed"]
    assert found.figures[1].flags == ("worse by over 5 %", "goal missed now")
    assert not compare(b, a).regressed
    assert as_data(found)["regressed"] is True


def test_an_injected_outlier_is_flagged_though_the_mean_hides_it(tmp_path: Path) -> None:
    values = (*figure().values[:9], 13.0)
    found = only(tmp_path, figure(), figure(values=values, value=sum(values) / 10))
    assert found.verdict == "Neutral"
    assert "outlier 13" in found.flags


def test_an_outlier_among_three_is_judged_by_both_runs(tmp_path: Path) -> None:
    before = figure(values=(10.0, 10.1, 9.9), value=10.0)
    assert "outlier 50" in only(tmp_path, before, figure(values=(10.0, 10.1, 50.0), value=23.4)).flags


def test_a_value_that_both_have_is_no_news(tmp_path: Path) -> None:
    both = figure(values=(*figure().values[:9], 13.0))
    assert only(tmp_path, both, both).flags == ()


def test_a_change_above_all_measure_is_unrealistic(tmp_path: Path) -> None:
    found = only(tmp_path, figure(10.0), figure(0.5))
    assert found.verdict == "Improved"
    assert any(flag.startswith("unrealistic") for flag in found.flags)


@pytest.mark.parametrize(("after", "verdict"), [(10.4, "Neutral"), (10.6, "Regressed"), (9.4, "Improved")])
def test_without_repeats_a_change_of_5_percent_counts(tmp_path: Path, after: float, verdict: str) -> None:
    one = Figure("f", 10.0, "s", "measured")
    found = only(tmp_path, one, replace(one, value=after))
    assert (found.verdict, found.p) == (verdict, None)


def test_from_nothing_to_something_is_a_change(tmp_path: Path) -> None:
    one = Figure("misses", 0.0, "", "counted")
    assert only(tmp_path / "1", one, replace(one, value=3.0)).verdict == "Regressed"
    assert only(tmp_path / "2", one, one).verdict == "Neutral"


def test_files_and_folders_of_runs_are_compared_too(tmp_path: Path) -> None:
    a, b = result(tmp_path / "a" / "b", figure()), result(tmp_path / "b" / "b", figure(11.0))
    result(tmp_path / "a" / "c", figure(), config=replace(CONFIG, benchmark="c"))
    whole = compare(tmp_path / "a", tmp_path / "b")
    assert compare(a / files.FIGURES, b / files.FIGURES).figures == whole.figures
    assert whole.remarks == (f"only in {tmp_path / 'a'}: c",)
    assert table_rows(whole)[0][:2] == ("b", "f")
    assert table_rows(whole)[0][4] == "-10.00%"


def test_what_makes_results_hard_to_compare_is_remarked(tmp_path: Path) -> None:
    other = replace(CONFIG, seeds=(1,), short=True, options={"a": "1"}, data="other")
    a = result(tmp_path / "a" / "b", figure(), figure(name="gone"))
    b = result(tmp_path / "b" / "b.partial", figure(), figure(name="new"), config=other)
    told = " ".join(compare(a, b).remarks)
    for word in ("short form", "other seeds", "other options", "other data", "second run is partial", "gone", "new"):
        assert word in told


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    a = result(tmp_path / "a" / "b", figure())
    c = result(tmp_path / "c" / "c", figure(), config=replace(CONFIG, benchmark="c"))
    (tmp_path / "text.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    for path, problem in ((c, "no benchmark is in both"), (tmp_path / "text.json", "is no result of a run")):
        with pytest.raises(InvalidInput, match=problem):
            compare(a, path)
    for path, problem in ((tmp_path / "empty", "holds no run"), (tmp_path / "nowhere", "there is none")):
        with pytest.raises(InvalidInput, match=problem):
            compare(a, path)


def test_simulated_figures_of_the_same_seeds_are_compared_seed_by_seed(tmp_path: Path) -> None:
    """Each seed became 10 % worse, and the seeds lie farther apart than that."""
    values = (5.0, 9.0, 14.0)
    config = replace(CONFIG, seeds=(1, 2, 3))
    before = Figure("f", 28 / 3, "s", "simulated", values=values)
    after = replace(before, value=1.1 * before.value, values=tuple(1.1 * value for value in values))

    def found(folder: Path, origin: str, seeds: tuple[int, ...] = (1, 2, 3)) -> tuple[str, bool]:
        old, new = (replace(one, origin=origin) for one in (before, after))  # type: ignore[arg-type]
        a = result(folder / "a" / "b", old, config=config)
        b = result(folder / "b" / "b", new, config=replace(config, seeds=seeds))
        return compare(a, b).figures[0].test, compare(a, b).regressed

    assert found(tmp_path / "1", "simulated") == ("paired", False)  # three pairs: p is 0.07
    steadier = tuple(value + 0.5 + 0.01 * value for value in values)
    after = replace(before, value=sum(steadier) / 3, values=steadier)
    assert found(tmp_path / "2", "simulated") == ("paired", True)
    assert found(tmp_path / "3", "simulated", (1, 2, 4)) == ("Welch", False)
    assert found(tmp_path / "4", "measured") == ("Welch", False)
