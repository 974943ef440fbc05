"""A plot is a file that is equal when what it shows is equal, whatever style the user has."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pytest

from heterosched_lab.runs.plots import drawn


def drawing(folder: Path, name: str, last: float = 3.0) -> bytes:
    with drawn(folder, name) as axes:
        axes.plot([1.0, 2.0, last], label="ours")
        axes.legend()
    return (folder / f"{name.removesuffix('.png')}.png").read_bytes()


def test_equal_plots_are_equal_files_and_others_are_not(tmp_path: Path) -> None:
    first = drawing(tmp_path / "a", "curve")
    assert first == drawing(tmp_path / "b", "curve.png")
    assert first != drawing(tmp_path / "c", "curve", 4.0)
    assert first.startswith(b"\x89PNG")


def test_a_users_style_counts_neither_inside_nor_is_it_lost(tmp_path: Path) -> None:
    plain = drawing(tmp_path, "plain")
    with matplotlib.rc_context({"lines.linewidth": 9.0}):
        assert drawing(tmp_path, "styled") == plain
        assert matplotlib.rcParams["lines.linewidth"] == 9.0


def test_several_axes_are_an_array(tmp_path: Path) -> None:
    with drawn(tmp_path, "grid", rows=2, columns=3) as axes:
        assert axes.shape == (2, 3)
        axes[1][2].plot([1, 2])
    assert (tmp_path / "grid.png").exists()


def test_half_a_plot_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), drawn(tmp_path, "half"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
