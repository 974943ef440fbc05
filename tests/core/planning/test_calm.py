"""The same question has the same answer, and a small change moves nothing that waits without a stated gain."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from clusters import a_cluster, a_node
from heterosched.algorithms.base import Problem
from heterosched.algorithms.check import check
from heterosched.model import Cluster, Reservation
from heterosched.model.cluster import Demand
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest, TaskProgress
from heterosched.policy.table import BUILT_IN, DEFAULT
from manifests import a_fan, a_job
from planned import NOW, a_request, a_state, gpu_job, nodes, planned, start

MIXED = a_cluster(t4=3, v100=2, gpus=1)


def either(name: str, t4: float = 20.0, v100: float = 11.0) -> JobState:
    job = a_job(name).policy("Performance").task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    return a_state(job.runtime({"nvidia-t4": t4, "nvidia-v100": v100}))


def a_backlog(count: int = 30) -> PlanRequest:
    return a_request(*(either(f"j{n:02d}", 20.0 + n % 7, 11.0 + n % 5) for n in range(count)), cluster=MIXED)


def moved(one: dict[str, JobPlan], other: dict[str, JobPlan]) -> list[str]:
    return [
        f"{name}/{task}"
        for name, own in one.items()
        for task, place in own.schedule.assignments.items()
        if task in other[name].schedule.assignments and other[name].schedule.assignments[task].nodes != place.nodes
    ]


def test_the_same_question_has_the_same_answer() -> None:
    request = a_backlog()
    assert plan(request) == plan(request)
    again = plan(replace(request, previous=plan(request)))
    assert moved(plan(request), again) == []


def test_a_task_that_ends_a_little_early_moves_nothing_that_waits() -> None:
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 4)
    request = a_backlog()
    busy = replace(request, jobs=[a_state(gpu_job("busy", 12.0), {"t": running}), *request.jobs])
    first = plan(busy)
    done = replace(running, state="Succeeded", finish=NOW + 7.5)
    jobs = [replace(busy.jobs[0], progress={"t": done}), *request.jobs]
    second = plan(replace(busy, jobs=jobs, now=NOW + 7.5, previous=first))
    assert moved({n: own for n, own in first.items() if n != "busy"}, second) == []


def test_a_new_job_moves_nothing_of_the_others() -> None:
    request = a_backlog()
    first = plan(request)
    more = replace(request, jobs=[*request.jobs, either("new")], previous=first)
    assert moved(first, plan(more)) == []


def test_what_gains_enough_moves() -> None:
    one = a_cluster(t4=1, gpus=1)
    states = [a_state(gpu_job(name, 20.0), age=100 - number) for number, name in enumerate("ab")]
    first = planned(*states, cluster=one)
    more = Cluster((*one.nodes, a_node("t4-1", gpus=1)))
    second = planned(*states, cluster=more, previous=first)
    assert (nodes(second["a"]), nodes(second["b"]), start(second["b"])) == (("t4-0",), ("t4-1",), 0.0)


@pytest.mark.parametrize(("share", "device"), [(BUILT_IN[DEFAULT].keep_share, "nvidia-t4"), (0.01, "nvidia-v100")])
def test_the_share_that_makes_a_move_worthwhile_is_the_policys(share: float, device: str) -> None:
    rows = {name: replace(row, keep_share=share) for name, row in BUILT_IN.items()}
    alone = either("a", 20.0, 19.0)
    first = planned(alone, cluster=a_cluster(t4=1))
    second = planned(alone, cluster=a_cluster(t4=1, v100=1), previous=first, policies=rows)
    assert second["a"].schedule.assignments["t"].option.device == device


def test_a_lost_node_moves_only_what_was_planned_there() -> None:
    request = a_backlog()
    first = plan(request)
    left = Cluster(tuple(node for node in MIXED.nodes if node.name != "t4-2"))
    second = plan(replace(request, cluster=left, previous=first))
    gone = {name for name, own in first.items() if nodes(own) == ("t4-2",)}
    assert gone
    assert {name.partition("/")[0] for name in moved(first, second)} == gone


def test_a_higher_priority_takes_the_place_all_the_same() -> None:
    request = a_backlog(12)
    first = plan(request)
    second = plan(replace(request, jobs=[*request.jobs, replace(either("now"), priority=9)], previous=first))
    assert start(second["now"]) == 0.0


def test_a_plan_that_would_break_a_deadline_is_not_kept() -> None:
    job = a_state(a_job("a").task("t").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 20}).deadline(within="140s"), age=100)
    first = planned(job, cluster=a_cluster(t4=1))
    taken = Reservation("t4-0", Demand(gpus=2), NOW, NOW + 500)
    second = planned(job, cluster=a_cluster(taken, t4=2), previous=first)
    assert (nodes(second["a"]), second["a"].verdict) == (("t4-1",), "Feasible")


def test_a_kept_graph_is_a_sound_schedule() -> None:
    cluster = a_cluster(cpu=2, t4=3, v100=1)
    manifest = a_fan("fan", width=12, tasks=20)

    class Given:
        def manifest(self) -> dict[str, object]:
            return manifest

    state = a_state(Given())  # type: ignore[arg-type]
    first = planned(state, cluster=cluster, launch_seconds=1.0)
    late = a_cluster(Reservation("t4-0", Demand(gpus=2), NOW, NOW + 7), cpu=2, t4=3, v100=1)
    second = planned(state, cluster=late, launch_seconds=1.0, previous=first)["fan"]
    assert second.graph is not None
    assert check(Problem(second.graph, late, NOW, launch_seconds=1.0), second.schedule) == []


def test_options_that_are_gone_are_not_kept() -> None:
    first = planned(either("a"), cluster=a_cluster(v100=1))
    job = a_job("a").policy("Performance").task("t").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 20})
    second = planned(job, cluster=a_cluster(v100=1, t4=1), previous=first)["a"]
    assert nodes(second) == ("t4-0",)


@pytest.mark.parametrize("deadline", ["1s", "150s", "1000s"])
def test_noise_in_the_finishes_of_others_moves_nothing_even_where_a_deadline_is_missed(deadline: str) -> None:
    job = a_job("a").policy("Balanced").deadline(within=deadline)
    for number in range(4):
        job = job.task(f"t{number}").gpus(2, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 20, "nvidia-v100": 15})
    cluster, lot = a_cluster(t4=3, v100=2), Random(1)
    plans: dict[str, JobPlan] = {}
    changed = []
    for number in range(20):
        held = (Reservation(n.name, Demand(gpus=2), NOW - 5, NOW + lot.uniform(97, 103)) for n in cluster.nodes)
        fresh = planned(a_state(job), cluster=Cluster(cluster.nodes, tuple(held), cluster.link), previous=plans)
        changed += [number] if plans and moved(plans, fresh) else []
        plans = fresh
    assert changed == []
