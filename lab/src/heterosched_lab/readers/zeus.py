"""The measured tables of Zeus (You et al., NSDI 2023): seconds per epoch and average watts under power caps.

`summary_power_DEVICE.csv`: dataset, network, batch_size, optimizer, power_limit (W), time_per_epoch (s), average_power
(W). `summary_train.csv`: dataset, network, batch_size, optimizer, learning_rate, run, target_metric, target_epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from heterosched_lab.readers.rows import OnError, Reading, Row, Tally, converted, gathered, table_rows

POWER = ("dataset", "network", "batch_size", "optimizer", "power_limit", "time_per_epoch", "average_power")
TRAIN = ("dataset", "network", "batch_size", "optimizer", "learning_rate", "run", "target_metric", "target_epoch")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is trained: a network on a data set with a batch size and an optimizer."""

    dataset: str
    network: str
    batch_size: int
    optimizer: str


@dataclass(frozen=True, slots=True)
class PowerPoint:
    """An operating point: `cap` and average power in watts, seconds of an epoch."""

    setting: Setting
    cap: float
    epoch_seconds: float
    watts: float


@dataclass(frozen=True, slots=True)
class Training:
    """How many epochs a run took to its target metric; None where it never reached it ("nan" in the table)."""

    setting: Setting
    learning_rate: str
    run: int
    target: float
    epochs: int | None


def read_power(path: Path, on_error: OnError = "refuse") -> Reading[PowerPoint]:
    """A device's operating points. Raises InvalidInput: a bad row or a repeated point under "refuse"."""
    tally = Tally(path.name)
    rows = table_rows(path, POWER, tally, on_error)
    return gathered(
        converted(rows, _point, tally, on_error, id_of=lambda own: f"{own.setting} at {own.cap:g} W"), tally
    )


def read_training(path: Path, on_error: OnError = "refuse") -> Reading[Training]:
    """Epochs to target by run. Raises InvalidInput: a bad row under "refuse"."""
    tally = Tally(path.name)
    rows = table_rows(path, TRAIN, tally, on_error)
    return gathered(converted(rows, _training, tally, on_error), tally)


def _setting(row: Row) -> Setting:
    return Setting(row.text("dataset"), row.text("network"), row.whole("batch_size", least=1), row.text("optimizer"))


def _point(row: Row) -> PowerPoint:
    return PowerPoint(
        _setting(row),
        row.number("power_limit", above=0.0),
        row.number("time_per_epoch", above=0.0),
        row.number("average_power", above=0.0),
    )


def _training(row: Row) -> Training:
    return Training(
        _setting(row),
        row.text("learning_rate"),
        row.whole("run"),
        row.number("target_metric", above=0.0),
        None if row.text("target_epoch") == "nan" else row.whole("target_epoch", least=1),
    )
