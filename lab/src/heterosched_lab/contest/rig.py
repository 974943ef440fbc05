"""The virtual machine of the contest: some equal GPUs and one CPU, and what a task draws on them.

Two models, one at a time. `parallel`: GPU and CPU work side by side, the later one ends the task; energy is what busy
devices draw for as long as they are busy, plus idle draw. `legacy_linear`: the published formulas to the letter; times
add up, power is weighted by the fraction over the whole time, nothing is drawn when idle.
"""

from __future__ import annotations

from dataclasses import dataclass

from heterosched.algorithms.fractions import Outcome, SplitModel, SplitTask
from heterosched.algorithms.fractions.model import JOULES_PER_KWH
from heterosched_lab.contest.settings import Settings

ENERGY_WEIGHT, SECONDS_SCALE, JOULES_SCALE = 0.2, 10.0, 500.0
"""Of the published choice of a GPU: (1 - w) t (1 + load) / 10 s + w J / 500 J with w = 0.2."""


@dataclass(frozen=True, slots=True)
class Rig:
    """`gpus` GPUs of `gpu_memory_mb` each and one CPU. Idle watts count in the parallel model alone."""

    model: SplitModel
    gpus: int = 4
    gpu_memory_mb: float = 8000.0
    gpu_idle_watts: float = 5.0
    cpu_idle_watts: float = 3.0

    @classmethod
    def of(cls, settings: Settings) -> Rig:
        """The machine that the settings describe."""
        idle = (settings.gpu_idle_watts, settings.cpu_idle_watts)
        return cls(settings.split_model, settings.num_gpus, settings.gpu_memory_mb, *idle)

    def fits(self, task: SplitTask) -> bool:
        """Whether the task's memory fits a GPU; the CPU takes it whole otherwise, whatever a strategy says."""
        return task.memory_mb <= self.gpu_memory_mb

    def busy_joules(self, task: SplitTask, fraction: float) -> float:
        """What the task itself draws, idle devices not counted."""
        if self.model.linear:
            return self.model.outcome(task, fraction).joules
        gpu, cpu = self.model.parts(task, fraction)
        return gpu * self.model.gpu_watts + cpu * self.model.cpu_watts

    def alone(self, task: SplitTask, fraction: float) -> Outcome:
        """Time, energy and price of a task that has one GPU and the CPU for itself, the idle one's draw included."""
        used = fraction if self.fits(task) else 0.0
        seconds, joules = self.model.seconds(task, used), self.busy_joules(task, used)
        if not self.model.linear:
            gpu, cpu = self.model.parts(task, used)
            joules += (seconds - gpu) * self.gpu_idle_watts + (seconds - cpu) * self.cpu_idle_watts
        return Outcome(used, seconds, joules, self.dollars(joules))

    def dollars(self, joules: float) -> float:
        """The price of so much energy."""
        return joules / JOULES_PER_KWH * self.model.dollars_per_kwh


def weighted_cost(seconds: float, load: float, joules: float) -> float:
    """The published cost of a GPU for a task. `load`: its queued seconds as a multiple of the task's own time, so that
    seconds times (1 + load) is when the task would end there.
    """
    return (1 - ENERGY_WEIGHT) * seconds * (1 + load) / SECONDS_SCALE + ENERGY_WEIGHT * joules / JOULES_SCALE
