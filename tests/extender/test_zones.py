"""A bound pod counts in every zone of its node until the node's topology is sure to show it, and no longer."""

from __future__ import annotations

import random

import numpy as np
import pytest

from heterosched.model.topology import Need, Topology, Zone
from heterosched.policy.nodes import Roster
from heterosched.policy.zone_arrays import ZoneArrays
from heterosched_extender.zones import Zones

NOW = 1_000.0
ROSTER = Roster.of(1, ["a", "b"])
FOUR = Need({"cpu": 4.0})


def a_topology(
    at: float, *free: float, node: str = "a", size: float = 16.0, policy: str = "single-numa-node"
) -> Topology:
    zones = [Zone(f"node-{number}", {"cpu": size}, {"cpu": left}) for number, left in enumerate(free)]
    return Topology(node, tuple(zones), policy, updated_at=at)


def shown(zones: Zones, now: float = NOW) -> ZoneArrays:
    found = zones.arrays(ROSTER, now)
    assert found is not None
    return found


def free(zones: Zones, now: float = NOW) -> list[float]:
    found: list[float] = shown(zones, now).free[0, :, 0].tolist()
    return found


def test_without_any_topology_there_is_no_picture() -> None:
    zones = Zones()
    zones.put_pod("u", "a", FOUR, None)
    assert zones.arrays(ROSTER, NOW) is None
    zones.put_topology(a_topology(NOW, 16, 16))
    assert zones.arrays(ROSTER, NOW) is not None
    zones.drop_topology("a")
    assert zones.arrays(ROSTER, NOW) is None
    assert zones.known == 0


def test_a_pod_that_has_not_started_counts_in_every_zone() -> None:
    zones = Zones()
    zones.put_topology(a_topology(NOW + 99, 16, 10))
    zones.put_pod("u", "a", FOUR, None)
    assert free(zones) == [12, 6]
    assert shown(zones).unshown.tolist() == [1, 0]
    zones.drop_pod("u")
    assert free(zones) == [16, 10]


@pytest.mark.parametrize(("written", "settled"), [(4.0, False), (5.0, True), (6.0, True)])
def test_a_topology_written_long_enough_after_the_start_shows_the_pod(written: float, settled: bool) -> None:
    zones = Zones(settle_seconds=5)
    zones.put_pod("u", "a", FOUR, NOW)
    zones.put_topology(a_topology(NOW + written, 12, 16))
    assert free(zones, NOW + 6) == ([12, 16] if settled else [8, 12])


@pytest.mark.parametrize(
    ("written", "left", "let_go"), [(1.0, 12.0, True), (-1.0, 12.0, False), (1.0, 14.0, False), (1.0, 16.0, True)]
)
def test_silence_after_a_look_at_the_pod_says_that_it_is_shown(written: float, left: float, let_go: bool) -> None:
    """Unless what is in use does not cover the pod; where no CPU at all is in use nobody accounts for CPUs."""
    zones = Zones(settle_seconds=5, quiet_seconds=90)
    zones.put_pod("u", "a", FOUR, NOW)
    zones.put_topology(a_topology(NOW + written, left, 16))
    assert free(zones, NOW + 89) == [left - 4, 12]
    zones.pass_time(NOW + 90)
    assert free(zones, NOW + 90) == ([left, 16] if let_go else [left - 4, 12])
    assert shown(zones, NOW + 90).old.tolist() == [not let_go, False]


def test_time_alone_changes_nothing_before_it_is_due() -> None:
    zones = Zones()
    zones.put_pod("u", "a", FOUR, NOW)
    zones.put_topology(a_topology(NOW + 1, 12, 16))
    first = shown(zones, NOW)
    zones.pass_time(NOW + 50)
    assert not zones.stale
    assert shown(zones, NOW + 50) is first


