"""Every score term says how good a node is between 0 and 1, or nothing at all where it has no data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.policy import terms
from heterosched.policy.nodes import NodeArrays, Signals
from heterosched.policy.score import weigh
from heterosched.policy.table import BUILT_IN, TERMS, PolicyRow
from heterosched.policy.terms import Ask

NAN = np.nan
EVERY = PolicyRow("Every", dict.fromkeys(TERMS, 1))


def the_nodes(count: int = 3, free: float = 4.0) -> NodeArrays:
    """Alternating T4 and V100 nodes of 16 cores and 4 GPUs, all awake."""
    return NodeArrays(
        devices=("nvidia-t4", "nvidia-v100"),
        device=np.arange(count) % 2,
        cores=np.full(count, 16.0),
        memory=np.full(count, 64e9),
        gpus=np.full(count, 4.0),
        free_cores=np.full(count, 16.0),
        free_memory=np.full(count, 64e9),
        free_gpus=np.full(count, free),
        asleep=np.zeros(count, dtype=np.bool_),
        idle_watts=np.full(count, 100.0),
    )


def test_speed_compares_with_the_fastest_candidate() -> None:
    found = terms.speed(np.array([10.0, 20.0, NAN, 40.0]))
    assert found is not None
    np.testing.assert_array_equal(found, [1.0, 0.5, NAN, 0.25])


def test_figures_follow_the_gpu_for_gpu_pods_and_the_cpu_for_others() -> None:
    figures = {"cpu": 100.0, "nvidia-t4": 5.0}
    rows = np.array([0, 1])
    on_gpu = terms.by_device(figures, the_nodes(2), rows, gpus=1)
    on_cpu = terms.by_device(figures, the_nodes(2), rows, gpus=0)
    assert on_gpu is not None and on_cpu is not None
    np.testing.assert_array_equal(on_gpu, [5.0, NAN])
    np.testing.assert_array_equal(on_cpu, [100.0, 100.0])


def test_figures_for_devices_that_no_candidate_has_are_absent() -> None:
    assert terms.by_device({"nvidia-a100": 1.0}, the_nodes(2), np.array([0, 1]), gpus=1) is None
    assert terms.by_device({}, the_nodes(2), np.array([0, 1]), gpus=1) is None


def test_energy_prefers_the_awake_node_by_the_share_of_idle_power() -> None:
    nodes = replace(the_nodes(2), asleep=np.array([True, False]))
    ask = Ask(EVERY, gpus=2, cores=1)
    np.testing.assert_array_equal(terms.woken_watts(ask, nodes, np.array([0, 1])), [50.0, 0.0])
    needed = terms.joules(np.array([10.0, 10.0]), np.array([150.0, 150.0]), np.array([50.0, 0.0]))
    found = terms.energy(needed)
    assert found is not None
    np.testing.assert_array_equal(found, [0.75, 1.0])


def test_a_node_that_adds_no_energy_is_best_and_an_unknown_one_stays_unknown() -> None:
    found = terms.energy(np.array([0.0, 5.0, NAN]))
    assert found is not None
    np.testing.assert_array_equal(found, [1.0, 0.0, NAN])
    assert terms.energy(np.array([NAN, NAN])) is None


def test_plan_is_whole_on_the_planned_node_and_partial_on_its_device_type() -> None:
    found = terms.plan(np.array([3, 4, 5]), (4,), np.array([True, True, False]), 0.5, 1.0)
    assert found is not None
    np.testing.assert_array_equal(found, [0.5, 1.0, 0.0])


def test_plan_on_a_node_without_headroom_is_no_more_than_its_device_type() -> None:
    lead = terms.lead_left(0.75, np.array([1.0, 0.0]), None)
    found = terms.plan(np.array([0, 1]), (1,), np.array([True, True]), 0.5, lead)
    assert found is not None
    np.testing.assert_array_equal(found, [0.5, 0.5])


def test_the_lead_of_the_plan_shrinks_with_the_least_headroom_and_unknown_headroom_says_nothing() -> None:
    load, thermal = np.array([0.1, 1.0, 0.75, NAN, 0.0]), np.array([1.0, 0.5, NAN, NAN, 1.0])
    np.testing.assert_allclose(terms.lead_left(0.75, load, thermal), [0.1 / 0.75, 0.5 / 0.75, 1.0, 1.0, 0.0])
    assert terms.lead_left(0.75, None, None) == 1.0
    np.testing.assert_array_equal(terms.lead_left(0.0, np.array([0.0, 0.01])), [0.0, 1.0])


@pytest.mark.parametrize(
    "signals",
    [
        Signals(host_load=np.array([0.9, 0.0, 0.0])),
        Signals(temperature=np.array([85.0, 40.0, 40.0])),
    ],
)
def test_a_busy_host_and_a_gpu_near_its_limit_weigh_against_the_plan(signals: Signals) -> None:
    ask = Ask(BUILT_IN["Balanced"], gpus=1, planned=(0,), planned_device="nvidia-t4")
    found = terms.term_values(ask, the_nodes(), signals, np.arange(3))["plan"]
    assert found is not None
    assert 0.5 < found[0] < 1.0


@pytest.mark.parametrize(
    ("busy", "celsius", "planned_wins"),
    [(0.5, 40.0, True), (0.9, 40.0, False), (0.0, 85.0, True), (0.0, 88.0, False)],
)
def test_short_headroom_outweighs_the_plan_within_its_device_type(
    busy: float, celsius: float, planned_wins: bool
) -> None:
    nodes = the_nodes()
    same = replace(nodes, device=np.zeros(3, dtype=np.int64))
    signals = Signals(host_load=np.array([busy, 0.0, 0.0]), temperature=np.array([celsius, 40.0, 40.0]))
    device = nodes.devices[0]
    ask = Ask(BUILT_IN["Balanced"], gpus=1, planned=(0,), planned_device=device)
    values = terms.term_values(ask, same, signals, np.arange(3))
    values["fit"] = None
    raw = weigh(values, ask.row.weights, 3)
    assert bool(raw.argmax() == 0) is planned_wins


def test_plan_and_data_are_absent_without_a_plan() -> None:
    rows = np.array([0, 1])
    assert terms.plan(rows, (), np.array([True, True]), 0.5, 1.0) is None
    assert terms.data(rows, ()) is None


def test_data_is_the_share_of_inputs_on_the_node() -> None:
    found = terms.data(np.array([0, 1, 2]), (1, 1, 2, -1))
    assert found is not None
    np.testing.assert_array_equal(found, [0.0, 0.5, 0.25])


def test_load_takes_the_busier_figure_and_adds_hinted_cores() -> None:
    cpu, average = np.array([0.2, 0.5, NAN]), np.array([0.4, 0.1, NAN])
    found = terms.load(cpu, average, np.array([4.0, 0.0, 4.0]), np.full(3, 16.0))
    assert found is not None
    np.testing.assert_allclose(found, [0.35, 0.5, NAN])
    assert terms.load(None, None, np.array([4.0]), np.array([16.0])) is None


def test_load_of_an_overcommitted_host_is_zero() -> None:
    found = terms.load(None, np.array([3.0]), None, np.array([16.0]))
    assert found is not None
    np.testing.assert_array_equal(found, [0.0])


@pytest.mark.parametrize(
    ("temperature", "throttling", "expected"),
    [(70.0, 0.0, 1.0), (85.0, 0.0, 0.5), (95.0, 0.0, 0.0), (40.0, 1.0, 0.0), (NAN, 1.0, 0.0), (NAN, 0.0, NAN)],
)
def test_thermal_headroom_ends_at_the_limit_and_with_throttling(
    temperature: float, throttling: float, expected: float
) -> None:
    found = terms.thermal(np.array([temperature]), np.array([throttling]), 80.0, 90.0)
    assert found is not None
    np.testing.assert_array_equal(found, [expected])


def test_thermal_works_with_either_figure_and_is_absent_without_both() -> None:
    only_throttling = terms.thermal(None, np.array([1.0, 0.0]), 80.0, 90.0)
    equal_limits = terms.thermal(np.array([90.0, 89.0, NAN]), None, 90.0, 90.0)
    assert only_throttling is not None and equal_limits is not None
    np.testing.assert_array_equal(only_throttling, [0.0, NAN])
    np.testing.assert_array_equal(equal_limits, [0.0, 1.0, NAN])
    assert terms.thermal(None, None, 80.0, 90.0) is None


def test_a_pod_without_gpus_is_not_measured_by_the_heat_of_gpus() -> None:
    signals = Signals(temperature=np.full(3, 95.0))
    rows = np.arange(3)
    assert terms.term_values(Ask(EVERY, gpus=0), the_nodes(), signals, rows).get("thermal") is None
    assert terms.term_values(Ask(EVERY, gpus=1), the_nodes(), signals, rows)["thermal"] is not None


def test_only_weighted_terms_are_worked_out_unless_every_one_is_asked_for() -> None:
    row = PolicyRow("FitOnly", {"fit": 1})
    rows = np.arange(3)
    ask = Ask(row, gpus=1, seconds={"nvidia-t4": 1.0})
    assert set(terms.term_values(ask, the_nodes(), Signals(), rows)) == {"fit"}
    assert terms.term_values(ask, the_nodes(), Signals(), rows, every=True)["speed"] is not None


@pytest.mark.parametrize("every", [False, True])
def test_a_policy_that_gives_heat_no_weight_keeps_to_the_plan_on_hot_nodes(every: bool) -> None:
    ask = Ask(PolicyRow("PlanOnly", {"plan": 1}), gpus=1, planned=(0,), planned_device="nvidia-t4")
    found = terms.term_values(ask, the_nodes(), Signals(temperature=np.full(3, 95.0)), np.arange(3), every)["plan"]
    assert found is not None
    np.testing.assert_array_equal(found, [1.0, 0.0, 0.5])


figures = st.floats(0.001, 1e6)
maybe = st.one_of(st.just(NAN), st.floats(-50.0, 200.0))


@given(
    st.sampled_from(sorted(BUILT_IN)),
    st.dictionaries(st.sampled_from(["nvidia-t4", "nvidia-v100", "cpu"]), figures),
    st.dictionaries(st.sampled_from(["nvidia-t4", "nvidia-v100", "cpu"]), st.floats(0.0, 1e4)),
    st.integers(0, 8),
    st.lists(st.integers(-1, 5), max_size=4),
    st.lists(maybe, min_size=6, max_size=6),
    st.lists(maybe, min_size=6, max_size=6),
)
def test_every_term_lies_between_zero_and_one_or_is_absent(
    policy: str,
    seconds: dict[str, float],
    watts: dict[str, float],
    gpus: int,
    planned: list[int],
    heat: list[float],
    load: list[float],
) -> None:
    ask = Ask(BUILT_IN[policy], gpus, 2.0, seconds, watts, tuple(planned), "nvidia-t4", tuple(planned))
    signals = Signals(host_load=np.array(load), temperature=np.array(heat), hinted_cores=np.full(6, 1.5))
    found = terms.term_values(ask, the_nodes(6), signals, np.array([0, 2, 3, 5]), every=True)
    for name, values in found.items():
        if values is not None:
            known = values[~np.isnan(values)]
            assert ((known >= 0.0) & (known <= 1.0)).all(), name
            assert len(values) == 4
