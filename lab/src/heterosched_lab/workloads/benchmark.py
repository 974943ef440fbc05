"""The benchmark `workloads`: AutoScheduler's six workloads as real programs, static against dynamic distribution.

What is counted or simulated goes into tables of its own, which are equal on each run of a seed; all that a clock
measured is in tables and plots whose names begin with `measured-`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from heterosched.errors import InvalidInput
from heterosched_lab.runs.types import Context, Outcome
from heterosched_lab.workloads.catalogue import FORMS, Sizes
from heterosched_lab.workloads.compare import USUAL, compared, measured, same_against_same
from heterosched_lab.workloads.energy import POWERCAP, Meter
from heterosched_lab.workloads.figures import figures
from heterosched_lab.workloads.found import Found, Same
from heterosched_lab.workloads.pictures import draw
from heterosched_lab.workloads.processes import LARGEST_CREW, Crew, usual_workers
from heterosched_lab.workloads.resnet import DEVICES, ResNet
from heterosched_lab.workloads.tables import remarks, tables
from heterosched_lab.workloads.types import DISTRIBUTIONS, Program, Run

WARM_UPS = 1
SIMULATED_WORKERS = 4
UNEVEN = "nonuniform"
"""The workload with a real imbalance: its busiest worker is compared too, and its chunks are shown one by one."""


class Workloads:
    """Runs all programs in pairs, and one of them against itself."""

    name: ClassVar[str] = "workloads"
    title: ClassVar[str] = "Six workloads as real programs: static against dynamic distribution"
    needs: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Mapping[str, str]] = {
        "sizes": f"{', '.join(FORMS)}; full are AutoScheduler's: the better part of an hour; tiny ones mean nothing",
        "workers": "worker processes, 2 or more; without it one per core, from 2 to 8",
        "powercap": f"where the kernel shows its energy counters, {POWERCAP} without it",
    }

    def run(self, context: Context) -> Outcome:
        """Run it. Raises InvalidInput where an option is wrong."""
        sizes, workers = chosen_sizes(context), chosen_workers(context)
        with Crew(workers, Meter.of(Path(context.options.get("powercap", POWERCAP)))) as crew:
            series = {program.name: _measured(context, program, sizes, crew) for program in sizes.programs}
            same = _same(context, sizes, crew)
        model = ResNet()
        simulated: dict[str, dict[str, Run]] = {
            device: {how: model.run(device, SIMULATED_WORKERS, how, context.seeds[0]) for how in DISTRIBUTIONS}
            for device in DEVICES
        }
        comparisons = [
            one
            for name, sides in series.items()
            for one in compared(*sides, names=(*USUAL, "busiest_worker") if name == UNEVEN else USUAL)
        ]
        found = Found(sizes, workers, series, comparisons, same, model, simulated)
        plots = draw(context.folder, series, comparisons, UNEVEN)
        return Outcome(figures(found), tables(found), plots, remarks(found))


def _measured(context: Context, program: Program, sizes: Sizes, crew: Crew) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """The runs of a program that count."""
    seeds = seeds_of(context.seeds, sizes.iterations[program.name])
    context.progress.start(f"workloads: {program.name}", 2 * (len(seeds) + WARM_UPS))
    return measured(crew, program, seeds, WARM_UPS, context.progress.step)


def _same(context: Context, sizes: Sizes, crew: Crew) -> Same:
    context.progress.start("workloads: a distribution against itself", sizes.repeats)
    return same_against_same(crew, sizes.twin, sizes.repeats, context.seeds[0], context.progress.step)


def seeds_of(seeds: tuple[int, ...], iterations: int) -> tuple[int, ...]:
    """One seed per pair of runs: those given, then counting on from the greatest."""
    more = (max(seeds) + 1 + number for number in range(max(0, iterations - len(seeds))))
    return (*seeds[:iterations], *more)


def chosen_sizes(context: Context) -> Sizes:
    """The form of the benchmark. Raises InvalidInput naming the known ones."""
    name = context.options.get("sizes", "short" if context.short else "usual")
    if name not in FORMS:
        raise InvalidInput("benchmark workloads", "sizes", f"unknown: {name!r}", f"use one of {', '.join(FORMS)}")
    return FORMS[name]


def chosen_workers(context: Context) -> int:
    """How many workers: one alone has nothing to be shared out. Raises InvalidInput."""
    text = context.options.get("workers", "")
    if not text:
        return usual_workers()
    if not text.isdecimal() or not 2 <= int(text) <= LARGEST_CREW:
        remedy = f"give a number from 2 to {LARGEST_CREW}"
        raise InvalidInput("benchmark workloads", "workers", f"it is {text!r}", remedy)
    return int(text)
