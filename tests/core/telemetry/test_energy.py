"""Energy is the integral of what was measured, and where measurements do not cover the run there is none."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.errors import Unavailable
from heterosched.telemetry.energy import EnergyMeter, PodRun, counted, integrate

RUN = PodRun("default", "train-0", "v100-0", start=1000.0, finish=1100.0, gpus=1)


def test_constant_power_times_the_window_is_the_energy() -> None:
    found = integrate([(t, 250.0) for t in range(990, 1111, 10)], 1000.0, 1100.0, max_gap=30.0)
    assert found.joules == pytest.approx(25_000.0)
    assert found.covered == pytest.approx(100.0)
    assert found.samples == 11


def test_a_ramp_is_integrated_exactly_and_cut_at_the_windows_edges() -> None:
    found = integrate([(0.0, 0.0), (100.0, 100.0)], 10.0, 30.0, max_gap=200.0)
    assert found.joules == pytest.approx((10.0 + 30.0) / 2 * 20.0)


def test_a_gap_is_not_bridged() -> None:
    found = integrate([(0.0, 100.0), (10.0, 100.0), (90.0, 100.0), (100.0, 100.0)], 0.0, 100.0, max_gap=20.0)
    assert (found.joules, found.covered) == (2000.0, 20.0)


def test_a_single_sample_speaks_for_a_run_shorter_than_the_gap() -> None:
    found = integrate([(1_700_000_002.3, 70.0)], 1_700_000_000.0, 1_700_000_005.0, max_gap=60.0)
    assert found.joules == pytest.approx(350.0)
    assert found.samples == 1


sample_lists = st.lists(
    st.tuples(st.floats(0, 200), st.floats(0, 500)), max_size=40, unique_by=lambda sample: round(sample[0], 2)
)


@given(sample_lists, st.floats(0, 100), st.floats(1, 100), st.floats(1, 50))
def test_the_integral_stays_between_the_extremes_of_power(
    samples: list[tuple[float, float]], start: float, length: float, gap: float
) -> None:
    samples.sort()
    found = integrate(samples, start, start + length, gap)
    assert 0.0 <= found.covered <= length + 1e-6
    watts = [power for _, power in samples] or [0.0]
    assert min(watts) * found.covered - 1e-3 <= found.joules <= max(watts) * found.covered + 1e-3


@given(st.floats(0, 100), st.floats(0.1, 50), st.floats(0.1, 50))
def test_parts_of_a_window_add_up(start: float, first: float, second: float) -> None:
    samples = [(float(t), 100.0 + 50.0 * math.sin(t / 7)) for t in range(0, 201, 3)]
    middle, finish = start + first, start + first + second
    whole = integrate(samples, start, finish, 10.0).joules
    parts = integrate(samples, start, middle, 10.0).joules + integrate(samples, middle, finish, 10.0).joules
    assert whole == pytest.approx(parts)


def test_two_replicas_whose_clocks_differ_make_no_energy() -> None:
    """Each scrapes 300 W of a GPU that has counted 1 GJ; the second one's clock is 100 ms behind."""
    first = [(15.0 * n, 1e9 + 300.0 * 15.0 * n) for n in range(41)]
    second = [(15.0 * n - 0.05, 1e9 + 300.0 * (15.0 * n + 0.05)) for n in range(41)]
    found = counted(sorted(first + second), 0.0, 600.0, max_gap=60.0)
    assert found.joules == pytest.approx(180_000.0, rel=0.01)
    assert found.covered == pytest.approx(600.0, rel=0.01)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, 1e300, 9.2e15, -5.0])
def test_what_no_device_can_have_counted_covers_nothing(nonsense: float) -> None:
    found = counted([(0.0, 10.0), (10.0, 20.0), (20.0, nonsense), (30.0, 30.0), (40.0, 40.0)], 0.0, 40.0, max_gap=15.0)
    assert (found.joules, found.covered) == (20.0, 20.0)


def test_a_counter_that_starts_anew_after_a_driver_reset_still_counts_up() -> None:
    found = counted([(0.0, 1000.0), (10.0, 2000.0), (20.0, 300.0), (30.0, 1300.0)], 0.0, 30.0, max_gap=15.0)
    assert found.joules == pytest.approx(1000.0 + 300.0 + 1000.0)


def series(values: list[tuple[float, Any]], **labels: str) -> dict[str, Any]:
    return {"metric": labels, "values": [[t, str(value)] for t, value in values]}


def watts(value: float, uuid: str, first: int = 990, last: int = 1110) -> dict[str, Any]:
    return series([(t, value) for t in range(first, last + 1, 10)], UUID=uuid)


class Recorded:
    """Answers by the beginning of the query."""

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self.answers, self.asked = answers, list[tuple[str, float]]()

    def __call__(self, query: str, at: float) -> list[Any]:
        self.asked.append((query, at))
        for label, answer in self.answers.items():
            if f"{{{label}=" in query:
                return answer
        return []


class Shared:
    """A pod's own samples, and those of all pods on its devices."""

    def __init__(self, own: list[dict[str, Any]], all_pods: list[dict[str, Any]]) -> None:
        self.own, self.all_pods = own, all_pods

    def __call__(self, query: str, at: float) -> list[Any]:
        return self.all_pods if 'UUID=~"GPU\\\\-a"' in query else self.own if "exported_namespace=" in query else []


async def test_the_power_of_all_devices_of_a_pod_adds_up() -> None:
    recorded = Recorded(exported_namespace=[watts(200.0, "GPU-a"), watts(100.0, "GPU-b")])
    found = await EnergyMeter(recorded).measure(RUN)
    assert found is not None
    assert found.joules == pytest.approx(30_000.0)
    assert (found.devices, found.method, found.coverage) == (2, "power", 1.0)
    query, at = recorded.asked[0]
    selector = 'DCGM_FI_DEV_POWER_USAGE{exported_namespace="default",exported_pod="train-0"}'
    assert query == f"{selector}[220s]"
    assert at == 1160.0


