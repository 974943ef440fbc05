"""The exporter of the kind tests speaks as dcgm-exporter does: a series for each GPU, and the pod that holds it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dcgm_exporter import Board

NODE: dict[str, Any] = {
    "metadata": {"labels": {"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.count": "4"}, "annotations": {}}
}


def a_pod(name: str, gpus: int, running: bool = True) -> dict[str, Any]:
    state: dict[str, Any] = {"running": {}} if running else {"waiting": {}}
    limits = {"nvidia.com/gpu": f"{gpus}"} if gpus else {}
    return {
        "metadata": {"namespace": "team", "name": name},
        "spec": {"containers": [{"name": "main", "resources": {"limits": limits}}]},
        "status": {"containerStatuses": [{"name": "main", "state": state}]},
    }


def series(board: Board, metric: str) -> list[tuple[str, float]]:
    """The pod of each GPU and the figure, in the order of the GPUs."""
    families = {family.name: family for family in text_string_to_metric_families(board.text())}
    samples = sorted(families[metric].samples, key=lambda one: one.labels["gpu"])
    return [(sample.labels["pod"], sample.value) for sample in samples]


def test_gpus_that_a_pod_holds_bear_its_name_and_draw_more() -> None:
    board = Board("node-0")
    board.update(NODE, [a_pod("train", 2), a_pod("waits", 1, running=False), a_pod("plain", 0)])
    assert series(board, "DCGM_FI_DEV_POWER_USAGE") == [("train", 60.0), ("train", 60.0), ("", 20.0), ("", 20.0)]


def test_a_pod_keeps_its_gpus_and_gives_them_back() -> None:
    board = Board("node-0")
    board.update(NODE, [a_pod("first", 1), a_pod("second", 1)])
    board.update(NODE, [a_pod("second", 1), a_pod("third", 1)])
    assert [pod for pod, _ in series(board, "DCGM_FI_DEV_GPU_UTIL")] == ["third", "second", "", ""]
    board.update(NODE, [])
    assert {pod for pod, _ in series(board, "DCGM_FI_DEV_GPU_UTIL")} == {""}


def test_energy_is_the_draw_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    board = Board("node-0")
    board.update(NODE, [a_pod("train", 1)])
    now[0] += 10.0
    board.update(NODE, [])
    now[0] += 5.0
    millijoules = [figure for _, figure in series(board, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION")]
    assert millijoules == [1000.0 * (10 * 60 + 5 * 20), *[1000.0 * 15 * 20] * 3]


def test_annotations_of_the_node_steer_it_and_nonsense_does_not() -> None:
    board = Board("node-0")
    notes = {"sim.heterosched.io/gpu-temp": "95", "sim.heterosched.io/busy-watts": "many"}
    board.update({"metadata": {**NODE["metadata"], "annotations": notes}}, [a_pod("train", 1)])
    assert series(board, "DCGM_FI_DEV_GPU_TEMP")[0] == ("train", 95.0)
    assert series(board, "DCGM_FI_DEV_POWER_USAGE")[0] == ("train", 60.0)
