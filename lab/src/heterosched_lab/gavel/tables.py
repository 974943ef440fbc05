"""The results of all matches as figures and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from heterosched_lab.gavel.play import Result
from heterosched_lab.runs.types import Figure, Table
from heterosched_lab.statistics import mean_interval, paired_interval

PLAIN, SWITCH = 0.0, 20.0
"""Seconds that a switch costs: as published, and as the goals ask."""
HELD_OUT = "held-out"

REPRODUCED_MAKESPAN: Mapping[str, float] = MappingProxyType(
    {
        "fifo": 76.17,
        "las": 22.99,
        "max_min_fairness": 19.03,
        "finish_time_fairness": 19.56,
        "min_makespan": 17.98,
    }
)
"""Hours on the static trace by Gavel's own simulator, seed 0, no switch cost."""
REPRODUCED_JCT: Mapping[str, float] = MappingProxyType(
    {
        "fifo": 9.97,
        "las": 5.55,
        "max_min_fairness": 4.06,
        "finish_time_fairness": 4.17,
        "min_makespan": 6.38,
    }
)
"""Mean hours on the continuous trace, likewise."""

UNITS = MappingProxyType({"makespan": "h", "mean_jct": "h", "worst_rho": "ratio"})
WORDS = MappingProxyType({"makespan": "makespan", "mean_jct": "mean JCT", "worst_rho": "worst rho"})


@dataclass(frozen=True)
class Results:
    """All matches that were played."""

    rows: tuple[Result, ...]

    def of(self, trace: str, scheduler: str, switch: float) -> list[Result]:
        """Those of a scheduler on a trace, in the order of the seeds."""
        return [
            own
            for own in self.rows
            if (own.match.trace, own.match.scheduler, own.match.switch_seconds) == (trace, scheduler, switch)
        ]

    def one(self, trace: str, scheduler: str, switch: float) -> Result:
        """The first of them."""
        return self.of(trace, scheduler, switch)[0]


def standings(results: Results) -> Table:
    """Everything that was simulated, a row per match."""
    columns = (
        "trace",
        "switch_seconds",
        "scheduler",
        "seed",
        "makespan_hours",
        "mean_jct_hours",
        "p95_jct_hours",
        "mean_rho",
        "worst_rho",
        "share_rho_above_1",
        "switches_per_job",
        "rounds",
    )
    rows = [
        (
            own.match.trace,
            own.match.switch_seconds,
            own.match.scheduler,
            own.match.seed,
            *(
                round(value, 4)
                for value in (
                    own.makespan,
                    own.mean_jct,
                    own.p95_jct,
                    own.mean_rho,
                    own.worst_rho,
                    own.unfair_share,
                    own.switches,
                )
            ),
            own.rounds,
        )
        for own in results.rows
    ]
    return Table("standings", columns, rows)


def planning(name: str, rows: Sequence[Result], goal: float | None) -> Figure:
    """CPU seconds of the longest decision of all its matches."""
    mean = sum(own.planning * own.rounds for own in rows) / sum(own.rounds for own in rows)
    return Figure(
        f"planning time of {name}, longest round",
        max(own.longest for own in rows),
        "s",
        "measured",
        goal=goal,
        note=f"CPU seconds on one core; in the mean {1000 * mean:.2f} ms a round",
    )


def held_out(results: Results, ours: str, peer: str, what: str) -> Figure:
    """A figure over the generated traces, with the mean difference to the peer on the same traces."""
    own = [float(getattr(row, what)) for row in results.of(HELD_OUT, ours, SWITCH)]
    other = [float(getattr(row, what)) for row in results.of(HELD_OUT, peer, SWITCH)]
    difference, low, high = paired_interval(own, other)
    several = len(own) > 1
    within = f" (95 % interval {low:+.3f} to {high:+.3f})" if several else ""
    mean, lower, upper = mean_interval(own)
    return Figure(
        f"{WORDS[what]} of {ours} on held-out traces, 20 s per switch",
        mean,
        UNITS[what],
        "simulated",
        peer=float(np.mean(other)),
        peer_name=f"{peer} on the same traces",
        values=tuple(own),
        lower=lower if several else None,
        upper=upper if several else None,
        note=f"mean difference {difference:+.3f}{within}",
    )


def reproduced(results: Results, trace: str, what: str, before: Mapping[str, float]) -> Iterator[Figure]:
    """Our making of each published policy beside what its authors' simulator says of it."""
    for name, figure in before.items():
        values = [float(getattr(own, what)) for own in results.of(trace, name, PLAIN)]
        if values:
            mean = float(np.mean(values))
            lots = "; it draws device types by lot" if len(values) > 1 else ""
            yield Figure(
                f"{WORDS[what]} of {name}, free switches",
                mean,
                UNITS[what],
                "simulated",
                peer=figure,
                peer_name="the same policy in its authors' simulator",
                values=tuple(values) if len(values) > 1 else (),
                note=f"deviation {100 * (mean / figure - 1):+.1f} %{lots}",
            )
