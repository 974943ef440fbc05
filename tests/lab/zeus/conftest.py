"""Small tables in the form of the published ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterosched_lab.zeus.tables import FILES, TARGETS, TRAINING

HEAD = "dataset,network,batch_size,optimizer,power_limit,time_per_epoch,average_power"
ROWS = {
    "nvidia-a40": ("300,100,250", "150,110,140"),
    "nvidia-v100": ("250,80,240", "125,120,110"),
    "nvidia-p100": ("250,200,100",),
    "nvidia-rtx6000": ("260,160,200",),
}
"""Cap, seconds of an epoch, watts of `squad`; `cifar100` takes a tenth of the time and a fifth of the watts."""


def write_tables(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for device, file in FILES.items():
        lines = [HEAD]
        for row in ROWS[device]:
            cap, seconds, watts = row.split(",")
            lines.append(f"squad,bert,8,adamw,{row}")
            lines.append(f"cifar100,shuffle,64,adam,{cap},{float(seconds) / 10},{float(watts) / 5}")
        (folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    runs = ["dataset,network,batch_size,optimizer,learning_rate,run,target_metric,target_epoch"]
    for dataset, network, batch, optimizer in (("squad", "bert", 8, "adamw"), ("cifar100", "shuffle", 64, "adam")):
        for run, epochs in ((1, "4"), (2, "6"), (3, "nan")):
            runs.append(f"{dataset},{network},{batch},{optimizer},1e-1,{run},{TARGETS[dataset]:g},{epochs}")
        runs.append(f"{dataset},{network},{batch},{optimizer},1e-1,1,0.05,1")
    runs.append("imagenet,resnet50,8,adam,1e-1,1,0.65,30")
    (folder / TRAINING).write_text("\n".join(runs) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def tables_folder(tmp_path: Path) -> Path:
    return write_tables(tmp_path / "data" / "zeus")
