"""A task whose start would pass a cap is held back until running work ends, and says so; caps that nothing fits under
are refused with the field and the remedy."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from clusters import a_cluster, a_node
from heterosched.errors import InvalidInput
from heterosched.model import Cluster, Demand, Node, Reservation
from heterosched.planning.due import reasons
from heterosched.planning.types import Quota, TaskProgress
from heterosched.policy.table import BUILT_IN, PolicyRow, PowerCap
from manifests import a_job
from planned import NOW, a_state, a_training, gpu_job, nodes, planned, start


def capped(watts: float, name: str = "", **labels: str) -> dict[str, PolicyRow]:
    return {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], caps=(PowerCap(watts, name, labels),))}


def test_nothing_is_capped_by_default() -> None:
    found = planned(*(gpu_job(f"j{n}", device="nvidia-v100") for n in range(4)), cluster=a_cluster(v100=2))
    assert {start(own) for own in found.values()} == {0.0}
    assert all(not row.caps for row in BUILT_IN.values())


def test_a_cluster_cap_holds_back_what_would_pass_it_until_others_have_ended() -> None:
    found = planned(*(gpu_job(f"j{n}") for n in range(3)), cluster=a_cluster(t4=3), policies=capped(150))
    assert sorted(start(own) for own in found.values()) == [0.0, 0.0, 10.0]
    late = next(own for own in found.values() if start(own) > 0)
    assert late.waiting == {"t": "WaitingForPower"}
    assert reasons(late, {}, NOW) == {"t": "WaitingForPower"}
    assert reasons(late, {}, NOW + 10) == {"t": ""}


def test_what_runs_counts_and_jobs_of_other_policies_are_not_held_back() -> None:
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 4)
    states = [
        a_state(gpu_job("runs"), {"t": running}),
        a_state(gpu_job("held")),
        a_state(gpu_job("free").policy("Performance")),
    ]
    found = planned(*states, cluster=a_cluster(t4=3), policies=capped(139))
    assert (start(found["held"]), start(found["free"])) == (10.0, 0.0)
    assert found["free"].waiting == {}


def test_gpus_that_others_hold_count_with_the_tables_power() -> None:
    cluster = a_cluster(Reservation("t4-0", Demand(gpus=1), NOW - 5, NOW + 30), t4=2)
    assert start(planned(gpu_job("a"), cluster=cluster, policies=capped(100))["a"]) == 30.0
    assert start(planned(gpu_job("a"), cluster=cluster, policies=capped(140))["a"]) == 0.0


def test_pods_that_share_a_gpu_by_time_draw_no_more_than_it_together() -> None:
    """Eight slices of two T4 are 140 W at the most, whoever holds them."""
    shared = Node("shared-0", "tesla-t4-shared", Demand(16, 2**36, 8), shares=4.0)
    held = tuple(Reservation("shared-0", Demand(gpus=1), NOW - 5, NOW + 30) for _ in range(8))
    cluster = Cluster((a_node("t4-0"), shared), held)
    assert start(planned(gpu_job("a"), cluster=cluster, policies=capped(209))["a"]) == 30.0
    assert start(planned(gpu_job("a"), cluster=cluster, policies=capped(210))["a"]) == 0.0


def test_a_cap_over_a_group_of_nodes_acts_on_these_nodes_alone() -> None:
    racks = Cluster(tuple(a_node(f"t4-{n}", labels={"rack": "a" if n < 2 else "b"}) for n in range(3)))
    rows = capped(100, "left", rack="a")
    found = planned(*(gpu_job(f"j{n}") for n in range(6)), cluster=racks, policies=rows)
    at_once = [own for own in found.values() if start(own) == 0.0]
    assert sum(nodes(own)[0] in ("t4-0", "t4-1") for own in at_once) == 1


def test_a_jobs_own_cap_acts_on_its_tasks_together() -> None:
    job = a_job("wide").spec(powerCapWatts="150")
    for number in range(3):
        job.task(f"t{number}").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
    found = planned(job, gpu_job("other"), cluster=a_cluster(t4=4))
    assert sorted(start(found["wide"], f"t{number}") for number in range(3)) == [0.0, 0.0, 10.0]
    assert list(found["wide"].waiting.values()) == ["WaitingForPower"]
    assert start(found["other"]) == 0.0


def test_a_way_that_draws_more_than_the_cap_is_left_out() -> None:
    job = a_job("a").policy("Balanced").task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    job.runtime({"nvidia-t4": 100, "nvidia-v100": 1})
    assert nodes(planned(job, cluster=a_cluster(t4=1, v100=1), policies=capped(100))["a"]) == ("t4-0",)


@pytest.mark.parametrize(
    ("job", "policies", "message"),
    [
        (
            gpu_job("a"),
            capped(60),
            "SchedulingPolicy Balanced: spec.powerCaps.clusterWatts: 60 W is less than the 70 W that task t of "
            "HeteroJob ns/a draws at least; raise the cap",
        ),
        (
            gpu_job("a").spec(powerCapWatts="69"),
            BUILT_IN,
            "HeteroJob ns/a: spec.powerCapWatts: 69 W is less than the 70 W that task t draws at least",
        ),
        (
            gpu_job("a"),
            capped(50, "left", rack="a"),
            "SchedulingPolicy Balanced: spec.powerCaps.groups[left].watts: 50 W is less than the 70 W",
        ),
        (a_training("a", 4, 8, "nvidia-v100"), capped(1000), "1000 W is less than the 1200 W"),
    ],
)
def test_a_cap_below_the_smallest_draw_is_refused(job: object, policies: dict[str, PolicyRow], message: str) -> None:
    cluster = Cluster((a_node("t4-0", labels={"rack": "a"}), a_node("v100-0", gpus=4)))
    error = planned(job, cluster=cluster, policies=policies)["a"].error  # type: ignore[arg-type]
    assert isinstance(error, InvalidInput)
    assert message in str(error)


def test_training_takes_no_more_workers_than_the_cap_lets_run() -> None:
    cluster = a_cluster(v100=2, gpus=4)
    free = planned(a_training("a"), cluster=cluster)["a"]
    held = planned(a_training("a"), cluster=cluster, policies=capped(1000))["a"]
    own = planned(a_training("a").spec(powerCapWatts=700), cluster=cluster)["a"]
    assert [len(nodes(plan)) for plan in (free, held, own)] == [8, 3, 2]
    assert start(held) == 0.0


# --- quota -----------------------------------------------------------------------------------------------------------


def test_a_used_up_quota_holds_back_until_the_namespaces_own_work_ends() -> None:
    quota = Quota("gpus", Demand(math.inf, math.inf, 2.0), Demand(gpus=1.0))
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 4)
    states = [a_state(gpu_job("runs"), {"t": running}), a_state(gpu_job("held")), a_state(gpu_job("b"), namespace="x")]
    found = planned(*states, cluster=a_cluster(t4=4), quotas={"ns": (quota,)})
    assert (start(found["held"]), found["held"].waiting) == (6.0, {"t": "QuotaExceeded"})
    assert start(found["b"]) == 0.0


def test_a_quota_that_can_never_hold_it_is_waited_for_until_further_notice() -> None:
    quota = Quota("none", Demand(math.inf, math.inf, 0.0))
    found = planned(gpu_job("a"), cluster=a_cluster(t4=1), quotas={"ns": (quota,)})["a"]
    assert (found.error, found.held, found.waiting) == (None, ("t",), {"t": "QuotaExceeded"})


def test_what_others_use_of_a_quota_is_not_there_and_the_quota_is_named() -> None:
    quota = Quota("gpus", Demand(math.inf, math.inf, 3.0), Demand(gpus=2.0))
    found = planned(gpu_job("a"), gpu_job("b"), cluster=a_cluster(t4=4), quotas={"ns": (quota,)})
    late = next(own for own in found.values() if start(own) > 0)
    assert (start(late), late.limits) == (10.0, {"t": "ResourceQuota gpus (GPUs: asked 1, used 3 of 3)"})


def test_a_quota_of_pods_counts_workers() -> None:
    quota = Quota("few", Demand(math.inf, math.inf, math.inf), pods=4.0, used_pods=1.0)
    job = a_job("a").task("t").gpus(1, "nvidia-t4").workers(2, 2).runtime({"nvidia-t4": 10})
    other = a_job("b").task("t").gpus(1, "nvidia-t4").workers(2, 2).runtime({"nvidia-t4": 10})
    found = planned(job, other, cluster=a_cluster(t4=2), quotas={"ns": (quota,)})
    assert sorted(start(own) for own in found.values()) == [0.0, 10.0]


@pytest.mark.parametrize("strategy", ["Auto", "heft"])
def test_training_gets_as_many_workers_as_its_quota_holds(strategy: str) -> None:
    quota = Quota("gpus", Demand(math.inf, math.inf, 5.0), Demand(gpus=2.0))
    found = planned(a_training("a").strategy(strategy), cluster=a_cluster(t4=2), quotas={"ns": (quota,)})["a"]
    assert (start(found), len(nodes(found)), found.held) == (0.0, 3, ())


def test_a_held_task_names_the_cap() -> None:
    found = planned(*(gpu_job(f"j{n}") for n in range(3)), cluster=a_cluster(t4=3), policies=capped(150))
    late = next(own for own in found.values() if start(own) > 0)
    assert late.limits == {"t": "spec.powerCaps.clusterWatts of SchedulingPolicy Balanced"}


@pytest.mark.parametrize(("watts", "waits"), [(899, True), (900, False)])
def test_of_training_on_several_types_a_group_counts_the_workers_that_it_has(watts: float, waits: bool) -> None:
    v100s = (a_node(f"v100-{n}", gpus=2, labels={"rack": "v"}) for n in range(2))
    cluster = Cluster((*v100s, a_node("t4-0", gpus=3, labels={"rack": "t"})))
    first = planned(a_training("a", 5, 5), cluster=Cluster((cluster.nodes[0], cluster.nodes[2])))["a"]
    own = TaskProgress("Running", "nvidia-t4", "nvidia-t4,nvidia-v100", nodes(first), 5, NOW)
    states = [a_state(a_training("a", 5, 5), {"t": own}), a_state(gpu_job("g", 50, "nvidia-v100"))]
    assert (start(planned(*states, cluster=cluster, policies=capped(watts, "v", rack="v"))["g"]) > 0.0) is waits


def test_training_that_is_sized_in_the_same_plan_counts_under_a_group_by_its_nodes() -> None:
    v100s = (a_node(f"v100-{n}", gpus=2, labels={"rack": "v"}) for n in range(2))
    cluster = Cluster((*v100s, a_node("t4-0", gpus=3, labels={"rack": "t"})))
    states = [a_state(a_training("a", 4, 4), age=1000), a_state(gpu_job("g", 50, "nvidia-v100"))]
    found = planned(*states, cluster=cluster, policies=capped(750, "v", rack="v"))
    assert sorted(nodes(found["a"])) == ["t4-0", "t4-0", "v100-0", "v100-0"]
    assert start(found["g"]) == found["a"].schedule.assignments["t"].finish - NOW
