"""What a run's folder says is what was found; a folder of something else is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.runs import folder as files
from heterosched_lab.runs.identity import Config
from heterosched_lab.runs.types import Figure, Outcome, Table

CONFIG = Config("b", (1, 2, 3), False)


def written(folder: Path, outcome: Outcome) -> files.Run:
    files.write_config(folder, CONFIG)
    files.write_outcome(folder, "Title", outcome)
    return files.read(folder)


def test_figures_come_back_with_intervals_and_measured_ones_apart(tmp_path: Path) -> None:
    figures = (
        Figure("a", 2.0, "s", "measured", 1.0, values=(1.0, 2.0, 3.0)),
        Figure("b", np.float64(2.0), "s", "simulated", 1.0, "==", 0.5, 3.0, "peer", (np.float64(2.0),), note="n"),
    )
    found = written(tmp_path / "b", Outcome(figures, remarks=("r",), skipped={"x": "y"}))
    b, a = found.outcome.figures
    assert a.name == "a"
    assert [a.lower, a.upper] == pytest.approx([-0.484, 4.484], abs=1e-3)
    assert b == Figure("b", 2.0, "s", "simulated", 1.0, "==", 0.5, 3.0, "peer", (2.0,), note="n")
    assert (found.title, found.config, found.outcome.remarks) == ("Title", CONFIG, ("r",))
    assert b'"a"' not in (tmp_path / "b" / files.FIGURES).read_bytes()


def test_a_figure_that_is_no_number_is_left_out_with_the_reason(tmp_path: Path) -> None:
    figures = (
        Figure("bad", float("nan"), "s", "simulated", 1.0),
        Figure("worse", 1.0, "s", "simulated", values=(np.inf,)),
    )
    found = written(tmp_path / "b", Outcome(figures)).outcome
    assert found.figures == ()
    assert found.skipped == {"bad": "its value is nan", "worse": "its value is 1"}


def test_a_goal_or_peer_that_is_no_number_leaves_its_figure_out_too(tmp_path: Path) -> None:
    nan = float("nan")
    figures = (Figure("goal", 1.0, "s", "simulated", nan, peer=nan), Figure("kept", 1.0, "s", "simulated", peer=2.0))
    found = written(tmp_path / "b", Outcome(figures)).outcome
    assert [figure.name for figure in found.figures] == ["kept"]
    assert found.skipped == {"goal": "its goal is nan, its peer is nan"}


def test_tables_keep_every_digit(tmp_path: Path) -> None:
    rows = [(np.float64(0.1) + 0.2, "a,b", np.int32(3)), (1e-300, 'say "x"', True)]
    found = written(tmp_path / "b", Outcome((), (Table("t", ("x", "y", "z"), rows),)))
    text = (tmp_path / "b" / "t.csv").read_bytes()
    assert text == b'x,y,z\n0.30000000000000004,"a,b",3\n1e-300,"say ""x""",True\n'
    assert found.outcome.tables[0].rows[0] == ["0.30000000000000004", "a,b", "3"]


def test_a_folder_without_configuration_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"is no run: it has no config\.json; name one that `bench run` wrote"):
        files.read(tmp_path)
    with pytest.raises(InvalidInput, match="there is none; run `heterosched bench run` first"):
        files.run_folders(tmp_path / "nowhere")
    assert files.run_folders(tmp_path) == []


@pytest.mark.parametrize("file", [files.CONFIG, files.FIGURES, files.MEASURED])
def test_a_file_changed_into_nonsense_is_named(tmp_path: Path, file: str) -> None:
    written(tmp_path / "b", Outcome(()))
    (tmp_path / "b" / file).write_text('{"seeds": "none"')
    with pytest.raises(InvalidInput, match=f"{file}: .*run the benchmark again with --fresh"):
        files.read(tmp_path / "b")


def test_a_table_that_was_removed_is_named(tmp_path: Path) -> None:
    written(tmp_path / "b", Outcome((), (Table("t", ("x",), [(1,)]),)))
    (tmp_path / "b" / "t.csv").unlink()
    with pytest.raises(InvalidInput, match=r"t\.csv"):
        files.read(tmp_path / "b")


def test_a_complete_run_counts_before_a_partial_one_and_a_replaced_one_not_at_all(tmp_path: Path) -> None:
    for name in ("a", "a.partial", "a.previous", "b.partial"):
        written(tmp_path / name, Outcome(()))
    found = [files.read(path) for path in files.run_folders(tmp_path)]
    assert [(run.folder.name, run.outcome.partial) for run in found] == [("a", False), ("b.partial", True)]
    assert files.run_folders(tmp_path / "a.previous") == [tmp_path / "a.previous"]
