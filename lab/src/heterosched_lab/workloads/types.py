"""What a workload is: a program cut into chunks that any worker may do in any order with the same answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from heterosched.errors import InvalidInput

Distribution = Literal["static", "dynamic"]
DISTRIBUTIONS: tuple[Distribution, ...] = ("static", "dynamic")
EnergySource = Literal["measured", "estimated", "simulated"]
Answer = Mapping[str, float]


class Program(Protocol):
    """A workload that is really carried out. Its fields are its sizes; it travels to the workers by pickle."""

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    """What the throughput counts, in the plural."""

    @property
    def chunks(self) -> int:
        """Into how many chunks the work is cut."""
        ...

    @property
    def units(self) -> float:
        """How many units of work all chunks have together."""
        ...

    def part(self, chunk: int, seed: int) -> Any:
        """Do one chunk. Its random numbers come from (seed, chunk) alone, so it matters not who does it, nor when."""
        ...

    def joined(self, parts: Sequence[Any], seed: int) -> Answer:
        """The answer out of the chunks' parts, in the order of the chunks."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a workload. Times in seconds, energy in joules, memory in bytes.

    `cpu_seconds` is the CPU time of all workers, `worker_cpu` that of each. `completions`: when each chunk was done, by
    the wall clock since the start; `work_completions`: by the CPU clock of the worker that did it, which is what the
    wall clock would say if each worker had a core to itself. `peak_bytes`: the sum of the
    workers' peaks during the run, in which lies what they hold all the time (the interpreter, the libraries).
    """

    workload: str
    distribution: str
    seed: int
    seconds: float
    cpu_seconds: float
    joules: float
    energy_source: EnergySource
    units: float
    peak_bytes: int
    worker_cpu: tuple[float, ...]
    completions: tuple[float, ...] = field(repr=False)
    work_completions: tuple[float, ...] = field(repr=False)
    answer: Answer = field(default_factory=dict)

    @property
    def throughput(self) -> float:
        """Units of work per second."""
        return self.units / self.seconds if self.seconds > 0 else 0.0

    @property
    def cpu_percent(self) -> float:
        """CPU time in percent of the run time; above 100 where several cores worked."""
        return 100 * self.cpu_seconds / self.seconds if self.seconds > 0 else 0.0

    @property
    def imbalance(self) -> float:
        """CPU time of the busiest worker over the mean of the workers: 1 is even."""
        mean = sum(self.worker_cpu) / len(self.worker_cpu)
        return max(self.worker_cpu) / mean if mean > 0 else 1.0

    def missed(self, deadline: float, by_work: bool = False) -> float:
        """Share of the chunks that were done after `deadline` seconds; by the CPU clocks where `by_work`."""
        times = self.work_completions if by_work else self.completions
        return sum(time > deadline for time in times) / len(times)


def at_least(program: str, **sizes: tuple[float, float]) -> None:
    """Check sizes, each with its least value. Raises InvalidInput naming the workload, the size and the least value."""
    for name, (value, least) in sizes.items():
        if not least <= value < float("inf"):
            raise InvalidInput(f"workload {program}", name, f"it is {value:g}", f"give {least:g} or more")


def spans(total: int, chunk: int) -> int:
    """How many chunks of `chunk` units `total` units make; the last may be smaller."""
    return -(-total // chunk)
