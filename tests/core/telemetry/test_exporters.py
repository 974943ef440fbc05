"""The pages of DCGM exporter, node-exporter, Kepler and kube-state-metrics become figures of the right node."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from heterosched.model.telemetry import (
    EXPORTERS_DOWN,
    GPU_CLOCK,
    GPU_JOULES,
    GPU_MEMORY,
    GPU_TEMPERATURE,
    GPU_THROTTLING,
    GPU_UTILISATION,
    GPU_WATTS,
    GPU_XID,
    HOST_CPU,
    HOST_DISK,
    HOST_LOAD,
    HOST_MEMORY,
    HOST_NETWORK,
    HOST_TEMPERATURE,
    HOST_WATTS,
    Telemetry,
)
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.source import Prometheus, Source
from processes import Process, free_port, wait_until
from real_prometheus import PROGRAM, Exposition, RealPrometheus

NODE_EXPORTER = shutil.which("prometheus-node-exporter")
PAGE = Path(__file__).parents[2] / "data" / "dcgm_exporter.txt"

pytestmark = pytest.mark.skipif(
    PROGRAM is None or NODE_EXPORTER is None,
    reason="the Debian packages `prometheus` and `prometheus-node-exporter` are not installed",
)

INVENTORY = Inventory.of(
    [("a100-0", [], 64.0), ("real-0", ["127.0.0.1"], 4.0), ("kepler-0", ["10.0.0.3"], 8.0), ("older-0", [], 8.0)]
)

OTHERS = """
kepler_node_cpu_watts{zone="package",path="a",node_name="kepler-0"} 60
kepler_node_cpu_watts{zone="package",path="b",node_name="kepler-0"} 50
kepler_node_cpu_watts{zone="dram",path="c",node_name="kepler-0"} 10
kepler_node_cpu_watts{zone="psys",path="d",node_name="kepler-0"} 400
kepler_node_gpu_watts{gpu="0",gpu_uuid="GPU-k",gpu_name="x",node_name="kepler-0"} 75
kube_pod_info{pod="nvidia-dcgm-exporter-x",pod_ip="10.244.1.7",host_ip="10.0.0.3",node="kepler-0"} 1
DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-k",instance="10.244.1.7:9400",Hostname="nvidia-dcgm-exporter-x"} 66
DCGM_EXP_XID_ERRORS_COUNT{gpu="0",UUID="GPU-k",instance="10.244.1.7:9400",xid="48"} 1
DCGM_EXP_XID_ERRORS_COUNT{gpu="0",UUID="GPU-k",instance="10.244.1.7:9400",xid="31"} 7
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-k",instance="10.244.1.7:9400"} 9223372036854775794
DCGM_FI_DEV_FB_FREE{gpu="0",UUID="GPU-k",instance="10.244.1.7:9400"} 9223372036854775794
"""


def older(joules: float, watt_seconds: float) -> str:
    """Kepler before 0.10 and a GPU with an energy counter alone, which both grow."""
    return (
        f'kepler_node_package_joules_total{{package="0",mode="dynamic",instance="older-0"}} {joules}\n'
        f'kepler_node_package_joules_total{{package="0",mode="idle",instance="older-0"}} {joules / 2}\n'
        f'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{gpu="0",UUID="GPU-o",hostname="older-0"}} {watt_seconds * 1000}\n'
    )


def sysfs(folder: Path) -> Path:
    """A host with one RAPL package, its memory, and a temperature sensor."""
    for place, (name, microjoules) in enumerate((("package-0", 100), ("dram", 10))):
        zone = folder / "class" / "powercap" / ("intel-rapl:0" if not place else "intel-rapl:0:0")
        zone.mkdir(parents=True)
        (zone / "name").write_text(f"{name}\n")
        (zone / "energy_uj").write_text(f"{microjoules}000000\n")
        (zone / "max_energy_range_uj").write_text("262143328850\n")
    sensor = folder / "class" / "hwmon" / "hwmon0"
    sensor.mkdir(parents=True)
    (sensor / "name").write_text("coretemp\n")
    (sensor / "temp1_input").write_text("57000\n")
    (folder / "class" / "net").mkdir()
    return folder


def node_exporter(folder: Path, port: int) -> Process:
    process = Process(
        "node-exporter",
        [
            str(NODE_EXPORTER),
            f"--web.listen-address=127.0.0.1:{port}",
            f"--path.sysfs={folder}",
            "--collector.disable-defaults",
            *(f"--collector.{name}" for name in ("cpu", "meminfo", "loadavg", "diskstats", "netdev", "hwmon", "rapl")),
        ],
        os.environ,
        folder.parent / "node-exporter.log",
        folder.parent,
    )
    process.start()
    return process


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    """One collection from a Prometheus that two replicas feed, as Thanos shows them."""
    folder = tmp_path_factory.mktemp("exporters")
    with ExitStack() as stack:
        port, gone = free_port(), free_port()
        exporter = node_exporter(sysfs(folder / "sys"), port)
        stack.callback(exporter.kill)
        pages = Exposition()
        stack.callback(pages.close)
        pages.text = PAGE.read_text() + OTHERS + older(0, 0)
        jobs = "".join(
            f"- {{job_name: node-exporter-{replica}, static_configs: [{{targets: ['127.0.0.1:{port}'], "
            f"labels: {{prometheus_replica: {replica}}}}}]}}\n"
            f"- {{job_name: dcgm-{replica}, honor_labels: true, static_configs: "
            f"[{{targets: ['127.0.0.1:{pages.port}'], labels: {{prometheus_replica: {replica}}}}}]}}\n"
            for replica in ("a", "b")
        )
        jobs += (
            f"- {{job_name: nvidia-dcgm-exporter, static_configs: [{{targets: ['127.0.0.1:{gone}'], "
            "labels: {node: a100-0}}]}\n"
        )
        prometheus = RealPrometheus(folder, pages.port, jobs)
        prometheus.start()
        stack.callback(prometheus.kill)
        asking = Prometheus(TelemetrySettings(url=prometheus.url))
        stack.callback(asking.close)

        steps = count()

        def grown() -> bool:
            step = next(steps)
            pages.text = PAGE.read_text() + OTHERS + older(step * 10, step * 20)
            rates = ("node_rapl_package_joules_total", "kepler_node_package_joules_total", "node_cpu_seconds_total")
            return step > 20 and all(asking.query(f"count(rate({name}[2m]))") for name in rates)

        assert wait_until(grown, 30.0)
        yield Source(TelemetrySettings(url=prometheus.url), asking.query).collect(INVENTORY)


def figure(found: Telemetry, metric: str, node: str) -> float:
    return float(found.values[metric][found.rows[node]])


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        (GPU_TEMPERATURE, 61.0),
        (GPU_WATTS, 400.0),
        (GPU_UTILISATION, (0.92 + 0.5) / 2),
        (GPU_XID, 79.0),
        (GPU_MEMORY, (0.75 + 0.25 + 0.0) / 3),
        (GPU_CLOCK, (1410e6 + 1110e6) / 2),
        (GPU_JOULES, 6000.0),
        (EXPORTERS_DOWN, 1.0),
    ],
)
def test_a_page_of_dcgm_exporter_with_mig_and_pods_is_read_once_for_each_device(
    found: Telemetry, metric: str, value: float
) -> None:
    assert figure(found, metric, "a100-0") == pytest.approx(value)
    assert found.origin_of(metric, "a100-0") == ("up" if metric == EXPORTERS_DOWN else "dcgm-exporter")


def test_a_real_node_exporter_is_found_by_its_address_and_two_replicas_count_once(found: Telemetry) -> None:
    load, memory = figure(found, HOST_LOAD, "real-0"), figure(found, HOST_MEMORY, "real-0")
    assert load * 4.0 == pytest.approx(os.getloadavg()[0], abs=5.0)
    assert 0.0 < memory < 1.0
    assert 0.0 <= figure(found, HOST_CPU, "real-0") <= 1.0
    assert figure(found, HOST_TEMPERATURE, "real-0") == 57.0
    assert figure(found, HOST_NETWORK, "real-0") >= 0.0
    assert figure(found, EXPORTERS_DOWN, "real-0") == 0.0
    assert (figure(found, HOST_WATTS, "real-0"), found.origin_of(HOST_WATTS, "real-0")) == (0.0, "node-exporter, RAPL")


def test_kepler_old_and_new_tells_the_watts_of_a_node(found: Telemetry) -> None:
    assert (figure(found, HOST_WATTS, "kepler-0"), found.origin_of(HOST_WATTS, "kepler-0")) == (120.0, "kepler")
    assert (figure(found, GPU_WATTS, "kepler-0"), found.origin_of(GPU_WATTS, "kepler-0")) == (75.0, "kepler")
    assert found.origin_of(HOST_WATTS, "older-0") == "kepler, energy counter"
    assert figure(found, HOST_WATTS, "older-0") > 0.0


def test_where_power_is_not_published_the_energy_counter_tells_it(found: Telemetry) -> None:
    assert found.origin_of(GPU_WATTS, "older-0") == "dcgm-exporter, energy counter"
    assert figure(found, GPU_WATTS, "older-0") > 0.0


def test_an_exporter_that_was_not_told_its_node_is_found_by_the_address_of_its_pod(found: Telemetry) -> None:
    assert figure(found, GPU_TEMPERATURE, "kepler-0") == 66.0
    assert figure(found, GPU_XID, "kepler-0") == 48.0


def test_a_quotient_of_blank_sensors_is_no_figure(found: Telemetry) -> None:
    assert np.isnan(figure(found, GPU_MEMORY, "kepler-0"))
    assert found.origin_of(GPU_MEMORY, "kepler-0") == ""


def test_a_metric_that_no_exporter_publishes_is_absent_and_nothing_else_is_wrong(found: Telemetry) -> None:
    assert np.isnan(figure(found, GPU_THROTTLING, "a100-0"))
    assert np.isnan(figure(found, HOST_DISK, "a100-0"))
    assert found.error == ""
