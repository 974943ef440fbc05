"""Builders of decisions: a small cluster as arrays, a pod that wants a node, and the case that both make.

``a_case(gpus=2)`` is a pod of two GPUs with a plan for t4-1 on two T4, two V100 and one CPU node with telemetry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from heterosched.policy.decide import Asked, Case
from heterosched.policy.nodes import NodeArrays, Roster, Scene, Sensor, Shape
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched.policy.terms import Ask

AT = 1_700_000_000.0
"""When the decisions of tests are made, epoch seconds."""

NAMES = ("t4-0", "t4-1", "v100-0", "v100-1", "cpu-0")
SECONDS = {"nvidia-t4": 20.0, "nvidia-v100": 10.0}
WATTS = {"nvidia-t4": 70.0, "nvidia-v100": 300.0}


def some_nodes(**changes: Any) -> NodeArrays:
    """Five nodes: t4-0 half full, t4-1 and v100-0 empty, v100-1 with one GPU left, cpu-0 without any; v100-0 sleeps."""
    known: dict[str, Any] = {
        "devices": ("cpu", "nvidia-t4", "nvidia-v100"),
        "device": np.array([1, 1, 2, 2, 0]),
        "cores": np.array([32.0, 32.0, 32.0, 32.0, 64.0]),
        "memory": np.full(5, 128e9),
        "gpus": np.array([4.0, 4.0, 4.0, 4.0, 0.0]),
        "free_cores": np.array([16.0, 32.0, 32.0, 10.0, 60.0]),
        "free_memory": np.full(5, 100e9),
        "free_gpus": np.array([2.0, 4.0, 4.0, 1.0, 0.0]),
        "asleep": np.array([False, False, True, False, False]),
        "idle_watts": np.array([70.0, 70.0, 150.0, 150.0, 60.0]),
        "shapes": (Shape(1.0, 4.0, 8e9, 5), Shape(2.0, 8.0, 16e9, 3)),
    }
    return NodeArrays(**{**known, **changes})


def a_sensor(values: list[float], age: float = 5.0) -> Sensor:
    """Values of the five nodes, sampled ``age`` seconds ago; NaN where there is none."""
    found = np.array(values)
    sensor = Sensor.of(found, np.where(np.isnan(found), np.nan, AT - age))
    assert sensor is not None
    return sensor


def a_scene(**changes: Any) -> Scene:
    """The cluster with telemetry: t4-0 is warm, t4-1 busy, v100-1 silent."""
    nan = float("nan")
    known: dict[str, Any] = {
        "roster": Roster.of(1, NAMES),
        "nodes": some_nodes(),
        "sensors": {
            "host_load": a_sensor([0.1, 0.4, 0.2, nan, 0.05]),
            "host_cpu": a_sensor([0.2, 0.3, 0.1, nan, 0.1], age=12.0),
            "gpu_temperature": a_sensor([84.0, 60.0, 55.0, nan, nan]),
            "gpu_throttling": a_sensor([0.0, 0.0, 0.0, nan, nan]),
        },
    }
    return Scene(**{**known, **changes})


def an_ask(row: PolicyRow | None = None, **changes: Any) -> Ask:
    """One GPU, planned on t4-1 with an input on v100-0, by the Balanced policy."""
    known: dict[str, Any] = {
        "gpus": 1.0,
        "cores": 4.0,
        "memory": 8e9,
        "seconds": SECONDS,
        "watts": WATTS,
        "planned": (1,),
        "planned_device": "nvidia-t4",
        "inputs": (2,),
    }
    return Ask(**{"row": row or BUILT_IN["Balanced"], **known, **changes})


def a_case(row: PolicyRow | None = None, scene: Scene | None = None, ask: Ask | None = None, **changes: Any) -> Case:
    """The pod team/train-0 on the four GPU nodes; cpu-0 was turned down; some cores are hinted on t4-0."""
    asked = Asked(
        "team", "train-0", "uid-1", ask or an_ask(row), frozenset(SECONDS), origin="plan", job="team/train", task="fit"
    )
    known: dict[str, Any] = {
        "scene": scene or a_scene(),
        "asked": asked,
        "rows": np.array([0, 1, 2, 3]),
        "rejected": {"cpu-0": "offers cpu, the plan allows nvidia-t4, nvidia-v100"},
        "filtered_at": AT - 0.01,
        "scored_at": AT,
        "hinted": np.array([3.0, 0.0, 0.0, 0.0, 0.0]),
        "bound": "t4-1",
    }
    return Case(**{**known, **changes})
