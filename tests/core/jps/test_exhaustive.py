"""Where there are few plans the best fair one is proven to be that, and one figure says so everywhere."""

from __future__ import annotations

import math

import numpy as np

from clusters import a_cluster
from heterosched.jps import Answer, Links, Parameters, Speed, TrainingJob, Worker, build_instance, solve
from planned import a_training, planned


def unlike(wanted: Parameters) -> Answer:
    """A tiny and a large job on two nodes of two GPUs each: the fastest plan is unfair."""
    workers = [Worker(f"{node}/{slot}", node, "t4") for node in ("n0", "n1") for slot in (0, 1)]
    asked = [TrainingJob("x", 64, 10, 1e7, 1, 4), TrainingJob("y", 64, 1000, 1e7, 1, 4)]
    speeds = {"t4": Speed(100, 70)}
    links = Links.by_node([worker.node for worker in workers], math.inf, 1.25e9)
    instance = build_instance(asked, workers, {"x": speeds, "y": speeds}, links=links)
    return solve(instance, wanted, np.random.default_rng(0))


def test_the_best_fair_plan_of_a_tiny_instance_has_no_gap_by_score() -> None:
    for answer in (unlike(Parameters()), unlike(Parameters(energy_weight=0.5)), unlike(Parameters(beta=0.5))):
        assert (answer.method, answer.optimal, answer.fair) == ("enumerated", True, True)
        assert answer.score_gap_percent == 0.0
        assert ", optimal; " in answer.reason
    assert unlike(Parameters()).gap_percent > 10.0
    assert unlike(Parameters(fairness_floor=0.0)).method == "typed-dp"


def test_sampling_proves_no_more_than_its_bound() -> None:
    answer = unlike(Parameters(mode="guided"))
    assert answer.score_gap_percent is not None and answer.score_gap_percent > 10.0
    assert f"gapPercent {answer.score_gap_percent:.3g} (" in answer.reason


def test_the_plan_and_its_reason_tell_the_same_gap() -> None:
    jobs = [a_training("x", 1, 4, "nvidia-t4", iterations=10), a_training("y", 1, 4, "nvidia-t4")]
    for own in planned(*jobs, cluster=a_cluster(t4=2)).values():
        assert own.gap_percent == 0.0
        assert ", optimal; " in own.because["t"]
