"""What the zone arrays call a fit every kubelet admits, and the term `numa` says how well the rest can be aligned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.model.topology import CLAIMED, CLAIMS_UNALIGNED, POLICIES, UNALIGNED, Need
from heterosched.policy.zone_arrays import Reserved, ZoneArrays
from heterosched.policy.zones import large_enough, numa, refusals, shares
from topology_manager import Kubelet

GPU = "nvidia.com/gpu"
RESOURCES = ("cpu", "memory", GPU)
Zone = dict[str, tuple[int, int]]


def zones_of(*nodes: tuple[str, list[Zone]], near: float = 0.5) -> ZoneArrays:
    """By node its policy and its zones, each (size, free) by resource."""
    most = max(len(zones) for _, zones in nodes)
    size, free = np.full((3, most, len(nodes)), -1.0), np.full((3, most, len(nodes)), -1.0)
    for row, (_, zones) in enumerate(nodes):
        listed = {resource for zone in zones for resource in zone}
        for place, zone in enumerate(zones):
            for number, resource in enumerate(RESOURCES):
                nothing = (0, 0) if resource in listed else (np.inf, np.inf)
                size[number, place, row], free[number, place, row] = zone.get(resource, nothing)
    return ZoneArrays(
        resources={resource: number for number, resource in enumerate(RESOURCES)},
        size=size,
        free=free,
        count=np.array([len(zones) for _, zones in nodes]),
        policy=np.array([POLICIES.index(policy) if policy else -1 for policy, _ in nodes]),
        near=np.array([1.0 if len(zones) == 1 else near for _, zones in nodes]),
        unshown=np.zeros(len(nodes), dtype=np.int64),
        old=np.zeros(len(nodes), dtype=np.bool_),
        every=np.zeros(len(nodes), dtype=np.bool_),
        updated=np.zeros(len(nodes)),
    )


def rows(arrays: ZoneArrays) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(len(arrays.count))


def two(first: int, second: int) -> list[Zone]:
    """Two zones of 16 cores of which so many are free."""
    return [{"cpu": (16, first)}, {"cpu": (16, second)}]


FOUR = Need({"cpu": 4.0})
FLEET = zones_of(
    ("single-numa-node", two(16, 2)),
    ("single-numa-node", two(3, 3)),
    ("restricted", two(2, 2)),
    ("best-effort", two(2, 0)),
    ("none", two(16, 16)),
    ("", []),
)


def test_the_term_is_the_share_that_can_be_aligned() -> None:
    found = numa(FLEET, FOUR, rows(FLEET))
    assert found is not None
    assert found[:5].tolist() == [1.0, 0.0, 0.0, 0.5 + 0.5 * 0.5, 0.5]
    assert np.isnan(found[5])


def test_restricted_admits_what_no_zone_could_ever_hold() -> None:
    arrays = zones_of(("restricted", two(16, 16)), ("single-numa-node", two(16, 16)))
    assert numa(arrays, Need({"cpu": 32.0}), rows(arrays)) == pytest.approx([0.75, 0.0])


def test_the_term_is_absent_without_a_need_a_topology_or_one_that_is_not_old() -> None:
    assert numa(None, FOUR, rows(FLEET)) is None
    assert numa(FLEET, Need(), rows(FLEET)) is None
    assert numa(replace(FLEET, old=np.ones(6, dtype=np.bool_)), FOUR, rows(FLEET)) is None


def told(arrays: ZoneArrays, need: Need, *nodes: int) -> dict[int, tuple[str, bool]]:
    asked = np.array(nodes) if nodes else rows(arrays)
    groups = refusals(arrays, need, asked, None)
    return {row: (reason, full) for refused, reason, full in groups for row in refused.tolist()}


def test_required_is_refused_with_the_reason_and_only_full_zones_can_be_freed() -> None:
    found = told(FLEET, FOUR)
    promise = "NUMA alignment is required, the kubelet's topology manager policy {} does not promise it"
    assert found == {
        1: ("no NUMA zone has 4 cpu free", True),
        2: ("no NUMA zone has 4 cpu free", True),
        3: (promise.format("best-effort"), False),
        4: (promise.format("none"), False),
        5: ("NUMA alignment is required and the node's topology is not known", False),
    }
    assert told(FLEET, Need({"cpu": 17.0}), 0) == {0: ("no NUMA zone is large enough for 17 cpu", False)}
    assert told(FLEET, Need(), 0, 5) == dict.fromkeys((0, 5), (UNALIGNED, False))
    assert told(FLEET, Need({"cpu": 1.0, CLAIMED: 1.0}), 0) == {0: (CLAIMS_UNALIGNED, False)}


def test_pods_that_the_topology_does_not_show_are_named() -> None:
    arrays = replace(FLEET, unshown=np.array([0, 2, 0, 0, 0, 0]))
    reason, _ = told(arrays, FOUR)[1]
    assert reason == "no NUMA zone has 4 cpu free; 2 pod(s) that the topology does not show yet count in every zone"


def test_pods_under_way_count_in_every_zone_of_their_node() -> None:
    taken = np.zeros((3, 1))
    taken[0] = 13.0
    reserved = Reserved(np.array([0]), taken, np.array([False]))
    assert shares(FLEET, FOUR, rows(FLEET), reserved)[0] == pytest.approx(3 / 4)
    assert shares(FLEET, FOUR, np.array([1, 2]), reserved) == pytest.approx([3 / 4, 2 / 4])


def test_a_pod_that_may_start_anywhere_needs_room_in_every_zone() -> None:
    roaming = Need({"cpu": 4.0}, roams=True)
    assert shares(FLEET, roaming, rows(FLEET))[0] == pytest.approx(2 / 4)
    assert large_enough(FLEET, roaming, rows(FLEET)).tolist()[:2] == [True, True]
    narrow = zones_of(("restricted", [{"cpu": (16, 16)}, {"cpu": (2, 2)}]))
    assert not large_enough(narrow, roaming, rows(narrow)).any()


def test_a_resource_that_no_zone_lists_binds_to_none() -> None:
    assert shares(FLEET, Need({"example.com/dongle": 3.0}), rows(FLEET)).tolist()[:5] == [1.0] * 5
    assert shares(FLEET, Need({GPU: 3.0}), rows(FLEET)).tolist()[:5] == [1.0] * 5


sizes = st.fixed_dictionaries({"cpu": st.integers(0, 8), "memory": st.integers(0, 8), GPU: st.integers(0, 4)})
requests = st.fixed_dictionaries({"cpu": st.integers(0, 8), "memory": st.integers(0, 8), GPU: st.integers(0, 3)})
containers = st.fixed_dictionaries({"requests": requests, "init": st.booleans()})


def need_of(pod: list[dict[str, object]]) -> Need:
    total = {resource: float(sum(one["requests"][resource] for one in pod)) for resource in RESOURCES}  # type: ignore[index]
    roams = any(one["init"] and any(one["requests"].values()) for one in pod)  # type: ignore[attr-defined]
    return Need({resource: amount for resource, amount in total.items() if amount}, roams)


def refused(arrays: ZoneArrays, need: Need, reserved: Reserved | None = None) -> bool:
    return any(len(found) for found, _, _ in refusals(arrays, need, np.array([0]), reserved))


@given(
    st.sampled_from(["restricted", "single-numa-node"]),
    st.sampled_from(["container", "pod"]),
    st.lists(sizes, min_size=1, max_size=3),
    st.lists(st.lists(containers, min_size=1, max_size=3), min_size=1, max_size=6),
)
def test_whatever_is_let_through_is_admitted(
    policy: str, scope: str, zones: list[dict[str, int]], pods: list[list[dict[str, object]]]
) -> None:
    """Also one after another on the same photograph, with those before reserved."""
    kubelet = Kubelet(policy, scope, zones)
    for number, pod in enumerate(pods[:-1]):
        kubelet.admit(str(number), pod, guaranteed=True)
    spans = any(len(group) > 1 for running in kubelet.running.values() for _, group in running.groups)
    arrays = zones_of((policy, kubelet.photograph()))
    need = need_of(pods[-1])
    if spans or not need:  # groups of memory are the business of the extender's `Zones`
        return
    before = np.zeros((3, 1))
    for turn in range(3):
        reserved = Reserved(np.array([0]), before * turn, np.array([need.roams and turn > 0]))
        before[:, 0] = [need.amounts.get(resource, 0.0) for resource in RESOURCES]
        if refused(arrays, need, reserved):
            break
        assert kubelet.admit(f"turn-{turn}", pods[-1], guaranteed=True)


@given(st.sampled_from(["container", "pod"]), st.lists(sizes, min_size=1, max_size=3), st.lists(requests, min_size=1))
def test_for_pods_of_one_container_the_predicate_is_the_kubelets(
    scope: str, zones: list[dict[str, int]], pods: list[dict[str, int]]
) -> None:
    kubelet = Kubelet("single-numa-node", scope, zones)
    for number, request in enumerate(pods):
        arrays = zones_of(("single-numa-node", kubelet.photograph()))
        pod: list[dict[str, object]] = [{"requests": request, "init": False}]
        if need := need_of(pod):
            fits = not refused(arrays, need)
            assert kubelet.admit(str(number), pod, guaranteed=True) == fits
