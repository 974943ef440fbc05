"""Many jobs of all kinds together never overbook a node, a cap or a quota, and a single task loses nothing by being
shown the best nodes alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters import a_cluster
from heterosched.algorithms.base import Problem, strategies
from heterosched.model import Cluster, Demand, Reservation
from heterosched.planning.planner import AUTO_STRATEGY, objective_of, plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest, Quota
from heterosched.policy.table import BUILT_IN, PowerCap
from manifests import a_job
from planned import NOW, a_request, a_state, a_training, planned

CLUSTER = a_cluster(Reservation("t4-0", Demand(gpus=1), NOW - 9, NOW + 33), t4=2, v100=2, cpu=1, gpus=2, cores=8)
CAP = 700.0
ROWS = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], caps=(PowerCap(CAP),))}
QUOTA = Quota("gpus", Demand(math.inf, math.inf, 5.0))

KINDS = st.sampled_from(["gpu", "either", "cpu", "gang", "chain", "training"])


@st.composite
def states(draw: st.DrawFn) -> list[JobState]:
    found = []
    policies = draw(st.sampled_from([["Balanced"], ["Balanced", "Performance", "Energy"]]))
    for number in range(draw(st.integers(1, 9))):
        kind, seconds = draw(KINDS), draw(st.integers(1, 40))
        job = a_job(f"j{number}").task("t")
        if kind == "training":
            job = a_training(f"j{number}", draw(st.integers(1, 2)), draw(st.integers(2, 4)), iterations=10 * seconds)
        elif kind == "cpu":
            job.cpus(draw(st.integers(1, 6))).runtime({"cpu": seconds})
        elif kind == "gang":
            job.gpus(1, "nvidia-t4").workers(2, 2, gang=True).runtime({"nvidia-t4": seconds})
        elif kind == "chain":
            job.gpus(1, "nvidia-v100").runtime({"nvidia-v100": seconds})
            job.task("u").after("t").cpus(2).runtime({"cpu": seconds})
        else:
            devices = ("nvidia-t4", "nvidia-v100") if kind == "either" else ("nvidia-t4",)
            job.gpus(draw(st.integers(1, 2)), *devices).runtime(dict.fromkeys(devices, seconds))
        if draw(st.booleans()):
            job.deadline(within=f"{draw(st.integers(101, 300))}s")
        job.policy(draw(st.sampled_from(policies)))
        space, age = draw(st.sampled_from(["a", "b"])), draw(st.integers(0, 100))
        found.append(a_state(job, namespace=space, age=float(age), priority=draw(st.integers(0, 1))))
    return found


def loads(plans: dict[str, JobPlan], moment: float) -> dict[str, Demand]:
    found = {node.name: Demand() for node in CLUSTER.nodes}
    for held in CLUSTER.reservations:
        if held.start <= moment < held.finish:
            found[held.node] += held.demand
    for own in plans.values():
        for assignment in own.schedule.assignments.values():
            if assignment.start <= moment < assignment.finish - 1e-6:
                for node in assignment.nodes:
                    found[node] += assignment.option.demand
    return found


def sound(request: PlanRequest, plans: dict[str, JobPlan]) -> None:
    spaces = {state.job.metadata.uid: state for state in request.jobs}
    every = [(name, a) for name, own in plans.items() for a in own.schedule.assignments.values()]
    for moment in {assignment.start + 1e-5 for _, assignment in every}:
        for node, load in loads(plans, moment).items():
            had = CLUSTER.node(node)
            assert had is not None
            assert load.fits(had.allocatable), (node, load, moment - NOW)
        now = [(name, a) for name, a in every if a.start <= moment < a.finish - 1e-6]
        gpus = sum(a.option.demand.gpus * len(a.nodes) for name, a in now if spaces[name].job.metadata.namespace == "a")
        assert gpus <= 5
        if all(state.job.spec.policy == "Balanced" for state in request.jobs):
            others = 70.0 if moment < NOW + 33 else 0.0
            assert sum(a.option.watts * len(a.nodes) for _, a in now) + others <= CAP + 1e-6


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(states())
def test_nothing_is_overbooked_first_and_when_planned_again(found: list[JobState]) -> None:
    request = a_request(*found, cluster=CLUSTER, policies=ROWS, quotas={"a": (QUOTA,)}, launch_seconds=1.0)
    first = plan(request)
    assert all(own.error is None for own in first.values())
    sound(request, first)
    later = replace(request, now=NOW + 0.5, previous=first)
    sound(later, plan(later))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=6, max_size=6), st.integers(1, 30), st.sampled_from(sorted(BUILT_IN)))
def test_a_single_task_is_placed_as_on_the_whole_cluster(busy: list[int], seconds: int, policy: str) -> None:
    base = a_cluster(t4=2, v100=2, k80=2, gpus=1)
    held = tuple(
        Reservation(node.name, Demand(gpus=1), NOW, NOW + until)
        for node, until in zip(base.nodes, busy, strict=True)
        if until
    )
    cluster = Cluster(base.nodes, held)
    devices = {"nvidia-t4": 2 * seconds, "nvidia-v100": seconds, "nvidia-k80": 3 * seconds}
    job = a_job("a").policy(policy).task("t").gpus(1, *devices).runtime(devices)
    found = planned(job, cluster=cluster)["a"]
    assert found.graph is not None
    whole = strategies()[AUTO_STRATEGY]().schedule(Problem(found.graph, cluster, NOW, objective_of(BUILT_IN[policy])))
    assert found.schedule.assignments == whole.assignments
    assert found.schedule.ranks == pytest.approx(whole.ranks)
