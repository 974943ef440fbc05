"""The truth of the demo: near the manifests' figures but not at them, the same for a seed, by device, for each size."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

import truth
from heterosched.model.devices import CPU, DEVICE_TYPES
from manifests import a_job


def figures(seed: int, *manifests: dict[str, Any]) -> dict[str, truth.Figures]:
    return truth.build_truth(manifests, random.Random(seed))


PLAIN = a_job("plain").task("t").runtime({"cpu": 100, "nvidia-t4": 10}).manifest()
TRAINING = (
    a_job("deep")
    .task("train")
    .workers(2, 4)
    .training({"nvidia-v100": 400}, globalBatch=400, iterations=10, gradientBytes="125M")
    .manifest()
)


def test_the_same_seed_gives_the_same_truth_and_another_one_another() -> None:
    assert figures(1, PLAIN, TRAINING) == figures(1, PLAIN, TRAINING)
    assert figures(1, PLAIN) != figures(2, PLAIN)


def test_a_task_is_as_much_slower_on_every_device_so_that_none_is_favoured() -> None:
    found = figures(3, PLAIN)["plain.t"]
    slower = {found[CPU][0] / 100, found["nvidia-t4"][0] / 10}
    assert max(slower) == pytest.approx(min(slower))
    assert 0.7 < min(slower) < 1.4
    assert min(slower) != 1.0


def test_watts_that_a_manifest_gives_are_near_the_true_ones_and_others_come_from_the_table() -> None:
    rows = [{"device": "nvidia-t4", "seconds": 10, "watts": 55}, {"device": "nvidia-v100", "seconds": 5}]
    found = figures(4, a_job("told").task("t", work={"runtimeOn": rows}).manifest())["told.t"]
    hungrier = found["nvidia-t4"][1] / 55
    assert 0.7 < hungrier < 1.4
    assert found["nvidia-v100"][1] == pytest.approx(hungrier * DEVICE_TYPES["nvidia-v100"].busy_watts)


def test_a_training_has_a_truth_for_each_number_of_workers() -> None:
    found = figures(5, TRAINING)
    assert {key for key in found if not key.endswith(truth.TOGETHER)} == {
        "deep.train.2",
        "deep.train.3",
        "deep.train.4",
    }
    seconds = {key: row["nvidia-v100"][0] for key, row in found.items()}
    compute = {n: seconds[f"deep.train.{n}"] - 10 * 2 * (n - 1) / n * 125e6 / 1.25e9 for n in (2, 3, 4)}
    assert compute[2] * 2 == pytest.approx(compute[3] * 3) == pytest.approx(compute[4] * 4)


def test_workers_on_one_node_exchange_their_gradients_in_no_time() -> None:
    found = figures(5, TRAINING)
    for n in (2, 3, 4):
        apart, together = (found[f"deep.train.{n}{end}"]["nvidia-v100"][0] for end in ("", truth.TOGETHER))
        assert apart - together == pytest.approx(10 * 2 * (n - 1) / n * 125e6 / 1.25e9)


def test_repeats_are_near_each_other_and_farther_from_what_was_published() -> None:
    names = [a_job(f"repeat-{number}").task("t").manifest() for number in range(3)]
    found = truth.build_repeated(names, "nvidia-t4", (20.0, 75.0), random.Random(2))
    seconds = [found[f"repeat-{number}.t"]["nvidia-t4"][0] for number in range(3)]
    assert len(set(seconds)) == 3
    assert max(seconds) / min(seconds) < 1.15
    assert all(14.0 < value < 28.0 for value in seconds)


def test_the_watts_of_a_training_are_near_the_told_ones_and_the_same_for_every_size() -> None:
    watts = [{row["nvidia-v100"][1] for row in figures(seed, TRAINING).values()} for seed in range(6, 9)]
    assert all(len(of_all_sizes) == 1 for of_all_sizes in watts)
    factors = {of_all_sizes.pop() / DEVICE_TYPES["nvidia-v100"].busy_watts for of_all_sizes in watts}
    assert len(factors) == 3
    assert all(0.7 < factor < 1.4 for factor in factors)


def test_the_simulated_hardware_gets_short_names_and_a_star_for_the_cpu() -> None:
    config = truth.build_manifests({"plain.t": {CPU: (100.0, 50.0), "nvidia-t4": (10.0, 60.1234)}}, "demo")[0]
    assert config["metadata"]["namespace"] == "demo"
    assert json.loads(config["data"]["plain.t.seconds"]) == {"*": 100.0, "t4": 10.0}
    assert json.loads(config["data"]["plain.t.watts"]) == {"*": 50.0, "t4": 60.123}


def test_no_pod_of_a_task_is_let_in_without_its_truth() -> None:
    config, policy, binding = truth.build_manifests({}, "demo")
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert "heterosched.io/task" in policy["spec"]["matchConditions"][0]["expression"]
    reference = binding["spec"]["paramRef"]
    assert (reference["name"], reference["namespace"]) == (config["metadata"]["name"], "demo")
    assert reference["parameterNotFoundAction"] == "Deny"
