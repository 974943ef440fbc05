"""The second scheduler asks the extender about all nodes, lets its advice win, and never skips it for strict pods."""

from __future__ import annotations

import yaml

from heterosched.constants import SCHEDULER_NAME
from heterosched.constants import STRICT_RESOURCE as STRICT
from heterosched.constants import TAS_RESOURCE as TAS
from scheduler_config import EXTENDER_WEIGHT, IN_TREE_WEIGHTS, PROFILE, STRICT_RESOURCE, TAS_RESOURCE, scheduler_config

CONFIG = scheduler_config("/k", "http://127.0.0.1:7")
ADVICE, STRICT_ENTRY = CONFIG["extenders"]


def test_names_are_those_of_the_library() -> None:
    assert PROFILE == SCHEDULER_NAME
    assert STRICT_RESOURCE == STRICT
    assert TAS_RESOURCE == TAS


def test_a_single_step_of_advice_outweighs_all_in_tree_scorers_together() -> None:
    assert 100 * sum(IN_TREE_WEIGHTS.values()) < 10 * EXTENDER_WEIGHT
    assert ADVICE["weight"] == EXTENDER_WEIGHT


def test_advice_is_ignorable_and_the_strict_filter_is_not() -> None:
    assert ADVICE["ignorable"] is True
    assert ADVICE["urlPrefix"] == "http://127.0.0.1:7/narrow", "by its weight none but the best could win"
    assert "managedResources" not in ADVICE
    assert STRICT_ENTRY["ignorable"] is False
    assert STRICT_ENTRY["managedResources"] == [
        {"name": resource, "ignoredByScheduler": True} for resource in (STRICT, TAS)
    ]
    assert "prioritizeVerb" not in STRICT_ENTRY
    assert f"{STRICT_ENTRY['urlPrefix']}/{STRICT_ENTRY['filterVerb']}" == "http://127.0.0.1:7/strict/filter"


def test_every_node_is_looked_at_and_only_names_are_sent() -> None:
    assert CONFIG["percentageOfNodesToScore"] == 100
    assert ADVICE["nodeCacheCapable"] and STRICT_ENTRY["nodeCacheCapable"]


def test_the_configuration_is_plain_yaml_and_leader_election_has_a_lock_of_its_own() -> None:
    assert yaml.safe_load(yaml.safe_dump(CONFIG)) == CONFIG
    assert CONFIG["leaderElection"] == {"leaderElect": False}
    assert scheduler_config("", leader_elect=True)["leaderElection"]["resourceName"] == PROFILE
