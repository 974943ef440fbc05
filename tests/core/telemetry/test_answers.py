"""Nothing that Prometheus says is believed unseen: what cannot be a measurement is rejected and counted."""

from __future__ import annotations

from typing import Any

import pytest

from heterosched.model.telemetry import GPU_XID
from heterosched.telemetry.answers import NodeNames, node_names, read
from heterosched.telemetry.queries import Query, table
from heterosched.telemetry.settings import Inventory

NOW = 1_764_000_000.0
INVENTORY = Inventory.of(
    [("t4-0", ["10.0.0.1", "t4-0.cluster.local"], 16.0), ("v100-3", ["10.0.0.2", "fd00::2"], 32.0), ("cpu-1", [], 64.0)]
)
NAMES = NodeNames(INVENTORY, {"10.9.9.9:9100": "cpu-1"})
WATTS = Query("watts", "times", 0.0, 3000.0, "sum")
CELSIUS = Query("celsius", "times", 0.0, 150.0, "max")
SHARE = Query("share", "times", 0.0, 1.0, "mean")
LOAD = Query("load", "times", 0.0, 1e5, per_core=True)


def vector(*series: tuple[dict[str, str], Any]) -> list[dict[str, Any]]:
    return [{"metric": labels, "value": [NOW, value]} for labels, value in series]


def gpu(node: str, index: int) -> dict[str, str]:
    return {"Hostname": node, "gpu": str(index), "UUID": f"GPU-{node}-{index}"}


def sampled(*ages: tuple[dict[str, str], float]) -> list[dict[str, Any]]:
    return vector(*((labels, f"{NOW - age:.3f}") for labels, age in ages))


def test_devices_of_a_node_are_combined_and_the_oldest_sample_counts() -> None:
    values = vector((gpu("v100-3", 0), "61"), (gpu("v100-3", 1), "84"), (gpu("t4-0", 0), "40"))
    times = sampled((gpu("v100-3", 0), 5.0), (gpu("v100-3", 1), 65.0), (gpu("t4-0", 0), 1.0))
    reading = read(CELSIUS, values, times, NAMES)
    assert reading.nodes == {"v100-3": (84.0, 65.0), "t4-0": (40.0, 1.0)}
    assert reading.rejected == 0
    assert read(WATTS, values, times, NAMES).nodes["v100-3"][0] == 145.0


@pytest.mark.parametrize(
    "broken",
    ["NaN", "+Inf", "-Inf", "-3", "9223372036854775794", "9.2e18", "ninety", "", None, [1, 2]],
)
def test_what_cannot_be_a_measurement_is_rejected_and_spares_the_others(broken: Any) -> None:
    values = vector((gpu("v100-3", 0), broken), (gpu("t4-0", 0), "40"))
    times = sampled((gpu("v100-3", 0), 0.0), (gpu("t4-0", 0), 0.0))
    reading = read(CELSIUS, values, times, NAMES)
    assert reading.nodes == {"t4-0": (40.0, 0.0)}
    assert reading.rejected == 1


def test_a_total_with_a_broken_part_is_no_total_but_a_maximum_stands() -> None:
    values = vector((gpu("v100-3", 0), "90"), (gpu("v100-3", 1), "9223372036854775794"))
    times = sampled((gpu("v100-3", 0), 0.0), (gpu("v100-3", 1), 0.0))
    assert read(WATTS, values, times, NAMES).nodes == {}
    assert read(CELSIUS, values, times, NAMES).nodes == {"v100-3": (90.0, 0.0)}


@pytest.mark.parametrize("age", [-3600.0, -1.5])
def test_a_sample_of_the_future_is_rejected(age: float) -> None:
    reading = read(CELSIUS, vector((gpu("t4-0", 0), "40")), sampled((gpu("t4-0", 0), age)), NAMES)
    assert (reading.nodes, reading.rejected) == ({}, 1)


def test_a_value_without_its_sample_time_is_rejected_but_a_query_without_times_is_of_now() -> None:
    values = vector((gpu("t4-0", 0), "40"))
    assert read(CELSIUS, values, [], NAMES).rejected == 1
    assert read(CELSIUS, values, None, NAMES).nodes == {"t4-0": (40.0, 0.0)}


def test_two_exporters_for_one_device_contradict_each_other_and_the_newer_sample_stands() -> None:
    one, other = {**gpu("t4-0", 0), "instance": "a:9400"}, {**gpu("t4-0", 0), "instance": "b:9400"}
    values, times = vector((one, "50"), (other, "60")), sampled((one, 30.0), (other, 2.0))
    reading = read(WATTS, values, times, NAMES)
    assert (reading.nodes, reading.rejected) == ({"t4-0": (60.0, 2.0)}, 1)


def test_where_devices_have_no_uuid_their_pods_tell_them_apart() -> None:
    idle, busy = {"Hostname": "t4-0", "gpu": "0"}, {"Hostname": "t4-0", "gpu": "0", "namespace": "ns", "pod": "p"}
    reading = read(WATTS, vector((idle, "10"), (busy, "60")), sampled((idle, 0.0), (busy, 0.0)), NAMES)
    assert reading.nodes == {"t4-0": (70.0, 0.0)}


@pytest.mark.parametrize(
    ("labels", "node"),
    [
        ({"node": "t4-0", "instance": "10.0.0.2:9100"}, "t4-0"),
        ({"hostname": "t4-0"}, "t4-0"),
        ({"Hostname": "t4-0.cluster.local"}, "t4-0"),
        ({"instance": "10.0.0.2:9100"}, "v100-3"),
        ({"instance": "[fd00::2]:9100"}, "v100-3"),
        ({"instance": "fd00::2"}, "v100-3"),
        ({"instance": "v100-3"}, "v100-3"),
        ({"instance": "10.9.9.9:9100"}, "cpu-1"),
        ({"instance": "10.8.8.8:9100"}, "10.8.8.8"),
        ({"job": "node-exporter"}, ""),
    ],
)
def test_a_series_finds_its_node(labels: dict[str, str], node: str) -> None:
    assert NAMES.of(labels) == node


