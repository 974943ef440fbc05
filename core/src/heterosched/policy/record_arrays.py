"""Columns of a record: the arrays of nodes and of what was measured of them. Null stands for NaN, and back."""

from __future__ import annotations

import msgspec
import numpy as np

from heterosched.policy.nodes import Floats, NodeArrays, Scene, Sensor, Shape

Column = list[float | None]


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Camel case, as everywhere in our JSON."""


class Nodes(Wire, frozen=True, kw_only=True):
    """`NodeArrays` and the names of the nodes."""

    names: tuple[str, ...]
    devices: tuple[str, ...]
    device: list[int]
    cores: Column
    memory: Column
    gpus: Column
    free_cores: Column
    free_memory: Column
    free_gpus: Column
    asleep: list[bool]
    idle_watts: Column
    shapes: tuple[Shape, ...] = ()


class Measured(Wire, frozen=True, kw_only=True):
    """One metric of all nodes; `sampled` in epoch seconds."""

    values: Column
    sampled: Column
    origin: str = ""


def nodes_of(scene: Scene) -> Nodes:
    """The nodes of a scene as they are written."""
    nodes = scene.nodes
    return Nodes(
        names=scene.roster.names,
        devices=nodes.devices,
        device=nodes.device.tolist(),
        cores=column(nodes.cores),
        memory=column(nodes.memory),
        gpus=column(nodes.gpus),
        free_cores=column(nodes.free_cores),
        free_memory=column(nodes.free_memory),
        free_gpus=column(nodes.free_gpus),
        asleep=nodes.asleep.tolist(),
        idle_watts=column(nodes.idle_watts),
        shapes=nodes.shapes,
    )


def arrays_of(nodes: Nodes) -> NodeArrays:
    """The nodes of a record as the terms read them."""
    return NodeArrays(
        devices=nodes.devices,
        device=np.array(nodes.device, dtype=np.int64),
        cores=floats(nodes.cores),
        memory=floats(nodes.memory),
        gpus=floats(nodes.gpus),
        free_cores=floats(nodes.free_cores),
        free_memory=floats(nodes.free_memory),
        free_gpus=floats(nodes.free_gpus),
        asleep=np.array(nodes.asleep, dtype=np.bool_),
        idle_watts=floats(nodes.idle_watts),
        shapes=nodes.shapes,
    )


def measured_of(scene: Scene) -> dict[str, Measured]:
    """All metrics of a scene as they are written."""
    return {
        metric: Measured(values=column(sensor.values), sampled=column(sensor.sampled), origin=sensor.origin)
        for metric, sensor in scene.sensors.items()
    }


def sensors_of(measured: dict[str, Measured]) -> dict[str, Sensor]:
    """The metrics of a record; one of which no node has a figure is none."""
    found = {metric: Sensor.of(floats(own.values), floats(own.sampled), own.origin) for metric, own in measured.items()}
    return {metric: sensor for metric, sensor in found.items() if sensor is not None}


def column(values: Floats) -> Column:
    """msgspec writes NaN as null."""
    found: Column = values.tolist()
    return found


def floats(written: Column) -> Floats:
    """What was read, null as NaN."""
    return np.array([np.nan if value is None else value for value in written], dtype=np.float64)
