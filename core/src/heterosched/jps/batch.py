"""The global batch, divided in proportion to worker speed, so that all workers of a job finish together.

Liu et al. (2024) call it proportional workload assignment, Chen et al. (2018, arXiv 1806.02508) LB-BSP.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from heterosched.errors import InvalidInput


def split_batch(batch: int, speeds: Sequence[float]) -> tuple[int, ...]:
    """Samples of each worker per iteration: whole, at least one each, `batch` in sum (largest remainder).

    `speeds` in samples/s, one per worker; equal ones differ by one sample at most, the earlier getting more. Raises
    InvalidInput for a batch smaller than the number of workers, or a speed that is not finite and above zero.
    """
    if not speeds:
        raise InvalidInput("batch split", "speeds", "no worker", "give at least one")
    if batch < len(speeds):
        problem = f"{batch} samples for {len(speeds)} workers"
        raise InvalidInput("batch split", "batch", problem, "use fewer workers or a larger global batch")
    if not all(math.isfinite(speed) and speed > 0 for speed in speeds):
        raise InvalidInput("batch split", "speeds", f"{list(speeds)}", "give finite speeds above zero")
    rate = [Fraction(float(speed)) for speed in speeds]  # exact: shares sum to the batch however large it is
    shares: dict[int, int] = {}
    while True:  # whoever would get less than one sample gets one; the others divide what is left
        rest, open_ = batch - len(shares), [worker for worker in range(len(rate)) if worker not in shares]
        per_speed = rest / sum((rate[worker] for worker in open_), Fraction())
        short = [worker for worker in open_ if rate[worker] * per_speed < 1]
        if not short:
            break
        shares |= dict.fromkeys(short, 1)
    exact = {worker: rate[worker] * per_speed for worker in open_}
    shares |= {worker: int(part) for worker, part in exact.items()}
    neediest = sorted(open_, key=lambda worker: (int(exact[worker]) - exact[worker], worker))
    for worker in neediest[: batch - sum(shares.values())]:
        shares[worker] += 1
    return tuple(shares[worker] for worker in range(len(rate)))