def test_the_configured_label_goes_before_all_others() -> None:
    assert NodeNames(INVENTORY, {}, "host").of({"host": "cpu-1", "node": "t4-0"}) == "cpu-1"


def test_the_load_is_per_core_and_absent_where_the_cores_are_unknown() -> None:
    known, stranger = {"instance": "10.0.0.2:9100"}, {"instance": "10.8.8.8:9100"}
    reading = read(LOAD, vector((known, "48"), (stranger, "1")), sampled((known, 3.0), (stranger, 3.0)), NAMES)
    assert (reading.nodes, reading.rejected) == ({"v100-3": (1.5, 3.0)}, 1)


def test_answers_of_another_shape_are_rejected() -> None:
    scalar: list[Any] = [NOW, "1"]
    histogram = [{"metric": gpu("t4-0", 0), "histogram": [NOW, {"count": "1"}]}]
    assert read(SHARE, scalar, None, NAMES).rejected == 2
    assert read(SHARE, histogram, None, NAMES).rejected == 1


def test_uname_gives_the_names_behind_instances() -> None:
    answer = vector(({"instance": "10.9.9.9:9100", "nodename": "cpu-1"}, "1"), ({"instance": "x"}, "1"))
    assert node_names(answer) == {"10.9.9.9:9100": "cpu-1"}


@pytest.mark.parametrize(
    ("value", "age", "reason"),
    [
        ("-250", 1.0, "not within 0 and 3000"),
        ("4000", 1.0, "not within 0 and 3000"),
        ("1e300", 1.0, "blank sensor"),
        ("-1e300", 1.0, "blank sensor"),
        ("lots", 1.0, "not a finite number"),
        ("NaN", 1.0, "not a finite number"),
        ("250", -60.0, "sampled in the future"),
    ],
)
def test_what_is_rejected_is_counted_by_its_reason_and_named(value: str, age: float, reason: str) -> None:
    series = gpu("t4-0", 0)
    reading = read(WATTS, vector((series, value)), sampled((series, age)), NAMES)
    assert dict(reading.rejects) == {reason: 1}
    assert reason in reading.examples[reason]
    assert value in reading.examples[reason]
    assert "UUID=GPU-t4-0-0" in reading.examples[reason]


def test_series_about_nodes_of_other_clusters_are_counted_and_kept_out() -> None:
    stranger, nobody = {"Hostname": "else-0", "gpu": "0"}, {"job": "dcgm"}
    reading = read(CELSIUS, vector((stranger, "40"), (nobody, "40")), None, NAMES)
    assert reading.nodes == {}
    assert dict(reading.rejects) == {"no node of the cluster": 1, "no label names a node": 1}


def test_a_host_label_that_is_not_a_nodes_name_gives_way_to_the_address_of_the_exporters_pod() -> None:
    names = NodeNames(INVENTORY, {}, "", {"10.244.0.9": "t4-0"})
    assert names.of({"Hostname": "dcgm-exporter-x7k", "instance": "10.244.0.9:9400"}) == "t4-0"
    assert names.of({"Hostname": "dcgm-exporter-x7k", "instance": "10.244.0.8:9400"}) == "dcgm-exporter-x7k"


def test_each_mig_instance_of_a_gpu_counts_once_and_its_exporters_jobs_count_each() -> None:
    parts = [{**gpu("t4-0", 0), "GPU_I_ID": part} for part in ("1", "2")]
    assert read(SHARE, vector((parts[0], "0.5"), (parts[1], "0")), None, NAMES).nodes == {"t4-0": (0.25, 0.0)}
    jobs = [{"node": "t4-0", "job": job} for job in ("dcgm-exporter", "node-exporter")]
    reading = read(SHARE, vector((jobs[0], "1"), (jobs[1], "0")), None, NAMES)
    assert (reading.nodes, reading.rejected) == ({"t4-0": (0.5, 0.0)}, 0)


@pytest.mark.parametrize(
    ("value", "label", "expected"),
    [("79", "", 79.0), ("13", "", 0.0), ("0", "", 0.0), ("3", "48", 48.0), ("3", "31", 0.0), ("79", "x", 79.0)],
)
def test_only_the_codes_of_hardware_errors_count(value: str, label: str, expected: float) -> None:
    codes = Query("xid", "", 0.0, 1000.0, codes=(48, 79))
    told = {**gpu("t4-0", 0), **({"xid": label} if label else {})}
    assert read(codes, vector((told, value)), None, NAMES).nodes == {"t4-0": (expected, 0.0)}


def test_a_gpu_that_reports_its_error_again_and_again_is_no_healthier_for_it() -> None:
    reading = read(table()[GPU_XID][0], vector(({**gpu("t4-0", 0), "xid": "79"}, "4321")), None, NAMES)
    assert (reading.nodes, reading.rejected) == ({"t4-0": (79.0, 0.0)}, 0)


def test_labels_of_any_length_and_kind_do_not_swell_what_is_told() -> None:
    series: list[Any] = [{"metric": {"Hostname": "x" * 100_000, "gpu": 3}, "value": [NOW, "x" * 100_000]}]
    reading = read(CELSIUS, series, None, NAMES)
    assert reading.rejected == 1
    assert len(reading.examples["not a finite number"]) <= 240
