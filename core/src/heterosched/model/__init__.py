"""Value types: nodes, devices, tasks, schedules, telemetry. Frozen, without I/O and without a clock."""

from heterosched.model.cluster import Cluster, Demand, Link, Node, Reservation, Taint
from heterosched.model.devices import CPU, DEVICE_TYPES, DeviceType, device_of_node, device_of_product
from heterosched.model.schedule import Assignment, Schedule
from heterosched.model.tasks import Edge, Option, Origin, Task, TaskGraph
from heterosched.model.telemetry import NO_TELEMETRY, Telemetry

__all__ = [
    "CPU",
    "DEVICE_TYPES",
    "NO_TELEMETRY",
    "Assignment",
    "Cluster",
    "Demand",
    "DeviceType",
    "Edge",
    "Link",
    "Node",
    "Option",
    "Origin",
    "Reservation",
    "Schedule",
    "Taint",
    "Task",
    "TaskGraph",
    "Telemetry",
    "device_of_node",
    "device_of_product",
]
