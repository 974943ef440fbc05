"""The term fit prefers the node on which a placement leaves the most GPUs usable for the pods that come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import some_nodes
from heterosched.policy import fragmentation
from heterosched.policy.fragmentation import MOST_REMEMBERED, carry_over, fit, fragments, gradient
from heterosched.policy.nodes import NodeArrays, Shape

ONE = Shape(1.0, 4.0, 8e9)
FOUR = Shape(4.0, 4.0, 8e9)


def some_free(*gpus: float, cores: float = 32.0, shapes: tuple[Shape, ...] = ()) -> NodeArrays:
    """Nodes of four GPUs and 32 cores with so many GPUs, and ``cores`` cores, free."""
    count = len(gpus)
    return some_nodes(
        devices=("nvidia-t4",),
        device=np.zeros(count, dtype=np.int64),
        cores=np.full(count, 32.0),
        memory=np.full(count, 128e9),
        gpus=np.full(count, 4.0),
        free_cores=np.full(count, cores),
        free_memory=np.full(count, 128e9),
        free_gpus=np.array(gpus),
        asleep=np.zeros(count, dtype=np.bool_),
        idle_watts=np.zeros(count),
        shapes=shapes,
    )


def test_fragments_are_the_free_gpus_that_the_expected_pod_cannot_use() -> None:
    """Half of the pods want one GPU, half want four: three free GPUs are useless to half of them."""
    found = fragments(some_free(4.0, 3.0, 1.0, 0.0), (ONE, FOUR), any_size=0.0)
    assert found is not None
    assert found.tolist() == [0.0, 1.5, 0.5, 0.0]


def test_gpus_without_cores_or_memory_beside_them_are_fragments_too() -> None:
    starved = fragments(some_free(2.0, cores=3.0), (ONE,), any_size=0.0)
    hungry = fragments(some_free(2.0), (Shape(1.0, 4.0, 129e9),), any_size=0.0)
    assert starved is not None and hungry is not None
    assert (starved.tolist(), hungry.tolist()) == ([2.0], [2.0])


def test_cores_count_for_as_many_pods_as_the_gpus_have_room_for() -> None:
    """Four GPUs with the cores for two pods: half of the two that are left over, for one pod more would still fit."""
    found = fragments(some_free(4.0, cores=8.0), (ONE,), any_size=0.0)
    plenty = fragments(some_free(4.0, cores=16.0), (ONE,), any_size=0.0)
    assert found is not None and plenty is not None
    assert (found.tolist(), plenty.tolist()) == (pytest.approx([1.0]), pytest.approx([0.0], abs=1e-6))


def test_whole_nodes_are_kept_for_those_who_need_them() -> None:
    shapes = (ONE, FOUR)
    found = fit(some_free(4.0, 1.0, shapes=shapes), 1.0, 4.0, 8e9, typical_shapes=8, any_size=0.0)
    assert found is not None
    assert found.tolist() == [0.5 * (1 - 1.5 / 4), 0.5 * (1 + 0.5 / 4)]


def test_without_any_pod_seen_a_pod_may_have_any_size_so_fuller_nodes_come_first() -> None:
    found = fit(some_free(4.0, 3.0, 2.0, 1.0), 1.0, 4.0, 8e9, typical_shapes=8, any_size=10.0)
    assert found is not None
    assert np.all(np.diff(found) > 0)


def test_a_pod_without_gpus_keeps_away_from_cores_that_free_gpus_need() -> None:
    nodes = some_free(4.0, 0.0)
    found = fit(nodes, 0.0, 16.0, 0.0, typical_shapes=8, any_size=10.0)
    assert found is not None
    assert found[0] < 0.5 == found[1]


def test_nothing_known_of_pods_or_no_gpu_anywhere_is_absent() -> None:
    assert fit(some_free(4.0), 1.0, 4.0, 8e9, typical_shapes=8, any_size=0.0) is None
    assert fit(some_free(4.0, shapes=(ONE,)), 1.0, 4.0, 8e9, typical_shapes=0, any_size=0.0) is None
    none = some_nodes(gpus=np.zeros(5), free_gpus=np.zeros(5))
    assert fit(none, 0.0, 4.0, 8e9, typical_shapes=8, any_size=10.0) is None


def test_only_the_most_frequent_shapes_count() -> None:
    nodes = some_free(4.0, 3.0, shapes=(Shape(1.0, 4.0, 8e9, 9), Shape(4.0, 4.0, 8e9, 1)))
    one = fit(nodes, 1.0, 4.0, 8e9, typical_shapes=1, any_size=0.0)
    both = fit(nodes, 1.0, 4.0, 8e9, typical_shapes=2, any_size=0.0)
    assert one is not None and both is not None
    assert one.tolist() == [0.5, 0.5]
    assert both[0] < both[1]


def test_what_is_remembered_is_the_same_and_bounded() -> None:
    nodes = some_nodes()
    first = fit(nodes, 1.0, 4.0, 8e9, typical_shapes=8, any_size=10.0)
    assert fit(nodes, 1.0, 4.0, 8e9, typical_shapes=8, any_size=10.0) is first
    for cores in range(50):
        fit(nodes, 1.0, float(cores), 8e9, typical_shapes=8, any_size=10.0)
    assert len(nodes.memo) <= MOST_REMEMBERED
    again = fit(nodes, 1.0, 4.0, 8e9, typical_shapes=8, any_size=10.0)
    assert first is not None and again is not None
    assert again.tolist() == first.tolist()


shapes = st.builds(Shape, st.integers(1, 8).map(float), st.floats(0.0, 64.0), st.floats(0.0, 2e11), st.integers(1, 100))


@given(
    st.lists(shapes, max_size=5).map(tuple),
    st.integers(0, 4).map(float),
    st.floats(0.0, 40.0),
    st.floats(0.0, 2e11),
    st.floats(0.1, 100.0),
)
def test_fit_lies_between_zero_and_one_and_follows_the_gradient(
    seen: tuple[Shape, ...], gpus: float, cores: float, memory: float, any_size: float
) -> None:
    nodes = some_nodes(shapes=seen)
    found, change = fit(nodes, gpus, cores, memory, 8, any_size), gradient(nodes, gpus, cores, memory, seen, any_size)
    assert found is not None and change is not None
    assert ((found >= 0.0) & (found <= 1.0)).all()
    assert np.all(np.diff(found[np.argsort(change, kind="stable")]) <= 1e-12)


@pytest.mark.parametrize("gpus", [0.0, 1.0, 4.0])
def test_a_node_without_gpus_is_neither_better_nor_worse_for_it(gpus: float) -> None:
    found = fit(some_nodes(), gpus, 4.0, 8e9, typical_shapes=8, any_size=10.0)
    assert found is not None
    assert found[4] == 0.5


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 1.0, 2.0, 4.0])), max_size=6), st.booleans())
def test_columns_carried_over_are_those_worked_out_anew(changes: list[tuple[int, float]], reshaped: bool) -> None:
    old = some_free(4.0, 3.0, 2.0, 1.0, 0.0, 4.0, shapes=(ONE, FOUR))
    asks = [(1.0, 4.0, 8e9, 8, 10.0), (2.0, 8.0, 8e9, 1, 0.0)]
    for ask in asks:
        fit(old, *ask)
    free = old.free_gpus.copy()
    for row, gpus in changes:
        free[row] = gpus
    new = replace(old, free_gpus=free, shapes=(FOUR,) if reshaped else old.shapes)
    carry_over(old, new, np.array(sorted({row for row, _ in changes}), dtype=np.int64))
    assert len(new.memo) == (0 if reshaped else len(asks))
    for ask in [*asks, (2.0, 1.0, 1e9, 8, 10.0)]:
        carried, fresh = fit(new, *ask), fit(replace(new), *ask)
        assert carried is not None and fresh is not None
        assert carried.tolist() == fresh.tolist()


def test_what_another_thread_remembers_meanwhile_does_not_disturb_the_carrying_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = some_free(4.0, 3.0, shapes=(ONE, FOUR))
    fit(old, 1.0, 4.0, 8e9, 8, 10.0)
    column = fragmentation._column

    def meanwhile(*given: Any) -> Any:
        old.memo[2.0, 8.0, 8e9, 8, 10.0] = np.zeros(2)
        return column(*given)

    monkeypatch.setattr(fragmentation, "_column", meanwhile)
    new = replace(old)
    carry_over(old, new, np.array([0], dtype=np.int64))
    assert list(new.memo) == [(1.0, 4.0, 8e9, 8, 10.0)]
