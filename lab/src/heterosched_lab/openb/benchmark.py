"""`heterosched bench run openb`: placement on Alibaba's GPU cluster, allocation against power, with published peers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from heterosched.errors import InvalidInput
from heterosched_lab.openb import plots
from heterosched_lab.openb.check import MEASURED, STEP
from heterosched_lab.openb.figures import FULL, Found, figures
from heterosched_lab.openb.sweep import sweep
from heterosched_lab.openb.traces import FOLDER, NODES
from heterosched_lab.runs.types import Context, Outcome, Table

REMARKS = (
    "Arrivals only, nothing ends: power is told against arrived demand, no energy. Saving: mean over 10, 20 .. 80 % "
    "demand of 1 - power / FGD's power, same seed.",
    "Power models: `step` is PWR's (any use of a GPU draws its board power), `measured` the concave curve of an A100 "
    "as measured, scaled to each model; G2 counts as A10, G3 as A100, as in PWR.",
    "Our policy decides by the step model in both; it was developed on the seeds 1000 to 1005.",
)


class Openb:
    """Packing policies on the openb fleet of 6,212 GPUs: peers reproduced, ours beside them."""

    name = "openb"
    title = "Placement on openb: GPUs allocated and power drawn"
    needs: tuple[str, ...] = (FOLDER,)
    options: Mapping[str, str] = {}

    def run(self, context: Context) -> Outcome:
        """Run it. Raises InvalidInput for options, no seeds, and rows that cannot be read; Broken by a policy."""
        if context.options:
            name = next(iter(context.options))
            raise InvalidInput("benchmark openb", name, "it has no such option", "leave it out")
        if not context.seeds:
            raise InvalidInput("benchmark openb", "seeds", "none is given", "give at least one")
        if not (context.data / FOLDER / NODES).exists():
            reason = f"{FOLDER}/{NODES} is not in the data folder"
            return Outcome((), skipped={"openb": reason})
        found = Found(sweep(context))
        plots.draw(context.folder, found)
        skipped = {"full demand": "the short form ends at 20 % of demand"} if context.short else {}
        told = figures(found, context.data, context.short)
        return Outcome(told, (_summary(found), _course(found)), plots.PLOTS, REMARKS, skipped)


def _summary(found: Found) -> Table:
    rows = []
    for trace in found.traces:
        for policy in found.policies(trace):
            step, measured = found.saving(trace, policy, STEP), found.saving(trace, policy, MEASURED)
            for place, (seed, course) in enumerate(zip(found.seeds, found.of(trace, policy), strict=True)):
                numbers = course.allocation(FULL), course.allocation(100), course.granted(100), course.first_dropped
                rows.append(
                    (
                        *(trace, policy, seed),
                        *(_cell(number) for number in numbers),
                        *(course.dropped, _cell(step[place]), _cell(measured[place])),
                    )
                )
    columns = (
        "trace",
        "policy",
        "seed",
        "allocated_130",
        "allocated_100",
        "granted_100",
        "first_dropped_at",
        "dropped",
    )
    return Table("openb_summary", (*columns, "saving_step", "saving_measured"), rows)


def _course(found: Found) -> Table:
    rows = []
    for trace in found.traces:
        for policy in found.policies(trace):
            courses = found.of(trace, policy)
            for demand in range(0, min(len(course.allocated) for course in courses), 5):
                kilowatts = [
                    float(np.mean([own.watts[model][demand] for own in courses])) / 1000 for model in (STEP, MEASURED)
                ]
                allocated = float(np.mean([own.allocation(demand) for own in courses]))
                spoilt = float(np.mean([own.fragmented[demand] for own in courses]))
                rows.append(
                    (trace, policy, demand, _cell(allocated), *(_cell(own) for own in kilowatts), _cell(spoilt))
                )
    columns = ("trace", "policy", "demand", "allocated", "kilowatts_step", "kilowatts_measured", "fragmented")
    return Table("openb_course", columns, rows)


def _cell(number: float) -> float | str:
    """To three digits; empty where there is no such number."""
    return "" if np.isnan(number) else round(number, 3)
