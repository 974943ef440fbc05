"""Running training is resized only where that beats leaving it alone, patience included, and under caps and quotas."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from clusters import a_cluster
from heterosched.model import Demand
from heterosched.planning.types import JobPlan, JobState, Quota, Restart, TaskProgress
from heterosched.policy.table import BUILT_IN, PowerCap
from planned import NOW, a_state, a_training, nodes, planned

CLUSTER = a_cluster(t4=1, v100=1, gpus=4)
EVERYWHERE = ("t4-0",) * 4 + ("v100-0",) * 4
TYPES = "nvidia-t4,nvidia-v100"


def runs(name: str, *places: str, done: float = 0.0, iterations: int = 20_000, since: float = 4.0) -> JobState:
    """A training that may have up to eight workers and runs on these nodes."""
    device = "nvidia-v100" if "v100-0" in places else "nvidia-t4"
    own = TaskProgress("Running", device, TYPES, places, len(places), NOW - since, done=done)
    return a_state(a_training(name, 1, 8, allowRestarts=True, iterations=iterations), {"t": own})


def resized(*states: JobState, **fields: object) -> dict[str, JobPlan]:
    return planned(*states, cluster=CLUSTER, may_restart=True, **fields)


def restart_of(plan: JobPlan) -> Restart:
    (found,) = plan.restarts.values()
    return found


def test_a_long_training_makes_room_for_one_that_waits() -> None:
    found = resized(runs("a", *EVERYWHERE), a_state(a_training("b", iterations=5000)))
    restart = restart_of(found["a"])
    assert 0 < len(restart.assignment.nodes) < 8
    assert restart.gain_seconds > restart.cost_seconds == 60.0
    assert found["b"].restarts == {}


def test_a_training_that_ends_soon_is_waited_for() -> None:
    soon = runs("a", *EVERYWHERE, iterations=1000)
    assert soon.progress["t"].done == 0.0
    found = resized(soon, a_state(a_training("b", iterations=20_000)))
    assert found["a"].restarts == {}
    assert found["b"].schedule.assignments["t"].start > NOW


def test_the_gain_has_to_exceed_what_all_restarts_cost_together() -> None:
    alone = restart_of(resized(runs("a", "t4-0"))["a"])
    dear = alone.gain_seconds + 1.0
    assert resized(runs("a", "t4-0"), restart_seconds=dear)["a"].restarts == {}
    assert resized(runs("a", "t4-0"), restart_seconds=alone.gain_seconds / 2)["a"].restarts


@pytest.mark.parametrize(
    "fields",
    [
        {"quotas": {"ns": (Quota("q", Demand(math.inf, math.inf, 1.0)),)}},
        {"quotas": {"ns": (Quota("q", Demand(math.inf, math.inf, math.inf), pods=1.0),)}},
        {"policies": {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], caps=(PowerCap(80.0),))}},
    ],
    ids=["gpus", "pods", "watts"],
)
def test_nothing_is_stopped_for_a_size_that_a_limit_forbids(fields: dict[str, object]) -> None:
    state = runs("a", "t4-0")
    assert planned(state, cluster=a_cluster(t4=4), may_restart=True)["a"].restarts
    assert planned(state, cluster=a_cluster(t4=4), may_restart=True, **fields)["a"].restarts == {}


def limited(**spec: object) -> JobState:
    """A training on all nodes that would end in twenty minutes, with a limit of its job's own."""
    own = TaskProgress("Running", "nvidia-v100", TYPES, EVERYWHERE, 8, NOW - 4)
    job = a_training("a", 1, 8, allowRestarts=True, iterations=20_000).spec(**spec)
    return a_state(job, {"t": own})


@pytest.mark.parametrize(
    ("spec", "gives_way"),
    [
        ({}, True),
        ({"deadline": {"within": "1500s"}}, False),
        ({"deadline": {"within": "5h"}}, True),
        ({"deadline": {"within": "200s"}}, True),
        ({"energyBudgetJoules": "1k"}, False),
    ],
    ids=["none", "kept", "far", "lost", "budget"],
)
def test_nobodys_deadline_or_budget_is_given_up_for_others(spec: dict[str, object], gives_way: bool) -> None:
    policies = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], urgent_seconds=-math.inf)}
    found = resized(limited(**spec), a_state(a_training("b", iterations=5000)), policies=policies)
    assert bool(found["a"].restarts) is gives_way


def test_a_quota_is_used_up_to_its_end() -> None:
    quota = Quota("q", Demand(math.inf, math.inf, 3.0))
    restart = restart_of(resized(runs("a", "t4-0"), quotas={"ns": (quota,)})["a"])
    assert len(restart.assignment.nodes) == 3


def test_the_limits_are_as_before_once_they_have_been_asked() -> None:
    rows = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], caps=(PowerCap(800.0),))}
    waiting = a_state(a_training("b", 1, 1, "nvidia-v100"))
    asked = resized(runs("a", "t4-0"), waiting, policies=rows)["b"]
    unasked = planned(runs("a", "t4-0"), waiting, cluster=CLUSTER, policies=rows)["b"]
    assert asked.schedule == unasked.schedule


def test_what_earlier_attempts_have_done_is_not_done_again() -> None:
    waits = TaskProgress(done=0.75)
    whole = planned(a_training("a"), cluster=CLUSTER)["a"].schedule.assignments["t"].option
    rest = planned(a_state(a_training("a"), {"t": waits}), cluster=CLUSTER)["a"].schedule.assignments["t"].option
    assert rest.workers == whole.workers
    assert rest.seconds == pytest.approx(whole.seconds / 4)
    by_name = [
        planned(a_state(a_training("a").strategy("heft"), progress), cluster=CLUSTER)["a"]
        for progress in ({}, {"t": waits})
    ]
    seconds = [own.schedule.assignments["t"].option.seconds for own in by_name]
    assert seconds[1] == pytest.approx(seconds[0] / 4)


def test_a_running_rest_ends_when_the_rest_is_done() -> None:
    whole = planned(runs("a", *EVERYWHERE), cluster=CLUSTER)["a"].schedule.assignments["t"]
    rest = planned(runs("a", *EVERYWHERE, done=0.5), cluster=CLUSTER)["a"].schedule.assignments["t"]
    assert nodes(planned(runs("a", *EVERYWHERE, done=0.5), cluster=CLUSTER)["a"]) == EVERYWHERE
    assert rest.finish - rest.start == pytest.approx((whole.finish - whole.start) / 2)
