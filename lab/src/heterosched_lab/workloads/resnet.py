"""ResNet-50 training by a model of its floating-point operations: nothing is computed, everything here is simulated.

K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. CVPR 2016: 4.1 GFLOP forward per image of
224 pixels, 25 M parameters. The backward pass counts twice the forward one. Rates and watts are AutoScheduler's. All
batches are equal and are placed by the production strategies on equal devices, so that no strategy can gain anything:
the workload is neutral to scheduling on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from heterosched.algorithms.base import strategy
from heterosched_lab.workloads.deal import problem
from heterosched_lab.workloads.types import Run, at_least

FORWARD_FLOP = 4.1e9
PASSES = 3
"""Forward, and backward at twice its cost."""
PIXELS = 224
PARAMETERS = 25_000_000
BYTES = 4 * 2 * PARAMETERS
"""Weights and gradients in single precision: the least that training holds in memory."""
IDLE_WATTS = 10.0
"""Of a device that has nothing to do while others work."""
STRATEGIES = {"static": "static", "dynamic": "work_stealing"}
"""The production strategy behind each distribution."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A device of the model: FLOP per second, and watts while it computes."""

    flops: float
    watts: float


DEVICES = {"cpu": Rate(100e9, 50.0), "gpu": Rate(500e9, 150.0)}


@dataclass(frozen=True)
class ResNet:
    """Training of so many batches of images of pixels x pixels."""

    name: ClassVar[str] = "resnet"
    title: ClassVar[str] = "ResNet-50 (simulated)"
    unit: ClassVar[str] = "images"

    batch: int = field(default=32, metadata={"help": "images per batch"})
    batches: int = field(default=100, metadata={"help": "batches"})
    pixels: int = field(default=PIXELS, metadata={"help": "width and height of an image"})

    def __post_init__(self) -> None:
        at_least(self.name, batch=(self.batch, 1), batches=(self.batches, 1), pixels=(self.pixels, 32))

    @property
    def images(self) -> int:
        """Images in all."""
        return self.batch * self.batches

    @property
    def flop(self) -> float:
        """Floating-point operations of the training; convolutions go with the area of the image."""
        return self.images * FORWARD_FLOP * PASSES * (self.pixels / PIXELS) ** 2

    def seconds(self, device: str) -> float:
        """Time of the whole training on one device."""
        return self.flop / DEVICES[device].flops

    def joules(self, device: str) -> float:
        """Energy of the whole training on one device."""
        return self.seconds(device) * DEVICES[device].watts

    def run(self, device: str, workers: int, distribution: str, seed: int) -> Run:
        """The training on `workers` equal devices; `seed` is only recorded, since nothing is drawn."""
        each = self.seconds(device) / self.batches
        placed = strategy(STRATEGIES[distribution]).schedule(problem(self.batches, workers, each))
        busy = dict.fromkeys((f"worker-{number}" for number in range(workers)), 0.0)
        for assignment in placed.assignments.values():
            busy[assignment.nodes[0]] += assignment.finish - assignment.start
        total, finish = sum(busy.values()), placed.finish
        joules = total * DEVICES[device].watts + (workers * finish - total) * IDLE_WATTS
        ends = tuple(placed.assignments[str(number)].finish for number in range(self.batches))
        times = {"seconds": finish, "cpu_seconds": total, "joules": joules, "units": float(self.images)}
        return Run(
            self.name, distribution, seed, **times, energy_source="simulated", peak_bytes=workers * BYTES,
            worker_cpu=tuple(busy.values()), completions=ends, work_completions=ends, answer={"flop": self.flop},
        )  # fmt: skip
