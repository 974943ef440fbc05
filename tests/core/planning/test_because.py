"""Every assignment says why: its way, the best other one, and what weighed; the text stays while the decision does."""

from __future__ import annotations

import msgspec
import pytest

from clusters import a_cluster
from heterosched.api import ThroughputProfile
from heterosched.model import Reservation
from heterosched.model.cluster import Demand
from manifests import JobBuilder, a_job, a_profile
from planned import NOW, a_state, a_training, gpu_job, planned


def a_choice() -> JobBuilder:
    return a_job("a").task("t").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 20, "nvidia-v100": 8})


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (
            "Performance",
            "nvidia-v100 (8 s, 2400 J); better by time than nvidia-t4 (20 s, 1400 J)",
        ),
        ("Energy", "nvidia-t4 (20 s, 1400 J); better by time 0 and energy 50 than nvidia-v100 (8 s, 2400 J)"),
    ],
)
def test_the_runner_up_and_the_weights_are_named(policy: str, reason: str) -> None:
    assert planned(a_choice().policy(policy), cluster=a_cluster(t4=1, v100=1))["a"].because == {"t": reason}


def test_a_better_way_that_is_taken_is_named_too() -> None:
    cluster = a_cluster(Reservation("v100-0", Demand(gpus=2), NOW, NOW + 900), t4=1, v100=1)
    told = planned(a_choice().policy("Performance"), cluster=cluster)["a"].because["t"]
    assert told == (
        "nvidia-t4 (20 s, 1400 J); nvidia-v100 (8 s, 2400 J) would be better by time but portfolio found it taken, "
        "farther off, of more use to another task"
    )


def test_the_only_way_needs_no_comparison() -> None:
    assert planned(gpu_job("a"), cluster=a_cluster(t4=1))["a"].because["t"].endswith("it is the only way to run it")


def test_seconds_that_runs_taught_say_so_and_how_sure_they_are() -> None:
    manifest = a_profile("p", "ns", devices=[{"device": "nvidia-t4", "seconds": "30", "origin": "estimated"}])
    row = {"device": "nvidia-t4", "seconds": "20", "samples": 3, "confidencePercent": 75, "origin": "simulated"}
    known = {("ns", "p"): msgspec.convert({**manifest, "status": {"devices": [row]}}, ThroughputProfile)}
    job = a_job("a").task("t", work={"profile": "p"}).gpus(1, "nvidia-t4")
    told = planned(job, cluster=a_cluster(t4=1), profiles=known)["a"].because["t"]
    assert told.startswith("nvidia-t4 (20 s by finished runs, 75 % sure, ")


def test_training_tells_its_workers_and_how_good_the_sizes_are() -> None:
    told = planned(a_training("a").policy("Performance"), cluster=a_cluster(v100=1, gpus=4))["a"].because["t"]
    assert told.startswith("4 nvidia-v100: ")
    assert "JPS: 1 jobs on 4 workers by typed-dp" in told


def test_no_time_that_passes_stands_in_it() -> None:
    cluster = a_cluster(t4=1, v100=1)
    assert (
        planned(a_choice(), cluster=cluster)["a"].because
        == planned(a_choice(), cluster=cluster, now=NOW + 77)["a"].because
    )


def test_a_strategy_that_does_not_look_at_energy_or_at_devices_claims_nothing_of_the_kind() -> None:
    cluster = a_cluster(t4=1, v100=1)
    fastest = planned(a_choice().policy("Energy").strategy("heft"), cluster=cluster)["a"].because["t"]
    assert fastest == "nvidia-v100 (8 s, 2400 J); better by time than nvidia-t4 (20 s, 1400 J)"
    turns = planned(a_choice().policy("Energy").strategy("round_robin"), cluster=cluster)["a"].because["t"]
    assert turns.endswith("would be better by time but round_robin does not compare them")


def test_a_way_that_a_deadline_asked_for_says_so_for_as_long_as_it_is_kept() -> None:
    cluster = a_cluster(t4=1, v100=1)
    job = a_choice().policy("Energy").deadline(within="10s")
    first = planned(a_state(job, age=0.0), cluster=cluster)
    assert first["a"].because["t"].endswith("of more use to another task or too slow for the deadline")
    again = planned(a_state(job, age=0.0), cluster=cluster, previous=first)
    assert again["a"].because == first["a"].because


def test_a_way_that_a_budget_asked_for_says_so() -> None:
    job = a_choice().policy("Performance").spec(energyBudgetJoules=1500)
    told = planned(job, cluster=a_cluster(t4=1, v100=1))["a"].because["t"]
    assert told.endswith("but the deadline or the energy budget asked for this one")
