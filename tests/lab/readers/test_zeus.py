"""Zeus' tables become operating points and lengths of training, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.readers.zeus import PowerPoint, Setting, Training, read_power, read_training
from public_data import public

HEAD = "dataset,network,batch_size,optimizer,power_limit,time_per_epoch,average_power\n"
ROW = "cifar100,shufflenetv2,1024,adadelta,100,27.13,106.9\n"
SETTING = Setting("cifar100", "shufflenetv2", 1024, "adadelta")


def _file(folder: Path, text: str) -> Path:
    path = folder / "t.csv"
    path.write_text(text)
    return path


def test_power(tmp_path: Path) -> None:
    assert read_power(_file(tmp_path, HEAD + ROW)).rows == (PowerPoint(SETTING, 100.0, 27.13, 106.9),)
    with pytest.raises(InvalidInput, match=r"line 3: .*at 100 W stands in line 2 too"):
        read_power(_file(tmp_path, HEAD + ROW + ROW))
    with pytest.raises(InvalidInput, match="line 2, column average_power: -3 is not above 0"):
        read_power(_file(tmp_path, HEAD + ROW.replace("106.9", "-3")))


def test_training_that_never_reached_its_target(tmp_path: Path) -> None:
    head = "dataset,network,batch_size,optimizer,learning_rate,run,target_metric,target_epoch\n"
    rows = "cifar100,shufflenetv2,1024,adadelta,1e-1,1,0.05,7\ncifar100,shufflenetv2,1024,adadelta,1e-1,2,0.7,nan\n"
    found = read_training(_file(tmp_path, head + rows)).rows
    assert found == (Training(SETTING, "1e-1", 1, 0.05, 7), Training(SETTING, "1e-1", 2, 0.7, None))


def test_the_public_tables() -> None:
    counts = [
        len(read_power(public("zeus", f"summary_power_{d}.csv")).rows) for d in ("a40", "p100", "rtx6000", "v100")
    ]
    assert counts == [453, 270, 410, 476]
    assert len(read_training(public("zeus", "summary_train.csv")).rows) == 3759
