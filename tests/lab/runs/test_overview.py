"""Over all runs four plots show gains on peers, times, energies and repeats, each where there is something to show."""

from __future__ import annotations

from pathlib import Path

from heterosched_lab.runs.overview import draw
from heterosched_lab.runs.types import Figure

FIGURES = (
    (
        "gavel",
        Figure("makespan", 17.5, "h", "simulated", 17.9, peer=17.98, values=(17.4, 17.6), lower=17.1, upper=17.9),
    ),
    ("gavel", Figure("allocation", 93.0, "%", "simulated", 93.3, ">=", peer=95.0)),
    ("zeus", Figure("energy", 5.0, "MJ", "simulated", 6.0, peer=0.1)),
    ("jps", Figure("exact", 80.0, "s", "simulated", 80.0, "==", peer=80.0)),
)


def test_each_plot_is_there_where_there_is_something_to_show(tmp_path: Path) -> None:
    plots = draw(tmp_path, FIGURES)
    assert [file for file, _ in plots] == [
        "overview-improvement.png",
        "overview-time.png",
        "overview-energy.png",
        "overview-distribution.png",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {file for file, _ in plots}
    assert all(caption for _, caption in plots)


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    assert draw(tmp_path, ()) == []
    assert draw(tmp_path, [("b", Figure("count", 3.0, "", "counted", values=(3.0, 3.0)))]) == []
    assert list(tmp_path.iterdir()) == []
