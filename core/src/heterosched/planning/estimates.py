"""What is known of a task on each device type, where each figure comes from, and what may be concluded from it.

Figures in the job come before what a profile has learned, and that before what the profile was given. What may be
concluded for a device that the user names without any figure is `heterosched.model.ThroughputModel`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable

from heterosched.api import ThroughputProfile
from heterosched.api.heterojob import RuntimeOn, TaskSpec, ThroughputOn
from heterosched.api.policy import LearnedDevice, ProfileDevice
from heterosched.model import CPU, DEVICE_TYPES, Demand, Figure, Origin
from heterosched.model.devices import CORES_PER_SOCKET, SOCKET_BUSY_WATTS
from heterosched.units import Quantity, parse_quantity

CORE_WATTS = SOCKET_BUSY_WATTS / CORES_PER_SOCKET
"""Watts of a busy core: a busy socket's power spread over its cores (7.5 W)."""

UNKNOWN_DEVICE_WATTS = max(device.busy_watts for device in DEVICE_TYPES.values())
"""Watts of a GPU that the device table does not know: the largest there, so that it never looks economical."""


def known_figures(task: TaskSpec, profile: ThroughputProfile | None, object: str) -> dict[str, Figure]:
    """Figures by device type, as given or learned. Raises InvalidInput that names the job or the profile."""
    training = task.work.training is not None
    found: dict[str, Figure] = {}
    if profile is not None:
        given = (
            _profile_figure(row, _origin(row.origin), training, profile.label, "spec") for row in profile.spec.devices
        )
        learned = (
            _profile_figure(row, "measured", training, profile.label, "status") for row in profile.status.devices
        )
        for device, figure in (*given, *learned):
            if figure is not None:
                before = found.get(device)
                watts = before.watts if figure.watts is None and before is not None else figure.watts
                found[device] = Figure(figure.value, watts, figure.origin)
    field = f"spec.tasks[{task.name}].work"
    if task.work.training is not None:
        found.update(_inline(task.work.training.throughput_on, object, f"{field}.training.throughputOn"))
    else:
        found.update(_inline(task.work.runtime_on, object, f"{field}.runtimeOn"))
    return found


def _inline(rows: Iterable[RuntimeOn | ThroughputOn], object: str, field: str) -> Iterable[tuple[str, Figure]]:
    for row in rows:
        where = f"{field}[{row.device}]"
        if isinstance(row, ThroughputOn):
            value, name = row.samples_per_second, "samplesPerSecond"
        else:
            value, name = row.seconds, "seconds"
        number = parse_quantity(value, object=object, field=f"{where}.{name}", positive=True)
        yield row.device, Figure(number, _watts(row.watts, object, where), "estimated")


def _profile_figure(
    row: ProfileDevice | LearnedDevice, origin: Origin, training: bool, object: str, part: str
) -> tuple[str, Figure | None]:
    """The row's figure; None where it does not say what the task needs (a throughput, or a run time)."""
    where = f"{part}.devices[{row.device}]"
    watts = _watts(row.watts, object, where)
    value, name = (row.samples_per_second, "samplesPerSecond") if training else (row.seconds, "seconds")
    if value is None:
        return row.device, None
    number = parse_quantity(value, object=object, field=f"{where}.{name}", positive=True)
    return row.device, Figure(number, watts, origin)


def _watts(value: Quantity | None, object: str, where: str) -> float | None:
    return None if value is None else parse_quantity(value, object=object, field=f"{where}.watts")


def _origin(text: str) -> Origin:
    return "measured" if text == "measured" else "simulated" if text == "simulated" else "estimated"


def drawn_watts(device: str, watts: float | None, demand: Demand) -> float:
    """Watts of the devices that one worker holds while it runs, their idle draw included, as DCGM measures it: as given
    per device, else the device table's busy power (for `cpu`: of its cores).
    """
    if device == CPU:
        return CORE_WATTS * max(demand.cpu, 1.0) if watts is None else watts
    if watts is None:
        known = DEVICE_TYPES.get(device)
        watts = UNKNOWN_DEVICE_WATTS if known is None else known.busy_watts
    return watts * max(demand.gpus, 1.0)
