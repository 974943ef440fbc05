"""The entry of JPS: sizes and places training jobs together (after Liu et al., IEEE TPDS 35(6), 2024).

Exact by dynamic programming where the classes of workers are few, or by a look at every plan where those are; otherwise
guided sampling of categories. Either way the answer carries a proven bound.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from heterosched.jps.admission import admit, admitted
from heterosched.jps.answer import Answer
from heterosched.jps.categories import Category
from heterosched.jps.certificate import Proof, prove
from heterosched.jps.exhaustive import every_plan
from heterosched.jps.fairer import fairer
from heterosched.jps.grouped import Grouped, group
from heterosched.jps.instance import Instance
from heterosched.jps.links import Ints
from heterosched.jps.parameters import Parameters
from heterosched.jps.place import polish
from heterosched.jps.report import Outcome, nothing, report
from heterosched.jps.sampler import Sampler
from heterosched.jps.score import Judge, Sample, judge
from heterosched.jps.sharing import sharing
from heterosched.jps.trades import trades
from heterosched.jps.typed_dp import cells, typed_dp


def solve(instance: Instance, parameters: Parameters, rng: np.random.Generator) -> Answer:
    """Size and place the jobs of an instance. The same generator state gives the same answer.

    Jobs that do not fit stand in `queued` with the reason. Raises InvalidInput for parameters out of range.
    """
    parameters.check()
    whole = group(instance)
    rows, queued = admit(instance, whole)
    if not len(rows):
        return nothing(queued)
    rows = rows[np.argsort(-demand(admitted(whole, rows)), kind="stable")]
    grouped = admitted(whole, rows)
    arbiter = judge(grouped, parameters)
    sampler = Sampler(arbiter, parameters, rng)
    return report(instance, rows, arbiter, _search(sampler, arbiter, parameters), queued)


def demand(grouped: Grouped) -> np.typing.NDArray[np.float64]:
    """The jobs' demand sqrt(w W / mean speed): at equal prices the number of workers that a job should have."""
    usable = (grouped.speed > 0) * grouped.count
    mean = (grouped.speed * usable).sum(axis=1) / usable.sum(axis=1)
    return np.asarray(np.sqrt(grouped.weight * grouped.work / mean))


def _search(sampler: Sampler, arbiter: Judge, parameters: Parameters) -> Outcome:
    """The best plan that was found, and what is proven of it."""
    proof = prove(arbiter, parameters)
    if parameters.mode == "auto" and parameters.additive and proof.menu is not None:
        work = cells(arbiter.grouped.count, proof.menu)
        if work <= parameters.exact_cells:
            _, table = typed_dp(arbiter.grouped.count, proof.menu)
            assert table is not None  # admitted jobs fit together
            found = arbiter.sample(table)
            sampler.take(found)
            proof = proof.proven(found, timed=parameters.energy_weight <= 0)
            if found.unfair <= 0:
                _offer(sampler, arbiter, proof)
                for trade in trades(arbiter, table):
                    sampler.take(arbiter.sample(trade))
                return Outcome(found, sampler, proof, "typed-dp", optimal=True, cells=int(work))
    plans = every_plan(arbiter) if parameters.mode == "auto" else []
    for plan in plans:
        sampler.take(plan)
    if plans:
        return Outcome(_best(sampler), sampler, proof, "enumerated", optimal=True)
    return _sampled(sampler, arbiter, parameters, proof)


def _offer(sampler: Sampler, arbiter: Judge, proof: Proof) -> None:
    """Count the plans that are known already among the samples: the equal split, the running plan, the proof's."""
    for table in (arbiter.equal, *proof.plans):
        sampler.take(arbiter.sample(table))
    grouped = arbiter.grouped
    held = grouped.running.sum(axis=1)
    sizes = np.where(held > 0, held, grouped.least)
    if held.any() and _sizes(sizes) in sampler.space:
        sampler.visit(_sizes(sizes), near=grouped.running)


def _sizes(sizes: Ints) -> Category:
    return tuple(int(size) for size in sizes)


def _sampled(sampler: Sampler, arbiter: Judge, parameters: Parameters, proof: Proof) -> Outcome:
    """The best plan by sampling categories."""
    guided = parameters.mode != "uniform"
    if guided:
        _offer(sampler, arbiter, proof)
        fastest = min(sampler.seen.values(), key=lambda own: own.score)
        if fastest.unfair > 0:
            for plan in _fairer(arbiter, proof, parameters, fastest.table):
                sampler.take(arbiter.sample(plan))
    timed = parameters.additive and parameters.energy_weight <= 0
    sampler.run(enough=proof.bound * (1.0 + parameters.enough_percent / 100.0) if timed else -np.inf)
    if sampler.best is None or not np.isfinite(sampler.best.score):
        sampler.take(arbiter.sample(arbiter.equal))
    best = _best(sampler)
    if guided and parameters.additive:
        sampler.take(arbiter.sample(polish(arbiter.grouped, arbiter.objective, best.table)))
    for plan in trades(arbiter, best.table) if guided else ():
        sampler.take(arbiter.sample(plan))
    method = "guided" if guided else "uniform"
    if sampler.space.count <= parameters.samples:
        method = "enumerated"
    return Outcome(_best(sampler), sampler, proof, method, optimal=False)


def _fairer(arbiter: Judge, proof: Proof, parameters: Parameters, table: Ints) -> Iterator[Ints]:
    """Plans that are fairer than `table`, which is the fastest."""
    even = sharing(arbiter, proof, parameters) if parameters.mode == "auto" else None
    if even is not None:
        yield even
    else:
        yield from fairer(arbiter, table, losers=True)
    yield from fairer(arbiter, table)
    yield from fairer(arbiter, arbiter.equal)


def _best(sampler: Sampler) -> Sample:
    assert sampler.best is not None  # at least the equal split was taken
    return sampler.best
