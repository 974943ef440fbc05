"""What is known of a task's speed: a figure per device type, where it comes from and how far it may be trusted.

A device without a figure is either estimated from the nearest known GPU by the device table's relative speed, and then
marked as scaled, which means low confidence; or it stays unknown, and nothing is placed there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from heterosched.model.devices import DEVICE_TYPES, DeviceTable

Origin = Literal["measured", "estimated", "simulated"]
Confidence = Literal["high", "medium", "low"]


HIGH_PERCENT, MEDIUM_PERCENT = 70, 40
"""Confidence in what repeated runs taught: three runs that agree are high, a single one is medium."""


def confidence_of(origin: Origin, scaled_from: str, percent: int | None = None) -> Confidence:
    """`high` where it was measured on this device type, `medium` where somebody or a simulation said so, `low` where it
    was concluded from another device type. `percent`: of a figure out of repeated runs, how well these agree.
    """
    if scaled_from:
        return "low"
    if percent is not None:
        return "high" if percent >= HIGH_PERCENT else "medium" if percent >= MEDIUM_PERCENT else "low"
    return "high" if origin == "measured" else "medium"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a task takes on a device under a power cap: run time in seconds, mean watts of one device."""

    cap_watts: float
    seconds: float
    watts: float


@dataclass(frozen=True, slots=True)
class Figure:
    """Speed on one device: `value` is samples/s of one worker for training, else the run time in seconds.

    `watts` is what one device draws for the task, None where nobody said. `scaled_from`: the device type from whose
    figure the device table concluded this one, "" where it was given or measured. `percent`: confidence of what
    repeated runs taught, None for any other figure. `caps`: of run times what power caps make of them.
    """

    value: float
    watts: float | None
    origin: Origin
    scaled_from: str = ""
    percent: int | None = None
    caps: tuple[OperatingPoint, ...] = ()

    @property
    def confidence(self) -> Confidence:
        """How far the value may be trusted."""
        return confidence_of(self.origin, self.scaled_from, self.percent)


@dataclass(frozen=True, slots=True)
class ThroughputModel:
    """One task's figures by device type. `training`: values are samples/s, larger is faster; else seconds. `devices`:
    the table whose relative speeds estimates rest on.
    """

    figures: Mapping[str, Figure]
    training: bool = False
    devices: DeviceTable = field(default=DEVICE_TYPES, repr=False)

    def over(self, devices: Iterable[str]) -> ThroughputModel:
        """The model for these device types alone: those without a figure estimated where that is possible.

        The GPU nearest in relative speed is scaled: the shorter the step, the smaller the error. CPUs and devices that
        the table does not know are left out.
        """
        found = {device: own for device in devices if (own := self._figure(device)) is not None}
        return replace(self, figures=found)

    def _figure(self, device: str) -> Figure | None:
        if device in self.figures:
            return self.figures[device]
        known = self.devices
        sources = [name for name in self.figures if name in known]
        if device not in known or not sources:
            return None
        own = known[device].relative_speed
        nearest = min(sources, key=lambda name: abs(math.log(known[name].relative_speed / own)))
        faster, value = own / known[nearest].relative_speed, self.figures[nearest].value
        return Figure(value * faster if self.training else value / faster, None, "estimated", nearest)
