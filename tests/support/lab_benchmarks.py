"""Benchmarks for the tests of what runs them: a good one, and those that fail in each way."""

from __future__ import annotations

import signal
from typing import ClassVar

import numpy as np

from heterosched.errors import InvalidInput
from heterosched_lab.runs.plots import drawn
from heterosched_lab.runs.types import Context, Figure, Outcome, Table
from heterosched_lab.spread import spread
from sweeping import refuses_seven


class Good:
    """Figures by seed with and without goals, a measured one, tables and a plot."""

    name = "good"
    title = "Good: a benchmark that works"
    needs: tuple[str, ...] = ()
    options: ClassVar[dict[str, str]] = {"scale": "by what all is multiplied"}

    def run(self, context: Context) -> Outcome:
        """All figures follow from the seeds."""
        scale = float(context.options.get("scale", "1"))
        context.progress.start("seeds", len(context.seeds))
        values = []
        for seed in context.seeds:
            values.append(scale * (10 + float(np.random.default_rng(seed).random())))
            context.progress.step()
        with drawn(context.folder, "curve") as axes:
            axes.plot(values)
        mean = sum(values) / len(values)
        figures = (
            Figure("makespan", mean, "h", "simulated", 12.0, "<=", peer=17.98, peer_name="Gavel", values=tuple(values)),
            Figure("allocation", 90.0 * scale, "%", "simulated", 93.3, ">=", note="at 130 % demand"),
            Figure("jobs", np.float64(7), "", "counted"),
            Figure("planning", 0.25, "s", "measured", 1.0),
        )
        short = Table("by_seed", ("seed", "hours"), list(zip(context.seeds, values, strict=True)))
        long = Table("events", ("event",), [(np.float64(number),) for number in range(40)])
        return Outcome(figures, (short, long), (("curve.png", "Hours by seed"),), ("A remark.",), {"part": "no peer"})


class NeedsData(Good):
    """Reads a folder of public data."""

    name = "needs"
    needs = ("traces",)


class Raises(Good):
    """Has a defect."""

    name = "raises"

    def run(self, context: Context) -> Outcome:
        """Divides by nothing."""
        raise ZeroDivisionError("division by nothing")


class Refuses(Good):
    """Finds its input bad."""

    name = "refuses"

    def run(self, context: Context) -> Outcome:
        """Names the row."""
        raise InvalidInput("trace t.csv", "line 3", "negative time", "mend the row")


class WorkerFails(Good):
    """Has a worker that raises."""

    name = "worker"

    def run(self, context: Context) -> Outcome:
        """The eighth item is bad."""
        return Outcome(
            tuple(Figure(str(one), 1.0, "", "counted") for one in spread(refuses_seven, range(9), workers=1))
        )


class Interrupted(Good):
    """Ctrl-C comes after its first table."""

    name = "interrupted"

    def run(self, context: Context) -> Outcome:
        """Leaves a file and is interrupted."""
        (context.folder / "first.csv").write_text("a\n1\n")
        raise KeyboardInterrupt


class Terminated(Good):
    """Somebody ends the process politely."""

    name = "terminated"

    def run(self, context: Context) -> Outcome:
        """SIGTERM arrives."""
        signal.raise_signal(signal.SIGTERM)
        return Outcome(())


class Half(Good):
    """Catches Ctrl-C itself and answers with what it has."""

    name = "half"

    def run(self, context: Context) -> Outcome:
        """One figure of several."""
        return Outcome((Figure("first", 1.0, "s", "simulated"),), partial=True)


class NotANumber(Good):
    """Divides 0 by 0 somewhere."""

    name = "nan"

    def run(self, context: Context) -> Outcome:
        """One figure is no number."""
        return Outcome((Figure("good", 1.0, "s", "simulated"), Figure("bad", float("nan"), "s", "simulated", 1.0)))


class Twice(Good):
    """Gives two figures one name."""

    name = "twice"

    def run(self, context: Context) -> Outcome:
        """Which of both counts?"""
        return Outcome((Figure("x", 1.0, "s", "simulated"), Figure("x", 2.0, "s", "simulated")))


class NoPlot(Good):
    """Promises a plot that it does not draw."""

    name = "noplot"

    def run(self, context: Context) -> Outcome:
        """Names a file that is not there."""
        return Outcome((), plots=(("missing.png", "Nothing"),))
