"""A pod that a node at a limit could take is told what would keep it off, unless it asks the entry that does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cases import a_case, a_scene, a_sensor, an_ask
from heterosched.policy.decide import Case
from heterosched.policy.remarks import remarks

HEAT = [95.0, 60.0, 97.0, 91.0, float("nan")]
HINT = (
    ": that lowers the score and no more; only the strict entry can hold to it: let the pod ask for "
    "heterosched.io/strict, or give its HeteroJob a SchedulingPolicy with spec.thermal.exclusion Required"
)


def hot(heat: list[float] = HEAT, **changes: object) -> Case:
    scene = a_scene(sensors={"gpu_temperature": a_sensor(heat)})
    return a_case(scene=scene, **changes)  # type: ignore[arg-type]


def told(case: Case) -> list[str]:
    return [remark for remark in remarks(case) if "strict entry" in remark]


def at(node: str, celsius: int) -> str:
    return f"{node} (a GPU is at {celsius} degrees Celsius, the limit is 90)"


def test_candidates_at_a_limit_are_named_with_the_remedy_the_bound_one_first() -> None:
    names = [at("t4-0", 95), at("v100-0", 97), at("v100-1", 91)]
    assert told(hot()) == [", ".join(names) + HINT]
    assert told(hot(bound="v100-1")) == [", ".join([names[2], names[0], names[1]]) + HINT]


@pytest.mark.parametrize(
    "case",
    [hot(strict=True), hot([60.0] * 5), hot(ask=an_ask(gpus=0.0)), hot(rows=np.array([1]))],
    ids=["strict", "cool", "without GPUs", "another candidate alone"],
)
def test_where_nothing_is_to_be_held_to_nothing_is_told(case: Case) -> None:
    assert told(case) == []


def test_more_candidates_than_anybody_reads_are_counted() -> None:
    case = hot([95.0] * 5)
    (remark,) = told(replace(case, rows=np.array([0, 1, 2, 3])))
    assert f"{at('v100-0', 95)} and 1 more: that lowers" in remark
