"""beta, which says what is wanted, apart from how hard to look: the shortest completion times with fairness kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps import Parameters, solve
from heterosched_lab.jps_experiment.effort import Case
from heterosched_lab.search.problem import Sheet
from heterosched_lab.search.space import Dimension, Values
from heterosched_lab.statistics import mean_interval

SPACE = (Dimension("beta", 0.0, 1.0, 0.05),)


@dataclass(frozen=True, eq=False)
class BetaProblem:
    """Mean completion time relative to the best plan known, as long as the mean Jain index is `floor` for sure.

    For sure: the lower end of its 95 % interval. The index is that of the speed-ups over an equal split. The policy's
    own floor is left out, because it would hide what beta does.
    """

    cases: tuple[Case, ...]
    present: Parameters
    floor: float

    def sheet(self, point: Values) -> Sheet:
        """A point on all cases."""
        chosen = replace(self.present, beta=point["beta"], fairness_floor=0.0)
        answers = [solve(own.made, chosen, np.random.default_rng(own.seed)) for own in self.cases]
        costs = tuple(answer.mean_seconds / own.best for answer, own in zip(answers, self.cases, strict=True))
        jains = tuple(answer.fairness.jain for answer in answers)
        mean, lower, _ = mean_interval(jains)
        sure = lower if np.isfinite(lower) else mean
        figures = {
            "time_over_best": float(np.mean(costs)),
            "jain_mean": mean,
            "jain_lower": sure,
            "worst_ratio": max(answer.fairness.worst_ratio for answer in answers),
        }
        return Sheet(costs, max(0.0, self.floor - sure), jains, figures)
