"""What a task costs when a GPU takes a fraction of it: the time, power and price model of the Hybrid ML Scheduler.

A GPU is 1 + 3 * intensity times as fast as the CPU; moving the task's memory to it takes MB / 16,000 seconds where the
fraction is above zero. GPU and CPU work side by side: the later one ends the task. The original adds both times up
(`linear=True`), which makes the best fraction always 0 or 1. Power is fraction * 50 W + (1 - fraction) * 30 W, a
kilowatt hour costs 0.15 dollars. All figures are fields.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from heterosched.errors import InvalidInput

JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class SplitTask:
    """A task that can be divided. `number` counts tasks from zero; `intensity` from 0 to 1 is how well a GPU suits it.

    `seconds`: its time on the CPU alone; `memory_mb`: what has to be moved to a GPU. Raises InvalidInput.
    """

    number: int
    size: float
    intensity: float
    memory_mb: float
    seconds: float

    def __post_init__(self) -> None:
        where = f"task {self.number}"
        if not 0 <= self.intensity <= 1:
            raise InvalidInput(where, "intensity", f"{self.intensity!r}", "give a number from 0 to 1")
        for field in ("size", "seconds"):
            if not 0 < getattr(self, field) < math.inf:
                raise InvalidInput(where, field, f"{getattr(self, field)!r}", "give a finite number above zero")
        if not 0 <= self.memory_mb < math.inf:
            raise InvalidInput(where, "memory_mb", f"{self.memory_mb!r}", "give a finite number, zero or more")


def estimated_seconds(size: float, intensity: float) -> float:
    """Seconds on the CPU where only size and intensity are known: (size / 1000) ** 1.5 / (intensity + 0.5)."""
    return float((size / 1000.0) ** 1.5 / (intensity + 0.5))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fraction makes of a task."""

    fraction: float
    seconds: float
    joules: float
    dollars: float


@dataclass(frozen=True, slots=True)
class SplitModel:
    """The figures of the model; `interference` stretches every time (1: the task is alone on the machine)."""

    gpu_watts: float = 50.0
    cpu_watts: float = 30.0
    dollars_per_kwh: float = 0.15
    speedup_per_intensity: float = 3.0
    megabytes_per_second: float = 16_000.0
    interference: float = 1.0
    linear: bool = False

    def on_gpu(self, task: SplitTask) -> float:
        """Seconds of the whole task on the GPU, once its memory is there."""
        return task.seconds / (1.0 + self.speedup_per_intensity * task.intensity) * self.interference

    def transfer(self, task: SplitTask) -> float:
        """Seconds that moving the task's memory to the GPU takes."""
        return task.memory_mb / self.megabytes_per_second * self.interference

    def parts(self, task: SplitTask, fraction: float) -> tuple[float, float]:
        """Seconds that the GPU (with the transfer) and the CPU work on the task. Raises InvalidInput for a fraction
        outside 0 to 1.
        """
        if not 0 <= fraction <= 1:
            raise InvalidInput(f"task {task.number}", "fraction", f"{fraction!r}", "give a number from 0 to 1")
        transfer = self.transfer(task) if fraction > 0 else 0.0
        share = fraction * transfer if self.linear else transfer
        return fraction * self.on_gpu(task) + share, (1.0 - fraction) * task.seconds * self.interference

    def seconds(self, task: SplitTask, fraction: float) -> float:
        """Run time. Raises InvalidInput for a fraction outside 0 to 1."""
        gpu, cpu = self.parts(task, fraction)
        return gpu + cpu if self.linear else max(gpu, cpu)

    def outcome(self, task: SplitTask, fraction: float) -> Outcome:
        """Time, energy and price. Raises InvalidInput."""
        seconds = self.seconds(task, fraction)
        joules = (fraction * self.gpu_watts + (1.0 - fraction) * self.cpu_watts) * seconds
        return Outcome(fraction, seconds, joules, joules / JOULES_PER_KWH * self.dollars_per_kwh)
