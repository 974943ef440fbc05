"""A run is measured whole or not at all, and who else held GPUs of its node is told by the pods that were there."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from heterosched.kube.objects import NodeObject, PodObject
from heterosched.model import DEVICE_TYPES, Demand, DeviceType, Node, PowerModel
from heterosched.telemetry.energy import EnergyMeter, Measurement, PodRun
from heterosched.telemetry.settings import TelemetrySettings
from heterosched.units import format_time
from heterosched_operator.measuring import Meter, runs_of
from heterosched_operator.store import Store
from heterosched_operator.world import AttemptKey, Energy, Rules
from simulated import START

KEY = ("uid", "t", 0)
V100 = {"v100-0": Node("v100-0", "nvidia-v100", Demand(16, 64 * 2**30, 4))}


def a_pod(name: str, start: float, finish: float | None, gpus: int = 1, node: str = "v100-0") -> PodObject:
    """A pod with times in seconds after START; without a finish it still runs."""
    state: dict[str, Any] = {"running": {"startedAt": format_time(START + start)}}
    if finish is not None:
        times = {"startedAt": format_time(START + start), "finishedAt": format_time(START + finish)}
        state = {"terminated": {**times, "exitCode": 0}}
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    raw = {
        "metadata": {"name": name, "namespace": "ns", "uid": name},
        "spec": {"nodeName": node, "containers": [{"name": "main", "resources": resources}]},
        "status": {
            "phase": "Running" if finish is None else "Succeeded",
            "startTime": format_time(START + start),
            "containerStatuses": [{"name": "main", "state": state}],
        },
    }
    return msgspec.convert(raw, PodObject)


@pytest.mark.parametrize(
    ("other", "held"),
    [
        (a_pod("early", -50, -10), 0.0),
        (a_pod("half", 50, 200, gpus=2), 1.0),
        (a_pod("running", 25, None), 0.75),
        (a_pod("elsewhere", 0, 100, node="v100-1"), 0.0),
        (a_pod("cpu", 0, 100, gpus=0), 0.0),
    ],
)
def test_others_are_the_gpus_held_beside_the_run_on_the_mean(other: PodObject, held: float) -> None:
    own = a_pod("own", 0, 100)
    (run,) = runs_of([own], [own, other], V100, DEVICE_TYPES, START + 100.0)
    assert run == PodRun("ns", "own", "v100-0", START, START + 100.0, gpus=1.0, others=held, idle_watts=30.0)


def test_a_device_without_known_idle_draw_is_not_split() -> None:
    own = a_pod("own", 0, 100)
    (run,) = runs_of([own], [own], {"v100-0": Node("v100-0", "acme-npu", Demand(16, 2**30, 4))}, DEVICE_TYPES, START)
    assert run is not None
    assert run.others is None


def test_a_pod_that_has_not_ended_has_no_run() -> None:
    assert runs_of([a_pod("own", 0, None)], [], V100, DEVICE_TYPES, START) == [None]


GPU_RUN = PodRun("ns", "a", "v100-0", 0.0, 10.0, gpus=1.0)
CPU_RUN = PodRun("ns", "b", "cpu-0", 0.0, 10.0)


@pytest.mark.parametrize(
    ("runs", "kepler", "joules"),
    [
        ([GPU_RUN, GPU_RUN], False, 200.0),
        ([GPU_RUN, None], False, None),
        ([CPU_RUN], False, None),
        ([CPU_RUN], True, 100.0),
        ([], True, None),
    ],
)
async def test_the_sum_is_over_all_pods_or_there_is_none(
    runs: list[PodRun | None], kepler: bool, joules: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measure(self: EnergyMeter, run: PodRun) -> Measurement:
        return Measurement(100.0, 5, 1, 1.0, "power")

    monkeypatch.setattr(EnergyMeter, "measure", measure)
    found: dict[AttemptKey, Energy] = {}
    meter = Meter(TelemetrySettings(), found.__setitem__, lambda _: None, delay=0.0, gap=1.0)
    meter._cpus = kepler
    meter.start(KEY, runs)
    for _ in range(20):
        await asyncio.sleep(0)
    assert found == {KEY: Energy(joules)}


async def test_a_measurement_that_fails_in_any_way_leaves_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measure(self: EnergyMeter, run: PodRun) -> Measurement:
        raise ZeroDivisionError

    monkeypatch.setattr(EnergyMeter, "measure", measure)
    found: dict[AttemptKey, Energy] = {}
    Meter(TelemetrySettings(), found.__setitem__, lambda _: None, delay=0.0, gap=1.0).start(KEY, [GPU_RUN])
    for _ in range(20):
        await asyncio.sleep(0)
    assert found == {KEY: Energy(None)}


def test_the_clusters_watts_are_told_by_origin_and_held_gpus_count_as_busy() -> None:
    nowhere: Any = None
    store = Store(nowhere, Rules(), lambda: None)
    store._nodes.update(V100)
    assert store.drawn(START) == {"measured": 0.0, "curve": 0.0, "table": 4 * 30.0 + 15.0}
    store.pods._items["ns/a"] = a_pod("a", 0, None, gpus=2)
    store.pods._items["ns/b"] = a_pod("b", 0, 5, gpus=2)
    assert store.drawn(START)["table"] == 2 * 300.0 + 2 * 30.0 + 15.0


def test_a_users_rows_name_the_nodes_devices_and_their_watts() -> None:
    nowhere: Any = None
    own = DeviceType("acme", ("acme-9",), PowerModel(25.0, 900.0), 2.0**37, 6.0)
    store = Store(nowhere, Rules(), lambda: None, DEVICE_TYPES.with_rows([own]))
    raw = {
        "metadata": {"name": "a", "labels": {"nvidia.com/gpu.product": "ACME-9"}},
        "status": {"allocatable": {"cpu": "16", "nvidia.com/gpu": "2"}},
    }
    store._on_node(None, msgspec.convert(raw, NodeObject))
    cluster = store.world(START).cluster
    assert [node.device for node in cluster.nodes] == ["acme"]
    assert cluster.devices["acme"] == own
    assert store.drawn(START)["table"] == 2 * 25.0 + 15.0
