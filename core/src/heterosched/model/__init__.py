"""Value types: nodes, devices, tasks, schedules, telemetry. Frozen, without I/O and without a clock."""

from heterosched.model.cluster import Cluster, Demand, Link, Node, Reservation, Taint
from heterosched.model.devices import CPU, DEVICE_TYPES, DeviceTable, DeviceType
from heterosched.model.power import PowerModel
from heterosched.model.schedule import Assignment, Schedule
from heterosched.model.tasks import Edge, Option, Task, TaskGraph
from heterosched.model.telemetry import NO_TELEMETRY, Telemetry
from heterosched.model.throughput import Confidence, Figure, OperatingPoint, Origin, ThroughputModel

__all__ = [
    "CPU",
    "DEVICE_TYPES",
    "NO_TELEMETRY",
    "Assignment",
    "Cluster",
    "Confidence",
    "Demand",
    "DeviceTable",
    "DeviceType",
    "Edge",
    "Figure",
    "Link",
    "Node",
    "OperatingPoint",
    "Option",
    "Origin",
    "PowerModel",
    "Reservation",
    "Schedule",
    "Taint",
    "Task",
    "TaskGraph",
    "Telemetry",
    "ThroughputModel",
]
