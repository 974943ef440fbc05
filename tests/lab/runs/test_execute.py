"""A run is complete or marked as partial, is not repeated without need, and leaves equal files for equal seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.execute import Finished, Wanted, run_all
from heterosched_lab.runs.folder import MEASURED, TIMING, read

Offer = Callable[..., None]


@pytest.fixture(autouse=True)
def _code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code does not change while a test runs, whoever works on it."""
    monkeypatch.setattr("heterosched_lab.runs.execute.code_digest", lambda own, others: "code")


def run(output: Path, *names: str, tell: Callable[[str], None] = lambda _: None, **other: Any) -> list[Finished]:
    given = {"seeds": (42, 43, 44), "short": True, "data": output / "data", **other}
    return run_all(Wanted(names, output=output, **given), Quiet(), tell)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name not in (MEASURED, TIMING)}


def test_a_run_is_a_folder_with_everything_that_was_found(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    (one,) = run(tmp_path, "good")
    assert (one.state, one.folder, one.problem) == ("done", tmp_path / "good", "")
    names = {path.name for path in one.folder.iterdir()}
    expected = "config.json figures.json measured.json timing.json report.md by_seed.csv events.csv curve.png"
    assert names == set(expected.split())
    found = read(one.folder)
    assert [figure.name for figure in found.outcome.figures] == ["makespan", "allocation", "jobs", "planning"]
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_equal_seeds_give_equal_files_and_other_seeds_do_not(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    run(tmp_path / "a", "good")
    run(tmp_path / "b", "good")
    run(tmp_path / "c", "good", seeds=(1, 2, 3))
    first = files(tmp_path / "a" / "good")
    assert first == files(tmp_path / "b" / "good")
    assert first["figures.json"] != files(tmp_path / "c" / "good")["figures.json"]


def test_what_is_done_is_kept_until_something_that_counts_is_another(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    told: list[str] = []
    states = [run(tmp_path, "good", tell=told.append)[0].state for _ in range(2)]
    states += [run(tmp_path, "good", fresh=True)[0].state, run(tmp_path, "good", seeds=(7,))[0].state]
    states += [run(tmp_path, "good", seeds=(7,), options={"scale": "2"})[0].state]
    states += [run(tmp_path, "good", seeds=(7,), options={"scale": "2"}, short=False)[0].state]
    assert states == ["done", "kept", "done", "done", "done", "done"]
    assert "already there, of this configuration and code" in told[3]


def test_the_run_before_remains_to_compare_with(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    for seed in (1, 2, 3):
        run(tmp_path, "good", seeds=(seed,))
    assert read(tmp_path / "good").config.seeds == (3,)
    assert read(tmp_path / "good.previous").config.seeds == (2,)


def test_new_code_or_data_runs_again(offer: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(needs="NeedsData")
    (tmp_path / "data" / "traces").mkdir(parents=True)
    trace = tmp_path / "data" / "traces" / "a.csv"
    trace.write_text("1\n")
    states = [run(tmp_path, "needs")[0].state]
    trace.write_text("1\n2\n")
    states += [run(tmp_path, "needs")[0].state for _ in range(2)]
    monkeypatch.setattr("heterosched_lab.runs.execute.code_digest", lambda own, others: "other")
    states += [run(tmp_path, "needs")[0].state]
    assert states == ["done", "done", "kept", "done"]


def test_one_that_fails_is_named_and_the_others_go_on(offer: Offer, tmp_path: Path) -> None:
    offer(raises="Raises", refuses="Refuses", broken="nowhere:X", good="Good")
    found = {one.name: one for one in run(tmp_path, "raises", "refuses", "broken", "good")}
    assert {name: one.state for name, one in found.items()} == {
        "raises": "failed",
        "refuses": "failed",
        "broken": "failed",
        "good": "done",
    }
    assert found["raises"].problem.startswith("ZeroDivisionError: division by nothing (see ")
    assert "in run" in (tmp_path / "raises.partial" / "error.txt").read_text()
    assert found["refuses"].problem == "trace t.csv: line 3: negative time; mend the row"
    assert "nowhere:X cannot be loaded" in found["broken"].problem
    assert read(tmp_path / "raises.partial").outcome.partial


def test_the_traceback_of_a_worker_is_kept(offer: Offer, tmp_path: Path) -> None:
    offer(worker="WorkerFails")
    (one,) = run(tmp_path, "worker")
    assert one.problem.startswith("item 7: InvalidInput: Trace t: row 7: is negative; mend it (see ")
    assert "refuses_seven" in (tmp_path / "worker.partial" / "error.txt").read_text()


def test_an_output_that_cannot_be_written_is_a_failure_with_its_name(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    (tmp_path / "file").write_text("")
    (one,) = run(tmp_path / "file", "good", data=tmp_path)
    assert one.state == "failed"
    assert str(tmp_path / "file") in one.problem


@pytest.mark.parametrize(("name", "file"), [("Interrupted", "first.csv"), ("Half", "figures.json")])
def test_an_interruption_leaves_what_there_is_marked_and_ends_the_run(
    offer: Offer, tmp_path: Path, name: str, file: str
) -> None:
    offer(cut=name, good="Good")
    found = run(tmp_path, "cut", "good")
    assert [one.state for one in found] == ["interrupted"]
    assert found[0].folder == tmp_path / "cut.partial"
    assert (found[0].folder / file).exists()
    assert read(found[0].folder).outcome.partial
    assert "Partial" in (found[0].folder / "report.md").read_text()
    assert not (tmp_path / "good").exists()


def test_a_failure_leaves_the_result_of_before(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    run(tmp_path, "good")
    before = files(tmp_path / "good")
    offer(good="Raises")
    assert run(tmp_path, "good", fresh=True)[0].state == "failed"
    assert files(tmp_path / "good") == before


def test_a_partial_run_is_not_taken_for_done(offer: Offer, tmp_path: Path) -> None:
    offer(cut="Half")
    assert [run(tmp_path, "cut")[0].state for _ in range(2)] == ["interrupted", "interrupted"]


def test_missing_data_is_named_with_the_variable(offer: Offer, tmp_path: Path) -> None:
    offer(needs="NeedsData", good="Good")
    skipped, done = run(tmp_path, "needs", "good")
    assert (skipped.state, done.state) == ("skipped", "done")
    assert "missing data: traces in " in skipped.problem
    assert "$HETEROSCHED_DATA" in skipped.problem


@pytest.mark.parametrize(
    ("name", "problem"), [("Twice", "x is there twice"), ("NoPlot", "missing.png was not written")]
)
def test_an_outcome_that_contradicts_itself_fails(offer: Offer, tmp_path: Path, name: str, problem: str) -> None:
    offer(bad=name)
    (one,) = run(tmp_path, "bad")
    assert one.state == "failed"
    assert problem in one.problem


def test_an_option_that_none_knows_stops_all_before_it_begins(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    with pytest.raises(InvalidInput, match=r"--set: scael: .*known are: scale \(by what all is multiplied\)"):
        run(tmp_path, "good", options={"scael": "2"})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_run_is_not_removed(offer: Offer, tmp_path: Path) -> None:
    offer(good="Good")
    (tmp_path / "good.partial").mkdir()
    (tmp_path / "good.partial" / "thesis.txt").write_text("mine")
    (one,) = run(tmp_path, "good")
    assert one.state == "failed"
    assert "in the way and is no run; move it, or choose another --output" in one.problem
    assert (tmp_path / "good.partial" / "thesis.txt").read_text() == "mine"