async def test_labels_without_the_prefix_are_tried_too() -> None:
    found = await EnergyMeter(Recorded(namespace=[watts(100.0, "GPU-a")])).measure(RUN)
    assert found is not None
    assert found.joules == pytest.approx(10_000.0)


async def test_a_series_whose_labels_changed_on_the_way_is_one_device() -> None:
    parts = [watts(100.0, "GPU-a", last=1050), watts(100.0, "GPU-a", first=1060)]
    found = await EnergyMeter(Recorded(namespace=parts)).measure(RUN)
    assert found is not None
    assert found.joules == pytest.approx(10_000.0)
    assert found.devices == 1


@pytest.mark.parametrize(
    "broken",
    [
        series([(t, "9223372036854775794") for t in range(1000, 1101, 10)], UUID="GPU-b"),
        series([(t, "NaN") for t in range(1000, 1101, 10)], UUID="GPU-b"),
        watts(-5.0, "GPU-b"),
        watts(100.0, "GPU-b", first=990, last=1010),
    ],
)
async def test_a_blank_or_sparse_sensor_makes_no_figure(broken: dict[str, Any]) -> None:
    answer = [watts(100.0, "GPU-a"), broken]
    assert await EnergyMeter(Recorded(namespace=answer), max_gap=20.0).measure(RUN) is None


def counters(joules_per_second: float, uuid: str) -> dict[str, Any]:
    return series([(t, 1e9 + t * joules_per_second * 1000.0) for t in range(980, 1121, 10)], UUID=uuid)


async def test_the_nodes_counters_stand_in_for_a_pod_that_was_alone() -> None:
    recorded = Recorded(Hostname=[counters(250.0, "GPU-a"), counters(30.0, "GPU-b")])
    run = PodRun("default", "train-0", "v100-0", 1000.0, 1100.0, gpus=1, others=0.0, idle_watts=30.0)
    found = await EnergyMeter(recorded).measure(run)
    assert found is not None
    assert found.joules == pytest.approx(25_000.0)
    assert found.method == "counter"


async def test_the_counters_of_a_node_are_nobodys_where_it_is_not_known_who_held_its_gpus() -> None:
    recorded = Recorded(Hostname=[counters(250.0, "GPU-a")])
    assert await EnergyMeter(recorded).measure(RUN) is None


async def test_pods_of_a_node_share_its_counters_by_the_gpus_they_held_less_the_idle_draw_of_spare_ones() -> None:
    drawn = [counters(watts, f"GPU-{number}") for number, watts in enumerate((250.0, 200.0, 180.0, 30.0))]
    parts = []
    for gpus in (1.0, 2.0):
        run = PodRun("default", "p", "v100-0", 1000.0, 1100.0, gpus=gpus, others=3.0 - gpus, idle_watts=30.0)
        found = await EnergyMeter(Recorded(Hostname=drawn)).measure(run)
        assert found is not None
        parts.append(found.joules)
    assert parts == pytest.approx([63_000.0 / 3, 63_000.0 * 2 / 3])


async def test_a_gpu_that_pods_share_by_time_counts_in_equal_parts_as_long_as_they_share_it() -> None:
    """The other pod comes half-way: alone until then, half of the device's power from then on."""
    own = watts(200.0, "GPU-a")
    named = {**own, "metric": {"UUID": "GPU-a", "exported_namespace": "default", "exported_pod": "train-0"}}
    other = watts(200.0, "GPU-a", first=1050)
    other["metric"] |= {"exported_namespace": "default", "exported_pod": "train-1"}
    found = await EnergyMeter(Recorded(exported_namespace=[own])).measure(RUN)
    alone = await EnergyMeter(Shared([own], [named])).measure(RUN)
    shared = await EnergyMeter(Shared([own], [named, other])).measure(RUN)
    assert found is not None and alone is not None and shared is not None
    assert found.joules == alone.joules == pytest.approx(20_000.0)
    assert shared.joules == pytest.approx(14_500.0)  # 40 s alone, a step of 10 s between, 50 s by halves


async def test_the_energy_of_a_pod_without_gpus_is_what_kepler_gives_it() -> None:
    zones = [
        series([(t, t * drawn) for t in range(980, 1121, 10)], zone=zone)
        for zone, drawn in (("package", 20.0), ("dram", 4.0))
    ]
    recorded = Recorded(pod_namespace=zones)
    found = await EnergyMeter(recorded).measure(PodRun("default", "sort-0", "cpu-0", 1000.0, 1100.0))
    assert found is not None
    assert found.method == "kepler"
    assert found.joules == pytest.approx(2400.0)
    assert 'zone=~"package.*|dram.*"' in recorded.asked[0][0]
    assert await EnergyMeter(Recorded()).measure(PodRun("default", "sort-0", "cpu-0", 1000.0, 1100.0)) is None


async def test_prometheus_away_is_told_apart_from_no_data() -> None:
    def away(query: str, at: float) -> list[Any]:
        raise Unavailable("connection refused")

    with pytest.raises(Unavailable):
        await EnergyMeter(away).measure(RUN)


@pytest.mark.parametrize(
    "answer", [[1764000000.0, "1"], [{"metric": {}, "value": [1.0, "2"]}], [{"values": [["x", 1]]}]]
)
async def test_an_answer_of_another_shape_is_no_measurement_and_no_crash(answer: list[Any]) -> None:
    with pytest.raises(Unavailable, match="out of shape"):
        await EnergyMeter(lambda query, at: answer).measure(RUN)