def test_a_pod_whose_memory_no_zone_holds_closes_the_memory_of_all() -> None:
    zones = Zones()
    amounts = [Zone(f"node-{n}", {"memory": 8.0, "cpu": 4.0}, {"memory": 2.0, "cpu": 4.0}) for n in (0, 1)]
    zones.put_topology(Topology("a", tuple(amounts), "restricted", updated_at=NOW))
    number = shown(zones).resources["memory"]
    assert shown(zones).free[number, :, 0].tolist() == [2, 2]
    zones.put_pod("u", "a", Need({"memory": 12.0}), NOW - 1000)
    assert shown(zones).free[number, :, 0].tolist() == [0, 0]


def test_nodes_differ_in_zones_and_resources() -> None:
    zones = Zones()
    zones.put_topology(a_topology(NOW, 16, 16))
    wide = tuple(
        Zone(f"node-{n}", {"gpu.example/x": 1.0}, {"gpu.example/x": 0.0}, {f"node-{n}": 10.0}) for n in range(4)
    )
    first = shown(zones)
    zones.put_topology(Topology("b", wide, "restricted", updated_at=NOW))
    both = shown(zones)
    assert first.size.shape == (1, 2, 2) and both.size.shape == (2, 4, 2)
    cpu, device = both.resources["cpu"], both.resources["gpu.example/x"]
    assert both.size[cpu, :, 0].tolist() == [16, 16, -1, -1]
    assert both.size[cpu, :, 1].tolist() == [np.inf] * 4
    assert both.size[device, :, 0].tolist() == [np.inf, np.inf, -1, -1]
    assert both.count.tolist() == [2, 4]


def test_a_picture_is_never_written_to() -> None:
    zones = Zones()
    zones.put_topology(a_topology(NOW, 16, 16))
    first = shown(zones)
    zones.put_pod("u", "a", FOUR, None)
    assert shown(zones) is not first
    assert first.free[0, :, 0].tolist() == [16, 16]
    assert shown(zones).size is first.size


def test_a_new_roster_renumbers_and_a_pod_that_moves_leaves_nothing() -> None:
    zones = Zones()
    zones.put_topology(a_topology(NOW, 16, 16))
    zones.put_topology(a_topology(NOW, 8, 8, node="b"))
    zones.put_pod("u", "a", FOUR, None)
    zones.put_pod("u", "b", FOUR, None)
    turned = zones.arrays(Roster.of(2, ["b", "a"]), NOW)
    assert turned is not None
    assert turned.free[0].T.tolist() == [[4, 4], [16, 16]]


@pytest.mark.parametrize("seed", range(5))
def test_nodes_that_come_and_go_leave_the_picture_that_a_new_look_would_give(seed: int) -> None:
    """Topologies and pods may come before their node, and stay when it goes."""
    chance = random.Random(seed)
    zones, topologies, pods = Zones(), dict[str, Topology](), dict[str, str]()
    names = [f"n{number}" for number in range(6)]
    for step in range(120):
        node = chance.choice(names)
        if chance.random() < 0.4:
            topologies[node] = a_topology(NOW, *(float(chance.randint(0, 16)) for _ in range(2)), node=node)
            zones.put_topology(topologies[node])
        elif chance.random() < 0.2 and topologies.pop(node, None) is not None:
            zones.drop_topology(node)
        else:
            pods[f"p{step % 9}"] = node
            zones.put_pod(f"p{step % 9}", node, FOUR, None)
        roster = Roster.of(step, sorted(chance.sample(names, chance.randint(1, 6))))
        found, fresh = zones.arrays(roster, NOW), Zones()
        for topology in topologies.values():
            fresh.put_topology(topology)
        for uid, home in pods.items():
            fresh.put_pod(uid, home, FOUR, None)
        expected = fresh.arrays(roster, NOW)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            known = expected.count > 0
            assert found.count.tolist() == expected.count.tolist()
            assert found.unshown[known].tolist() == expected.unshown[known].tolist()
            assert found.free[:, :, known].tolist() == expected.free[:, :, known].tolist()
