"""The workloads by name, and the sizes in which the benchmark runs them."""

from __future__ import annotations

from dataclasses import dataclass

from heterosched_lab.workloads.dna import DnaAlignment
from heterosched_lab.workloads.mapreduce import MapReduce
from heterosched_lab.workloads.montecarlo import MonteCarlo
from heterosched_lab.workloads.nonuniform import NonUniform
from heterosched_lab.workloads.resnet import ResNet
from heterosched_lab.workloads.types import Program
from heterosched_lab.workloads.video import Video

PROGRAMS: dict[str, type[Program]] = {one.name: one for one in (MonteCarlo, NonUniform, Video, DnaAlignment, MapReduce)}
"""What is really carried out."""
MODEL = ResNet
"""What is simulated."""
DEADLINE = 2.8
"""Seconds that AutoScheduler's non-uniform benchmark allows a run of the full size on eight threads."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a form of the benchmark is. `iterations`: pairs of runs that count, by workload.

    `twin` is compared with itself, `repeats` times.
    """

    programs: tuple[Program, ...]
    iterations: dict[str, int]
    twin: MonteCarlo
    repeats: int = 200


FULL = Sizes(
    programs=(MonteCarlo(), NonUniform(), Video(), DnaAlignment(), MapReduce()),
    iterations={"montecarlo": 5, "nonuniform": 3, "video": 5, "dna": 5, "mapreduce": 5},
    twin=MonteCarlo(samples=2_000_000, chunk=62_500),
)
"""AutoScheduler's sizes. DNA takes 10^11 cells a run: the better part of an hour for all of them on two cores."""
USUAL = Sizes(
    programs=(MonteCarlo(), NonUniform(), Video(), DnaAlignment(sequences=128, length=1_000, chunk=4), MapReduce()),
    iterations={"montecarlo": 5, "nonuniform": 3, "video": 4, "dna": 5, "mapreduce": 5},
    twin=MonteCarlo(samples=500_000, chunk=15_625),
)
"""The same but for DNA, so that all of it takes minutes."""
SHORT = Sizes(
    programs=(
        MonteCarlo(samples=4_000_000, chunk=125_000),
        NonUniform(samples=30_000, chunk=200),
        Video(width=320, height=180, duration=10),
        DnaAlignment(sequences=32, length=200, chunk=1),
        MapReduce(documents=64, words=1_000, chunk=2),
    ),
    iterations={"montecarlo": 5, "nonuniform": 5, "video": 3, "dna": 3, "mapreduce": 3},
    twin=MonteCarlo(samples=32_000, chunk=1_000),
)
"""Seconds."""
TINY = Sizes(
    programs=(
        MonteCarlo(samples=20_000, chunk=1_000),
        NonUniform(samples=800, chunk=10),
        Video(width=32, height=24),
        DnaAlignment(sequences=6, length=30, chunk=1),
        MapReduce(documents=8, words=100, chunk=1),
    ),
    iterations=dict.fromkeys(("montecarlo", "nonuniform", "video", "dna", "mapreduce"), 2),
    twin=MonteCarlo(samples=1_000, chunk=100),
    repeats=2,
)
"""Only to see that it runs: its times mean nothing."""
FORMS = {"full": FULL, "usual": USUAL, "short": SHORT, "tiny": TINY}
