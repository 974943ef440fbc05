"""What a pod under way may take is reserved where it may go, from the first answer until a picture shows it there."""

from __future__ import annotations

import numpy as np
import pytest

from heterosched.model.topology import Need, Topology, Zone
from heterosched.policy.nodes import Roster
from heterosched.policy.zone_arrays import ZoneArrays
from heterosched_extender.pending import LONGEST_BINDING_SECONDS, LONGEST_CHOICE_SECONDS, Pending
from heterosched_extender.zones import Zones

ROSTER = Roster.of(1, ["a", "b", "c"])
FOUR = Need({"cpu": 4.0})


def zones_of(roster: Roster) -> ZoneArrays:
    zones = Zones()
    for node in roster.names:
        zones.put_topology(Topology(node, (Zone("node-0", {"cpu": 16.0}, {"cpu": 16.0}),), "restricted"))
    found = zones.arrays(roster, 0.0)
    assert found is not None
    return found


ZONES = zones_of(ROSTER)


def reserved(
    pending: Pending, *, asking: str = "", version: int = 1, now: float = 0.0, roster: Roster = ROSTER
) -> dict[str, float]:
    zones = ZONES if roster is ROSTER else zones_of(roster)
    found = pending.reserved(zones, roster, version, asking, now)
    if found is None:
        return {}
    return dict(zip([roster.names[row] for row in found.rows.tolist()], found.taken[0].tolist(), strict=True))


def rows(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, dtype=np.int64)


def test_a_pod_counts_wherever_it_may_go_and_asking_again_replaces_it() -> None:
    pending = Pending()
    pending.send("u", FOUR, rows(0, 2), ROSTER, 0.0)
    pending.send("v", FOUR, rows(2), ROSTER, 0.0)
    assert reserved(pending) == {"a": 4.0, "c": 8.0}
    pending.send("u", FOUR, rows(1), ROSTER, 0.0)
    assert reserved(pending) == {"b": 4.0, "c": 4.0}


def test_a_pod_holds_nothing_against_itself() -> None:
    pending = Pending()
    pending.send("u", FOUR, rows(0), ROSTER, 0.0)
    assert reserved(pending, asking="u") == {}
    assert len(pending) == 0


def test_a_bound_pod_counts_where_it_went_until_a_picture_shows_it() -> None:
    pending = Pending()
    pending.send("u", FOUR, rows(0, 1), ROSTER, 0.0)
    pending.bound("u", "c", version=7)
    assert reserved(pending, version=7) == {"c": 4.0}
    assert reserved(pending, version=8) == {}
    assert len(pending) == 0


@pytest.mark.parametrize("end", ["forgotten", "too old"])
def test_a_pod_that_is_gone_or_was_never_bound_gives_back(end: str) -> None:
    pending = Pending()
    pending.send("u", FOUR, rows(0), ROSTER, 0.0)
    pending.send("v", FOUR, rows(1), ROSTER, 60.0)
    if end == "forgotten":
        pending.forget("u")
    assert reserved(pending, now=LONGEST_BINDING_SECONDS) == {"b": 4.0}


def test_a_pod_that_waits_for_its_volumes_keeps_its_zone_and_one_of_which_nothing_came_keeps_none() -> None:
    pending = Pending()
    pending.send("volumes", FOUR, rows(0), ROSTER, 0.0)
    pending.send("undecided", FOUR, rows(0, 1, 2), ROSTER, 0.0)
    pending.send("decided", FOUR, rows(0, 1, 2), ROSTER, 0.0)
    pending.bound("decided", "c", version=1)
    assert reserved(pending, now=LONGEST_CHOICE_SECONDS) == {"a": 4.0, "c": 4.0}
    assert reserved(pending, now=600.0) == {"a": 4.0, "c": 4.0}
    assert reserved(pending, now=LONGEST_BINDING_SECONDS) == {}


def test_bindings_of_pods_that_were_not_asked_about_are_no_matter() -> None:
    pending = Pending()
    pending.bound("stranger", "a", version=1)
    pending.forget("stranger")
    assert reserved(pending) == {}


def test_nodes_that_are_numbered_anew_keep_their_pods() -> None:
    pending = Pending()
    pending.send("u", FOUR, rows(0, 2), ROSTER, 0.0)
    assert reserved(pending) == {"a": 4.0, "c": 4.0}
    assert reserved(pending, roster=Roster.of(2, ["c", "d"])) == {"c": 4.0}


def test_a_node_on_which_a_pod_may_start_anywhere_is_marked() -> None:
    pending = Pending()
    pending.send("u", Need({"cpu": 1.0}, roams=True), rows(0), ROSTER, 0.0)
    pending.send("v", FOUR, rows(1), ROSTER, 0.0)
    found = pending.reserved(ZONES, ROSTER, 1, "", 0.0)
    assert found is not None
    assert found.every.tolist() == [True, False]
