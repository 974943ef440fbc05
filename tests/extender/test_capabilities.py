"""Each node's figures are named measured, estimated or unavailable, the last with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extender_calls import NOW, a_node, a_snapshot, a_world, node_object, telemetry_of
from heterosched_extender.capabilities import capabilities


def test_a_fresh_sample_is_measured_and_an_old_or_missing_one_says_why() -> None:
    telemetry = telemetry_of(NOW - 10, gpu_temperature={"t4-0": 60.0})
    snapshot = a_snapshot(telemetry, t4=2)
    first, second = capabilities(snapshot, NOW).nodes
    assert first.measured == {"gpu_temperature": 10.0}
    assert second.unavailable["gpu_temperature"] == "no series is about this node"
    assert second.unavailable["host_load"] == "no exporter publishes it for any node"
    later = capabilities(snapshot, NOW + 100, asked=["t4-0"]).nodes
    assert later[0].unavailable["gpu_temperature"] == "the last sample is 110 s old"


def test_a_node_without_gpus_misses_none() -> None:
    cpu, gpu = capabilities(a_snapshot(cpu=1, t4=1), NOW).nodes
    assert [name for name in cpu.unavailable if name.startswith("gpu_")] == []
    assert "host_cpu" in cpu.unavailable
    assert "gpu_temperature" in gpu.unavailable


def test_without_telemetry_the_reason_is_the_sources_own() -> None:
    found = capabilities(a_snapshot(t4=1), NOW)
    assert found.telemetry_error
    assert found.nodes[0].unavailable["host_cpu"] == found.telemetry_error


@pytest.mark.parametrize("kind", ["estimated", "unavailable"])
def test_idle_power_comes_from_the_device_table_or_not_at_all(kind: str) -> None:
    world = a_world("t4-0")
    manifest = a_node("odd-0")
    manifest["metadata"]["labels"]["nvidia.com/gpu.product"] = "NVIDIA-Future-9000"
    manifest["status"]["allocatable"]["nvidia.com/gpu"] = "4"
    world.put_node(node_object(manifest))
    node = "t4-0" if kind == "estimated" else "odd-0"
    (found,) = capabilities(world.snapshot(NOW), NOW, [node]).nodes
    assert "device table" in getattr(found, kind)["idle_watts"]


def test_totals_count_the_whole_cluster_whatever_is_shown() -> None:
    snapshot = a_snapshot(telemetry_of(NOW, host_load={"t4-0": 0.1, "t4-1": 0.2}), t4=3, cpu=2)
    found = capabilities(snapshot, NOW, limit=1)
    assert [one.node for one in found.nodes] == ["cpu-0"]
    assert found.totals["host_load"] == {"measured": 2, "unavailable": 3}
    assert found.totals["numa_topology"] == {"unavailable": 5}


def test_samples_are_told_with_value_and_age_however_old_they_are() -> None:
    old = telemetry_of(NOW - 200, gpu_temperature={"t4-0": 95.0}, **{"price/green": {"t4-0": 0.125}})
    first, second = capabilities(a_snapshot(old, t4=2), NOW).nodes
    assert first.measured == {}
    assert {metric: (own.value, own.age_seconds) for metric, own in first.samples.items()} == {
        "gpu_temperature": (95.0, 200.0),
        "price/green": (0.125, 200.0),
    }
    assert second.samples == {}


def test_watts_come_from_the_latest_collection_and_burden_no_snapshot() -> None:
    readings = telemetry_of(NOW - 5, gpu_watts={"t4-0": 61.5}, host_watts={"t4-1": 140.0})
    snapshot = a_snapshot(readings, t4=2)
    first, second = capabilities(snapshot, NOW, readings=readings).nodes
    assert (first.measured, first.samples["gpu_watts"].value) == ({"gpu_watts": 5.0}, 61.5)
    assert second.samples["host_watts"].value == 140.0
    assert not snapshot.sensors
    assert capabilities(snapshot, NOW + 100, readings=readings).nodes[0].measured == {}


def test_several_nodes_can_be_asked_for_and_the_version_is_told() -> None:
    found = capabilities(a_snapshot(t4=3), NOW, ["t4-2", "gone", "t4-0", "t4-2"], version="1.2.3")
    assert ([one.node for one in found.nodes], found.version) == (["t4-2", "t4-0"], "1.2.3")


def test_a_refused_query_is_the_reason_why_its_metric_is_unavailable_and_no_error_of_the_source() -> None:
    telemetry = replace(telemetry_of(NOW, host_cpu={"t4-0": 0.5}), refused={"gpu_temperature": "parse error"})
    found = capabilities(a_snapshot(telemetry, t4=1), NOW)
    assert found.nodes[0].unavailable["gpu_temperature"] == "parse error"
    assert found.telemetry_error == ""
