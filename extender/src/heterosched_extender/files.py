"""A world from a file: a List of nodes as `kubectl get nodes -o json` writes it, and what else it may hold."""

from __future__ import annotations

from pathlib import Path

import msgspec

from heterosched.errors import InvalidInput
from heterosched.kube.objects import NodeObject, PodObject
from heterosched_extender.objects import PolicyObject, ProfileObject, policy_rows, profile_figures
from heterosched_extender.world import World


class _Kind(msgspec.Struct):
    kind: str = ""


class _List(msgspec.Struct):
    kind: str = ""
    items: list[msgspec.Raw] | None = None


def world_of(path: Path) -> World:
    """Read nodes, pods, SchedulingPolicies and ThroughputProfiles; other kinds are passed over.

    Raises InvalidInput when the file cannot be read, is no List, or holds no node.
    """
    label = f"snapshot {path}"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_List)
        return _world(found, label)
    except OSError as error:
        raise InvalidInput(label, "", str(error), "give a file written by `kubectl get nodes -o json`") from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidInput(label, "items", str(error), "give a file written by `kubectl get nodes -o json`") from error


def _world(found: _List, label: str) -> World:
    world = World()
    single = found.kind.removesuffix("List")
    policies: list[PolicyObject] = []
    profiles: list[ProfileObject] = []
    nodes = 0
    for item in found.items or ():
        kind = msgspec.json.decode(item, type=_Kind).kind or single
        if kind == "Node":
            world.put_node(msgspec.json.decode(item, type=NodeObject))
            nodes += 1
        elif kind == "Pod":
            world.put_pod(msgspec.json.decode(item, type=PodObject))
        elif kind == "SchedulingPolicy":
            policies.append(msgspec.json.decode(item, type=PolicyObject))
        elif kind == "ThroughputProfile":
            profiles.append(msgspec.json.decode(item, type=ProfileObject))
    if not nodes:
        raise InvalidInput(label, "items", "there is no node in it", "give a List with at least one Node")
    world.set_policies(policy_rows(policies, world.problems))
    world.set_profiles(profile_figures(profiles, world.problems))
    return world
