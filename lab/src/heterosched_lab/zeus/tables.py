"""The measured tables as jobs and a fleet: what each setting takes and draws on four GPU types under each power cap.

Targets are those of the tables' own study: J. You, J.-W. Chung, M. Chowdhury: Zeus, NSDI 2023, table 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from heterosched.errors import InvalidInput
from heterosched.model import DEVICE_TYPES
from heterosched_lab.readers.zeus import Setting, read_power, read_training
from heterosched_lab.simulate.types import SimNode

FILES: Mapping[str, str] = {
    "nvidia-a40": "summary_power_a40.csv",
    "nvidia-v100": "summary_power_v100.csv",
    "nvidia-p100": "summary_power_p100.csv",
    "nvidia-rtx6000": "summary_power_rtx6000.csv",
}
TRAINING = "summary_train.csv"
GPUS = 8
"""Of each type, in one node: every job takes one, so where they stand changes nothing."""

TARGETS: Mapping[str, float] = {
    "cifar100": 0.6,
    "imagenet": 0.65,
    "librispeech": 40.0,
    "movielens-1m": 0.41,
    "sentiment140": 0.84,
    "squad": 84.0,
}
"""What a training is to reach: accuracy, word error rate, hit rate or F1, as the table has it for the data set."""

Point = tuple[float, float, float]
"""Cap in watts, seconds of an epoch, mean watts."""


@dataclass(frozen=True)
class Tables:
    """`points`: of each setting the operating points by device type, falling by cap; `epochs`: to the target, of each
    run that reached it. Settings have both.
    """

    points: Mapping[Setting, Mapping[str, tuple[Point, ...]]]
    epochs: Mapping[Setting, tuple[int, ...]]

    @property
    def by_task(self) -> dict[str, list[Setting]]:
        """The settings of each data set, both in a fixed order."""
        found: dict[str, list[Setting]] = defaultdict(list)
        for own in sorted(self.points, key=lambda own: (own.dataset, own.network, own.batch_size, own.optimizer)):
            found[own.dataset].append(own)
        return dict(sorted(found.items()))


def read_tables(folder: Path) -> Tables:
    """The tables of a folder. Raises InvalidInput: a file that is not there, a bad row, tables that do not meet."""
    points: dict[Setting, dict[str, tuple[Point, ...]]] = defaultdict(dict)
    for device, file in FILES.items():
        own: dict[Setting, list[Point]] = defaultdict(list)
        for row in read_power(folder / file).rows:
            own[row.setting].append((row.cap, row.epoch_seconds, row.watts))
        for setting, found in own.items():
            points[setting][device] = tuple(sorted(found, reverse=True))
    epochs: dict[Setting, list[int]] = defaultdict(list)
    for run in read_training(folder / TRAINING).rows:
        if run.epochs is not None and TARGETS.get(run.setting.dataset) == run.target:
            epochs[run.setting].append(run.epochs)
    both = {setting: own for setting, own in points.items() if setting in epochs}
    if not both:
        problem = "no setting has both operating points and a run that reached its target"
        raise InvalidInput(str(folder), TRAINING, problem, "take both from the same release of the tables")
    return Tables(both, {setting: tuple(epochs[setting]) for setting in both})


def fleet() -> list[SimNode]:
    """Eight GPUs of each type with the idle power of the device table; hosts are left out, they are always on."""
    return [
        SimNode(device.removeprefix("nvidia-"), device, GPUS, idle_watts=DEVICE_TYPES[device].idle_watts)
        for device in FILES
    ]
