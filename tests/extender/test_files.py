"""A List in a file becomes a world: nodes, bound pods, policies and profiles; what is wrong with it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extender_calls import NOW, a_node, a_pod_manifest
from heterosched.errors import InvalidInput
from heterosched_extender.files import world_of
from manifests import a_policy, a_profile


def a_file(folder: Path, *items: dict[str, Any], kind: str = "List") -> Path:
    path = folder / "nodes.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": kind, "items": items}))
    return path


def test_a_list_of_everything_is_read(tmp_path: Path) -> None:
    pod = a_pod_manifest("p", node="t4-0", gpus=3)
    policy, profile = a_policy("green", weights={"energy": 1}), a_profile("bert", "team")
    other = {"kind": "ConfigMap", "metadata": {"name": "x"}}
    snapshot = world_of(a_file(tmp_path, a_node("t4-0"), pod, policy, profile, other)).snapshot(NOW)
    assert snapshot.roster.names == ("t4-0",)
    assert snapshot.nodes.free_gpus.tolist() == [1.0]
    assert snapshot.policies["green"].weights["energy"] == 1
    assert snapshot.profiles["team", "bert"].seconds == {"nvidia-v100": pytest.approx(1 / 390)}
    assert snapshot.profiles["team", "bert"].watts == {"nvidia-v100": 250.0}


def test_items_of_a_node_list_need_no_kind(tmp_path: Path) -> None:
    node = a_node("t4-0")
    del node["kind"]
    assert world_of(a_file(tmp_path, node, kind="NodeList")).snapshot(NOW).roster.names == ("t4-0",)


def test_a_policy_that_cannot_be_used_is_left_out_and_counted(tmp_path: Path) -> None:
    world = world_of(a_file(tmp_path, a_node("t4-0"), a_policy("Balanced"), a_policy("zero", weights={})))
    assert set(world.snapshot(NOW).policies) == {"Performance", "Balanced", "Energy"}
    assert world.problems.count == 2


def test_a_profile_that_cannot_be_used_is_left_out_and_counted(tmp_path: Path) -> None:
    broken = a_profile("bad", "team", devices=[{"device": "nvidia-t4", "seconds": "-3"}])
    world = world_of(a_file(tmp_path, a_node("t4-0"), broken))
    assert world.snapshot(NOW).profiles == {}
    assert world.problems.count == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"items": [3]}', '{"items": null}', '{"kind": "List", "items": []}'])
def test_a_file_that_is_no_list_of_nodes_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "nodes.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=r"nodes\.json"):
        world_of(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.json"):
        world_of(tmp_path / "gone.json")
