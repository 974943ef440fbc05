"""The tables become settings that were both measured and trained to their target, and a fleet of the four types."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.zeus.tables import TRAINING, fleet, read_tables

DATA = Path(os.environ.get("HETEROSCHED_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data") / "zeus"


def test_a_setting_has_its_points_falling_by_cap_and_the_runs_that_reached_the_target(tables_folder: Path) -> None:
    tables = read_tables(tables_folder)
    (squad,) = tables.by_task["squad"]
    assert tables.points[squad]["nvidia-v100"] == ((250.0, 80.0, 240.0), (125.0, 120.0, 110.0))
    assert tables.epochs[squad] == (4, 6)


def test_settings_that_were_not_measured_or_never_reached_the_target_are_left_out(tables_folder: Path) -> None:
    assert list(read_tables(tables_folder).by_task) == ["cifar100", "squad"]


def test_tables_that_do_not_meet_are_refused(tables_folder: Path) -> None:
    head = (tables_folder / TRAINING).read_text(encoding="utf-8").splitlines()[0]
    row = "squad,bert,9,adamw,1e-1,1,84,4"
    (tables_folder / TRAINING).write_text(f"{head}\n{row}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="no setting has both"):
        read_tables(tables_folder)


def test_a_bad_row_is_named_by_file_line_and_column(tables_folder: Path) -> None:
    path = tables_folder / "summary_power_v100.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("250,80,240", "250,-80,240"), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"summary_power_v100\.csv: line 2, column time_per_epoch"):
        read_tables(tables_folder)


def test_the_fleet_has_eight_of_each_type_with_their_idle_power() -> None:
    assert {(node.device, node.gpus) for node in fleet()} == {
        (device, 8) for device in ("nvidia-a40", "nvidia-v100", "nvidia-p100", "nvidia-rtx6000")
    }
    assert all(node.idle_watts > 0 for node in fleet())


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no tables in {DATA} (set HETEROSCHED_DATA)")
def test_the_published_tables_are_read_whole() -> None:
    tables = read_tables(DATA)
    assert {task: len(settings) for task, settings in tables.by_task.items()}.keys() == {
        "cifar100",
        "imagenet",
        "librispeech",
        "movielens-1m",
        "sentiment140",
        "squad",
    }
    assert all(points and tables.epochs[setting] for setting, points in tables.points.items())
