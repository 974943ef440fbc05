"""`heterosched top` shows what nodes hold by their pods and draw as measured, and does without the latter."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

import pytest

from answering import answering
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.units import format_duration
from heterosched_cli import top
from heterosched_cli.devices import Device, Devices, Sample
from heterosched_cli.live_objects import readable
from heterosched_cli.options import SortBy
from heterosched_cli.top_data import Use, by_device, in_order, uses_of

Json = dict[str, Any]


def a_node(name: str, product: str = "", ready: str = "True") -> Json:
    gpus = {"nvidia.com/gpu": "4"} if product else {}
    return {
        "metadata": {"name": name, "labels": {"nvidia.com/gpu.product": product} if product else {}},
        "status": {
            "allocatable": {"cpu": "8", "memory": "16Gi", **gpus},
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def a_pod(name: str, node: str, job: str = "", gpus: int = 0, phase: str = "Running") -> Json:
    limits = {"limits": {"nvidia.com/gpu": gpus}} if gpus else {}
    return {
        "metadata": {"name": name, "namespace": "team", "labels": {"heterosched.io/job": job} if job else {}},
        "spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": "2"}, **limits}}]},
        "status": {"phase": phase},
    }


NODES = [a_node("t4-0", "Tesla-T4"), a_node("t4-1", "Tesla-T4", "False"), a_node("cpu-0")]
PODS = [
    a_pod("a", "t4-0", "fit", 2),
    a_pod("b", "t4-0", "fit", 1),
    a_pod("c", "cpu-0"),
    a_pod("done", "cpu-0", "old", phase="Succeeded"),
    a_pod("waits", ""),
]
FIGURES = {
    "gpu_temperature": (70.0, 3.0),
    "gpu_watts": (140.0, 9.0),
    "host_watts": (60.0, 4.0),
    "host_load": (0.5, 2.0),
}
HOT = Device(
    node="t4-0",
    device="nvidia-t4",
    measured={metric: age for metric, (_, age) in FIGURES.items()} | {"numa_topology": 9000.0},
    samples={metric: Sample(value=value, age_seconds=age) for metric, (value, age) in FIGURES.items()},
)
TOLD = Devices(nodes=[HOT])


def uses(told: Devices | None = TOLD) -> dict[str, Use]:
    return {use.name: use for use in uses_of(readable(NODES, NodeObject), readable(PODS, PodObject), told)}


def test_a_node_holds_its_unfinished_pods_and_draws_what_is_measured() -> None:
    own = uses()["t4-0"]
    assert (own.jobs, own.pods, own.held.gpus, own.held.cpu, own.offered.gpus) == (
        frozenset({"team/fit"}),
        2,
        3.0,
        4.0,
        4.0,
    )
    assert (own.watts, own.celsius, own.load, own.cpu, own.age) == (200, 70, 0.5, None, 9)
    assert (uses()["cpu-0"].pods, uses()["cpu-0"].jobs) == (1, frozenset())
    assert uses()["t4-1"].unready == 1


def test_without_telemetry_pods_stand_all_the_same() -> None:
    own = uses(None)["t4-0"]
    assert (own.device, own.pods, own.watts, own.age, own.measured) == ("nvidia-t4", 2, None, None, 0)


def test_kinds_of_devices_add_up_what_their_nodes_hold_and_draw() -> None:
    kinds = {use.device: use for use in by_device(uses().values())}
    own = kinds["nvidia-t4"]
    assert (own.nodes, own.unready, own.pods, own.held.gpus, own.offered.gpus, own.watts) == (2, 1, 2, 3, 8, 200)
    assert top.cells(own, wide=True)[:3] == ["2", "nvidia-t4", "1"]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        (None, ["cpu-0", "t4-0", "t4-1"]),
        (SortBy.DEVICE, ["cpu-0", "t4-0", "t4-1"]),
        (SortBy.GPUS, ["t4-0", "cpu-0", "t4-1"]),
        (SortBy.WATTS, ["t4-0", "cpu-0", "t4-1"]),
        (SortBy.PODS, ["t4-0", "cpu-0", "t4-1"]),
    ],
)
def test_figures_are_sorted_from_the_largest_on_and_what_is_unknown_comes_last(
    by: SortBy | None, names: list[str]
) -> None:
    assert [use.name for use in in_order(uses().values(), by)] == names


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server with these nodes and pods."""

    def ask(question: Awaitable[Any], *_: Any) -> tuple[list[Json], list[Json]]:
        return NODES, PODS

    monkeypatch.setattr(top, "ask", ask)


@pytest.mark.usefixtures("cluster")
def test_the_table_has_every_node_and_a_summary(cli: Any) -> None:
    answer = {
        "nodes": [
            {
                "node": "t4-0",
                "device": "nvidia-t4",
                "measured": {"gpu_watts": 9.0},
                "samples": {"gpu_watts": {"value": 140.0, "ageSeconds": 9.0}},
            }
        ]
    }
    with answering({"/v1/capabilities": json.dumps(answer).encode()}) as (url, asked):
        result = cli("top", "--extender", url, "--sort-by", "watts")
        data = json.loads(cli("top", "t4-0", "--extender", url, "-o", "json").stdout)
        names = cli("top", "--extender", url, "-o", "name").stdout.split()
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["NODE", *top.COLUMNS]
    row = ["t4-0", "nvidia-t4", "1", "2", "4/8", "3/4", "-", "-", "140", "-", "-", format_duration(9.0)]
    assert lines[1].split() == row
    assert (
        lines[-1] == "3 nodes (1 not ready, or cordoned), 3 pods on them, of 1 HeteroJob; 140 W measured on 1 of them"
    )
    assert "node=t4-0" in asked[1]
    assert (data["nodes"][0]["gpuWatts"], data["nodes"][0]["jobs"]) == (140, ["team/fit"])
    assert names == ["node/cpu-0", "node/t4-0", "node/t4-1"]


@pytest.mark.usefixtures("cluster")
def test_a_silent_extender_is_told_and_no_failure(cli: Any) -> None:
    result = cli("top", "--extender", "http://127.0.0.1:9")
    assert result.exit_code == 0
    assert "no telemetry, pods alone are shown: extender http://127.0.0.1:9 does not answer" in result.stderr
    data = json.loads(cli("top", "--devices", "--extender", "http://127.0.0.1:9", "-o", "json").stdout)
    assert "does not answer" in data["telemetryError"]
    assert {own["device"]: own["nodes"] for own in data["devices"]} == {"nvidia-t4": 2, "cpu": 1}


@pytest.mark.usefixtures("cluster")
def test_a_node_that_is_not_there_is_named(cli: Any) -> None:
    result = cli("top", "t4-0", "v100-7", "--extender", "http://127.0.0.1:9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no node v100-7 in the cluster" in result.stderr
