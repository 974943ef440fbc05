"""Against a real Prometheus: every query of the table works, and the collector outlives what is killed around it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from eventually import eventually
from heterosched.model.telemetry import (
    GPU_TEMPERATURE,
    GPU_THROTTLING,
    GPU_UTILISATION,
    GPU_WATTS,
    HOST_CPU,
    HOST_LOAD,
    HOST_MEMORY,
    METRICS,
    Telemetry,
)
from heterosched.telemetry.collector import Collector
from heterosched.telemetry.energy import EnergyMeter, PodRun
from heterosched.telemetry.queries import table
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.source import Prometheus, Source
from processes import wait_until
from real_prometheus import PROGRAM, Exposition, RealPrometheus, alive

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the Debian package `prometheus` is not installed")

INVENTORY = Inventory.of(
    [("t4-0", ["10.0.0.1"], 16.0), ("v100-0", ["10.0.0.2"], 32.0), ("cpu-0", [], 8.0), ("a10-0", [], 8.0)]
)

GPU = 'gpu="{gpu}",UUID="GPU-{node}-{gpu}",{label}="{node}",modelName="x",pod="{pod}",namespace="ns"'


def exposition(held_back_us: int = 0) -> str:
    """Node t4-0 with the old label, v100-0 with the new one and two GPUs, of which one runs a pod; three hosts.

    On a10-0 the mask is a blank sensor, and the counter of thermal violations grows. t4-0 is at its power cap.
    """
    lines: list[str] = []
    gpus = (("t4-0", "Hostname", 0, "", 40, 12.5, 0, 0x5), ("v100-0", "hostname", 0, "train-0", 84, 250, 98, 0x44),
            ("v100-0", "hostname", 1, "", 50, 30, 0, 0x4))  # fmt: skip
    for node, label, gpu, pod, celsius, watts, utilisation, reasons in gpus:
        labels = GPU.format(gpu=gpu, node=node, label=label, pod=pod)
        lines += [
            f"DCGM_FI_DEV_GPU_TEMP{{{labels}}} {celsius}",
            f"DCGM_FI_DEV_POWER_USAGE{{{labels}}} {watts}",
            f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {utilisation}",
            f"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{{{labels}}} {reasons}",
        ]
    for instance, load, free in (("10.0.0.1:9100", 4, 4), ("10.0.0.2:9100", 64, 1), ("10.9.9.9:9100", 8, 2)):
        lines += [
            f'node_load1{{instance="{instance}"}} {load}',
            f'node_cpu_seconds_total{{instance="{instance}",cpu="0",mode="idle"}} 5000',
            f'node_memory_MemAvailable_bytes{{instance="{instance}"}} {free}e9',
            f'node_memory_MemTotal_bytes{{instance="{instance}"}} 4e9',
        ]
    labels = GPU.format(gpu=0, node="a10-0", label="Hostname", pod="")
    lines += [
        f"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{{{labels}}} 9223372036854775794",
        f"DCGM_FI_DEV_POWER_VIOLATION{{{labels}}} 7",
        f"DCGM_FI_DEV_THERMAL_VIOLATION{{{labels}}} {held_back_us}",
    ]
    lines.append('node_uname_info{instance="10.9.9.9:9100",nodename="cpu-0"} 1')
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exposition]:
    server = Exposition()
    server.text = exposition()
    yield server
    server.close()


@pytest.fixture
def spoilt(exporter: Exposition) -> Iterator[Exposition]:
    """The same exporter, for a test that has it tell what no device can."""
    yield exporter
    exporter.text = exposition()


@pytest.fixture(scope="module")
def prometheus(exporter: Exposition, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    server = RealPrometheus(tmp_path_factory.mktemp("prometheus"), exporter.port)
    server.start()
    yield server
    server.kill()


def row(telemetry: Telemetry, node: str) -> dict[str, float]:
    index = telemetry.rows[node]
    return {metric: float(telemetry.values[metric][index]) for metric in METRICS}


@pytest.mark.slow
def test_every_query_of_the_table_reads_what_the_exporters_say(
    exporter: Exposition, prometheus: RealPrometheus
) -> None:
    asking = Prometheus(TelemetrySettings(url=prometheus.url))
    rates = f"count({table()[HOST_CPU][0].value})"
    assert wait_until(lambda: bool(asking.query(rates)), 20.0)
    exporter.text = exposition(held_back_us=5000)
    assert wait_until(lambda: bool(asking.query("DCGM_FI_DEV_THERMAL_VIOLATION > 0")), 20.0)
    found = Source(TelemetrySettings(url=prometheus.url), asking.query).collect(INVENTORY)
    asking.close()
    assert (found.error, found.rejected) == ("", 0)
    assert found.nodes == ("a10-0", "cpu-0", "t4-0", "v100-0")
    v100, t4, cpu = row(found, "v100-0"), row(found, "t4-0"), row(found, "cpu-0")
    assert (v100[GPU_TEMPERATURE], v100[GPU_WATTS]) == (84.0, 280.0)
    assert v100[GPU_UTILISATION] == pytest.approx(0.49)
    assert (v100[GPU_THROTTLING], t4[GPU_THROTTLING]) == (1.0, 0.0)
    assert row(found, "a10-0")[GPU_THROTTLING] == 1.0
    assert (v100[HOST_LOAD], t4[HOST_LOAD], cpu[HOST_LOAD]) == (2.0, 0.25, 1.0)
    assert (v100[HOST_MEMORY], t4[HOST_MEMORY]) == (0.75, 0.0)
    assert v100[HOST_CPU] == 1.0
    assert found.collected_at - found.sampled[GPU_TEMPERATURE][found.rows["t4-0"]] < 5.0


async def test_the_energy_of_a_pod_is_what_its_gpu_drew(prometheus: RealPrometheus) -> None:
    asking = Prometheus(TelemetrySettings(url=prometheus.url))
    assert await asyncio.to_thread(wait_until, lambda: bool(asking.query("DCGM_FI_DEV_POWER_USAGE > 200")), 20.0)
    asking.close()
    finish = time.time() + 1.0
    assert await asyncio.to_thread(wait_until, lambda: time.time() > finish + 1.0, 20.0)
    run = PodRun("ns", "train-0", "v100-0", finish - 1.0, finish, gpus=1)
    meter = EnergyMeter.at(TelemetrySettings(url=prometheus.url), max_gap=5.0)
    found = await meter.measure(run)
    assert found is not None
    assert found.joules == pytest.approx(250.0, rel=0.01)
    assert found.devices == 1
    assert await meter.measure(PodRun("ns", "nobody", "v100-0", finish - 1.0, finish)) is None


@asynccontextmanager
async def collecting(url: str) -> AsyncIterator[Collector]:
    settings = TelemetrySettings(url=url, interval=0.2, timeout=2.0)
    collector = Collector(settings, inventory=lambda: INVENTORY, longest_delay=0.5)
    running = asyncio.create_task(collector.run())
    try:
        yield collector
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.slow
async def test_the_collector_survives_its_child_and_prometheus(prometheus: RealPrometheus) -> None:
    async with collecting(prometheus.url) as collector:
        assert await eventually(lambda: "v100-0" in collector.latest.rows)
        first = collector.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert await eventually(lambda: "exit code" in collector.latest.error)
        assert "v100-0" in collector.latest.rows
        assert await eventually(lambda: not collector.latest.error)
        assert collector.pid != first

        prometheus.pause()
        assert await eventually(lambda: "does not answer" in collector.latest.error)
        assert "v100-0" in collector.latest.rows
        prometheus.resume()
        assert await eventually(lambda: not collector.latest.error)

        prometheus.kill()
        killed = time.time()
        assert await eventually(lambda: "does not answer" in collector.latest.error)
        await asyncio.sleep(0.5)
        assert np.nanmax(collector.latest.sampled[GPU_TEMPERATURE]) <= killed
        await asyncio.to_thread(prometheus.start)
        assert await eventually(lambda: not collector.latest.error)
        assert collector.counters.restarts == 1
        last = collector.pid
    assert last is not None
    assert not alive(last)


@pytest.mark.slow
async def test_prometheus_going_away_is_one_line_in_the_log_and_its_return_another(
    prometheus: RealPrometheus, spoilt: Exposition, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "heterosched.telemetry.collector")

    def told(text: str) -> int:
        return sum(text in record.getMessage() for record in caplog.records)

    async with collecting(prometheus.url) as collector:
        assert await eventually(lambda: not collector.latest.error)
        prometheus.kill()
        failed = collector.counters.failed
        assert await eventually(lambda: collector.counters.failed >= failed + 4)
        assert (told("telemetry is away"), told("telemetry is answering")) == (1, 1)
        await asyncio.to_thread(prometheus.start)
        assert await eventually(lambda: told("telemetry is answering") == 2)
        spoilt.text += f"DCGM_FI_DEV_POWER_USAGE{{{GPU.format(gpu=7, node='t4-0', label='Hostname', pod='')}}} -20\n"
        reason = (GPU_WATTS, "not within 0 and 3000")
        assert await eventually(lambda: collector.counters.rejected[reason] >= 3)
        assert told("not believed") == 1
        assert told("GPU-t4-0-7") == 1


@pytest.mark.slow
def test_the_child_ends_when_its_parent_is_killed(prometheus: RealPrometheus) -> None:
    script = textwrap.dedent(f"""
        import asyncio
        from heterosched.telemetry.collector import Collector
        from heterosched.telemetry.settings import TelemetrySettings
        collector = Collector(TelemetrySettings(url={prometheus.url!r}, interval=60.0),
                              on_telemetry=lambda _: print(collector.pid, flush=True))
        asyncio.run(collector.run())
    """)
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent, parent.stdout:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
        assert wait_until(lambda: not alive(child), 20.0)
