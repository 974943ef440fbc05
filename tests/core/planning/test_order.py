"""Priority goes first, then a near deadline, then the namespace that is worse off, then age."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusters import a_cluster
from heterosched.model import Cluster, Demand, Reservation
from heterosched.planning.types import TaskProgress
from heterosched.policy.table import BUILT_IN
from loops import Loop
from manifests import a_job
from planned import NOW, a_state, gpu_job, planned, start

ONE_T4 = a_cluster(t4=1, gpus=1)


def in_order(*states: object, **fields: object) -> list[str]:
    found = planned(*states, cluster=ONE_T4, **fields)  # type: ignore[arg-type]
    return sorted(found, key=lambda name: start(found[name]))


def test_of_two_deadlines_the_nearer_goes_first_whatever_their_age() -> None:
    far = a_state(gpu_job("far").deadline(within="30m"), age=60)
    near = a_state(gpu_job("near").deadline(within="2m"), age=5)
    assert in_order(far, near) == ["near", "far"]


def test_a_near_deadline_goes_before_older_jobs_without_one() -> None:
    assert in_order(a_state(gpu_job("old"), age=500), a_state(gpu_job("due").deadline(within="20m"))) == ["due", "old"]


def test_slack_counts_and_not_the_deadline_alone() -> None:
    long = a_state(gpu_job("long", 300.0).deadline(within="500s"), age=10)
    short = a_state(gpu_job("short", 10.0).deadline(within="400s"), age=10)
    assert in_order(short, long) == ["long", "short"]


def test_a_far_deadline_waits_its_turn() -> None:
    states = [a_state(gpu_job("old"), age=500), a_state(gpu_job("week").deadline(within="168h"), age=5)]
    assert in_order(*states) == ["old", "week"]
    eager = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], urgent_seconds=1e6)}
    assert in_order(*states, policies=eager) == ["week", "old"]


def test_a_job_that_cannot_be_in_time_does_not_make_others_late() -> None:
    lost = a_state(gpu_job("lost", 60.0).deadline(within="120s"), age=100)
    kept = a_state(gpu_job("kept", 10.0).deadline(within="115s"), age=100)
    found = planned(lost, kept, cluster=ONE_T4)
    assert (start(found["kept"]), start(found["lost"])) == (0.0, 10.0)
    assert found["kept"].verdict == "Feasible"
    assert found["lost"].verdict.startswith("LateBy")


def test_priority_comes_before_any_deadline() -> None:
    urgent = a_state(gpu_job("urgent").deadline(within="2m"))
    assert in_order(urgent, a_state(gpu_job("first"), priority=5)) == ["first", "urgent"]


def test_a_namespace_with_many_jobs_does_not_shut_out_another() -> None:
    many = [a_state(gpu_job(f"many-{number}"), age=50.0 - number, namespace="many") for number in range(6)]
    few = a_state(gpu_job("few"), age=40, namespace="few")
    order = in_order(*many, few)
    assert order.index("few") <= 2
    assert [name for name in order if name != "few"] == [f"many-{number}" for number in range(6)]


def test_what_a_namespace_already_runs_counts_against_it() -> None:
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 1)
    states = [
        a_state(gpu_job("busy", 200.0), {"t": running}, namespace="big"),
        a_state(gpu_job("big"), namespace="big", age=51),
        a_state(gpu_job("small"), namespace="small", age=50),
    ]
    assert in_order(*states) == ["busy", "small", "big"]


def waiting_behind_one_that_runs(cluster: Cluster) -> list[str]:
    own = TaskProgress("Running", "nvidia-t4", "", ("t4-0",), 1, NOW - 1)
    states = [
        a_state(gpu_job("busy"), {"t": own}, namespace="big"),
        a_state(gpu_job("patient"), namespace="big", age=5000),
        a_state(gpu_job("new"), namespace="small", age=1),
    ]
    found = planned(*states, cluster=cluster)
    return sorted(found, key=lambda name: start(found[name]))


def test_waiting_makes_up_for_what_was_given() -> None:
    others = (Reservation(f"t4-{number}", Demand(gpus=1), NOW - 5, NOW + 5000) for number in (1, 2, 3))
    assert waiting_behind_one_that_runs(a_cluster(*others, t4=4, gpus=1)) == ["busy", "patient", "new"]


def test_waiting_behind_ones_own_backlog_earns_no_turn() -> None:
    assert waiting_behind_one_that_runs(ONE_T4) == ["busy", "new", "patient"]


def test_a_gang_that_keeps_room_free_stays_in_front_of_other_namespaces() -> None:
    held = [Reservation(f"t4-{number}", Demand(gpus=1), NOW - 5, NOW + 10 + number) for number in range(4)]
    gang = a_state(a_job("gang").task("t").gpus(1, "nvidia-t4").workers(4, 4, gang=True).runtime({"nvidia-t4": 50.0}))
    singles = [a_state(gpu_job(f"s{number}", 60.0), namespace="busy", age=500) for number in range(8)]
    cluster = a_cluster(*held, t4=4, gpus=1)
    first = planned(gang, cluster=cluster)
    assert first["gang"].reserved
    again = planned(gang, *singles, cluster=cluster, previous=first)
    assert (start(again["gang"]), again["gang"].reserved) == (13.0, True)
    fresh = planned(gang, *singles, cluster=cluster)
    assert start(fresh["gang"]) > 60.0
    assert not fresh["gang"].reserved


@pytest.mark.parametrize(
    ("load", "namespace"), [(1.0, "ns"), (1.3, "ns"), (1.0, "other"), (1.3, "other"), (3.0, "other")]
)
def test_a_gang_starts_beside_a_stream_of_small_jobs(load: float, namespace: str) -> None:
    small = [(number * 7.5 / load, gpu_job(f"s{number:03}", 30.0), "ns") for number in range(120)]
    gang = a_job("gang").task("t").gpus(1, "nvidia-t4").workers(4, 4, gang=True).runtime({"nvidia-t4": 50.0})
    loop = Loop([*small, (52.0, gang, namespace)], a_cluster(t4=2))
    assert loop.rounds_until_started("gang", most=40) <= 25


def test_equal_namespaces_take_turns_whatever_the_order_in_which_they_are_told() -> None:
    states = [
        a_state(gpu_job(f"{space}-{number}"), age=100, namespace=space) for number in range(3) for space in ("a", "b")
    ]
    assert [name[0] for name in in_order(*states)][:2] in (["a", "b"], ["b", "a"])
    assert in_order(*states) == in_order(*reversed(states))
