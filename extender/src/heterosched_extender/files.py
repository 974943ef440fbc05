"""A world from a file: a List of nodes as `kubectl get nodes -o json` writes it, and what else it may hold."""

from __future__ import annotations

from pathlib import Path

import msgspec

from heterosched.errors import InvalidInput
from heterosched.kube.dra import ClaimObject, SliceObject
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.kube.topology import TopologyObject, to_topology
from heterosched.model import DEVICE_TYPES, DeviceTable
from heterosched_extender.objects import (
    PolicyObject,
    ProfileObject,
    TasObject,
    policy_rows,
    profile_figures,
    tas_policies,
)
from heterosched_extender.world import World


class _Kind(msgspec.Struct):
    kind: str = ""


class _List(msgspec.Struct):
    kind: str = ""
    items: list[msgspec.Raw] | None = None


def world_of(path: Path, devices: DeviceTable = DEVICE_TYPES) -> World:
    """Read nodes, their topologies and slices, pods, claims, SchedulingPolicies, ThroughputProfiles, TASPolicies.

    Raises InvalidInput when the file cannot be read, is no List, or holds no node.
    """
    label = f"snapshot {path}"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_List)
        return _world(found, label, devices)
    except OSError as error:
        raise InvalidInput(label, "", str(error), "give a file written by `kubectl get nodes -o json`") from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidInput(label, "items", str(error), "give a file written by `kubectl get nodes -o json`") from error


def _world(found: _List, label: str, devices: DeviceTable) -> World:
    world = World(devices=devices)
    single = found.kind.removesuffix("List")
    policies: list[PolicyObject] = []
    profiles: list[ProfileObject] = []
    tas: list[TasObject] = []
    nodes = 0
    for item in found.items or ():
        kind = msgspec.json.decode(item, type=_Kind).kind or single
        if kind == "Node":
            world.put_node(msgspec.json.decode(item, type=NodeObject))
            nodes += 1
        elif kind == "Pod":
            world.put_pod(msgspec.json.decode(item, type=PodObject))
        elif kind == "NodeResourceTopology":
            topology = to_topology(msgspec.json.decode(item, type=TopologyObject), world.problems, 0.0)
            if topology is not None:
                world.zones.put_topology(topology)
        elif kind == "ResourceSlice":
            sliced = msgspec.json.decode(item, type=SliceObject)
            world.put_slice(sliced.key, sliced)
        elif kind == "ResourceClaim":
            claim = msgspec.json.decode(item, type=ClaimObject)
            world.put_claim(claim.key, claim)
        elif kind == "SchedulingPolicy":
            policies.append(msgspec.json.decode(item, type=PolicyObject))
        elif kind == "ThroughputProfile":
            profiles.append(msgspec.json.decode(item, type=ProfileObject))
        elif kind == "TASPolicy":
            tas.append(msgspec.json.decode(item, type=TasObject))
    if not nodes:
        raise InvalidInput(label, "items", "there is no node in it", "give a List with at least one Node")
    world.set_policies(policy_rows(policies, world.problems))
    world.set_profiles(profile_figures(profiles, world.problems))
    world.set_tas(tas_policies(tas, world.problems))
    return world
