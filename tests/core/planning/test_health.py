"""Plans go round nodes that are too hot, as the extender does; not without another node, or without a sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clusters import a_cluster
from heterosched.model import Telemetry
from heterosched.policy.table import BUILT_IN
from manifests import a_job
from planned import NOW, gpu_job, nodes, planned


def sampled(age: float = 0.0, **metrics: dict[str, float]) -> Telemetry:
    names = tuple(sorted({name for values in metrics.values() for name in values}))
    values = {metric: np.array([own.get(name, np.nan) for name in names]) for metric, own in metrics.items()}
    return Telemetry(names, values, {metric: np.full(len(names), NOW - age) for metric in metrics}, NOW)


TWO = a_cluster(t4=2)
HOT = {"t4-0": 91.0, "t4-1": 55.0}


@pytest.mark.parametrize(
    ("telemetry", "node", "reason"),
    [
        (sampled(gpu_temperature=HOT), "t4-1", "a GPU is at its limit of 90 degrees Celsius"),
        (sampled(gpu_throttling={"t4-0": 1.0, "t4-1": 0.0}), "t4-1", "a GPU throttles for heat or a power brake"),
        (sampled(gpu_temperature={"t4-0": 89.9}), "t4-0", ""),
        (sampled(age=61.0, gpu_temperature=HOT), "t4-0", ""),
        (sampled(gpu_temperature={"t4-0": np.nan}), "t4-0", ""),
        (Telemetry(error="Prometheus does not answer"), "t4-0", ""),
    ],
)
def test_a_node_at_its_limit_gets_nothing_new(telemetry: Telemetry, node: str, reason: str) -> None:
    found = planned(gpu_job("a"), cluster=TWO, telemetry=telemetry)["a"]
    assert nodes(found) == (node,)
    assert found.avoided.get("t4-0", "") == reason


def test_the_limit_is_the_policys() -> None:
    rows = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], limit_celsius=95.0)}
    assert nodes(planned(gpu_job("a"), cluster=TWO, telemetry=sampled(gpu_temperature=HOT), policies=rows)["a"]) == (
        "t4-0",
    )


def test_better_a_hot_node_than_none() -> None:
    every = sampled(gpu_temperature={"t4-0": 91.0, "t4-1": 99.0})
    found = planned(gpu_job("a"), cluster=TWO, telemetry=every)["a"]
    assert found.error is None
    assert found.cornered == {"t": ("t4-0", "t4-1")}


def test_a_task_with_other_nodes_is_not_cornered_and_one_without_names_only_those_that_it_could_use() -> None:
    job = a_job("a").task("any").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 5, "nvidia-v100": 3})
    job = job.task("one").gpus(1, "nvidia-v100").runtime({"nvidia-v100": 3})
    both = sampled(gpu_temperature={"t4-0": 91.0, "t4-1": 55.0, "v100-0": 91.0})
    found = planned(job, cluster=a_cluster(t4=2, v100=1), telemetry=both)["a"]
    assert found.cornered == {"one": ("v100-0",)}
    assert found.schedule.assignments["any"].nodes == ("t4-1",)


def test_workers_that_do_not_fit_on_cool_nodes_together_may_use_hot_ones() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").workers(4, 4).runtime({"nvidia-t4": 5})
    found = planned(job, cluster=a_cluster(t4=2), telemetry=sampled(gpu_temperature=HOT))["a"]
    assert found.cornered == {"t": ("t4-0",)}
    assert set(nodes(found)) == {"t4-0", "t4-1"}


def test_work_without_gpus_does_not_mind() -> None:
    job = a_job("a").task("t").cpus(1).runtime({"cpu": 5})
    assert nodes(planned(job, cluster=TWO, telemetry=sampled(gpu_temperature=HOT))["a"]) == ("t4-0",)


def test_a_node_that_was_at_its_limit_is_avoided_until_it_is_below_the_warning() -> None:
    plans = planned(gpu_job("a"), cluster=TWO, telemetry=sampled(gpu_temperature=HOT))
    cooler, cool = ({"t4-0": celsius, "t4-1": 55.0} for celsius in (85.0, 79.0))
    plans = planned(gpu_job("b"), cluster=TWO, telemetry=sampled(gpu_temperature=cooler), previous=plans)
    assert plans["b"].avoided == {"t4-0": "a GPU that was at its limit is not below 80 degrees Celsius yet"}
    plans = planned(gpu_job("c"), cluster=TWO, telemetry=sampled(gpu_temperature=cool), previous=plans)
    assert plans["c"].avoided == {}
