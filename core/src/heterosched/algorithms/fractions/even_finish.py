"""Divides a task so that GPU and CPU finish it together, whatever they still have to do before it.

Let the GPU be free after `a` seconds and take g for the whole task and x for the transfer, the CPU be free after `b`
and take c. Both end together where a + x + f g = b + (1 - f) c, so at f = (b + c - a - x) / (g + c); outside 0..1 the
better one of both works alone. It is proportional workload assignment (Liu et al. 2024, as JPS divides a batch) with
what is queued and the transfer taken into account.
"""

from __future__ import annotations

import math

from heterosched.algorithms.fractions.model import SplitModel, SplitTask


class EvenFinish:
    """What lets GPU and CPU finish together, queues included; the better one alone where that is faster."""

    name = "even_finish"

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        """The fastest fraction of all on an idle machine, to the last bit of the model."""
        return self.fraction_behind(task, model, 0.0, 0.0)

    def fraction_behind(self, task: SplitTask, model: SplitModel, gpu_wait: float, cpu_wait: float) -> float:
        """The fraction that ends first where the GPU is free after `gpu_wait` seconds and the CPU after `cpu_wait`."""
        candidates = [0.0, 1.0]
        if not model.linear:
            on_gpu, on_cpu = model.on_gpu(task), model.parts(task, 0.0)[1]
            even = (cpu_wait + on_cpu - gpu_wait - model.transfer(task)) / (on_gpu + on_cpu)
            candidates += [even] if 0 < even < 1 else []
        return min(candidates, key=lambda fraction: _finish(task, model, fraction, gpu_wait, cpu_wait))


def _finish(task: SplitTask, model: SplitModel, fraction: float, gpu_wait: float, cpu_wait: float) -> float:
    gpu, cpu = model.parts(task, fraction)
    ends = (gpu_wait + gpu if fraction > 0 else -math.inf, cpu_wait + cpu if fraction < 1 else -math.inf)
    return max(ends)
