"""What is known of a task on each device type, where each figure comes from, and what may be concluded from it.

Figures in the job come before what a profile has learned, and that, once it is enough, before what the profile was
given (`heterosched.model.correction.outweighs`). What may be concluded for a device that the user names without any
figure is `heterosched.model.ThroughputModel`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from heterosched.api import ThroughputProfile
from heterosched.api.heterojob import RuntimeOn, TaskSpec, ThroughputOn
from heterosched.api.policy import LearnedDevice, ProfileDevice
from heterosched.model import CPU, Demand, DeviceTable, Figure, OperatingPoint, Origin
from heterosched.model.correction import outweighs
from heterosched.model.devices import CORES_PER_SOCKET, SOCKET_BUSY_WATTS
from heterosched.units import Quantity, parse_quantity

CORE_WATTS = SOCKET_BUSY_WATTS / CORES_PER_SOCKET
"""Watts of a busy core: a busy socket's power spread over its cores (7.5 W)."""


def known_figures(task: TaskSpec, profile: ThroughputProfile | None, object: str) -> dict[str, Figure]:
    """Figures by device type, as given or learned. Raises InvalidInput that names the job or the profile."""
    found = {} if profile is None else profile_figures(profile, task.work.training is not None)
    field = f"spec.tasks[{task.name}].work"
    if task.work.training is not None:
        found.update(_inline(task.work.training.throughput_on, object, f"{field}.training.throughputOn"))
    else:
        found.update(_inline(task.work.runtime_on, object, f"{field}.runtimeOn"))
    return found


def profile_figures(profile: ThroughputProfile, training: bool) -> dict[str, Figure]:
    """A profile's figures by device type, as given or, where it learned enough, as learned: samples/s of one worker for
    training, else seconds. Raises InvalidInput.
    """
    found: dict[str, Figure] = {}
    for row in profile.spec.devices:
        figure = _profile_figure(row, training, profile.label, "spec")
        if figure is not None:
            found[row.device] = figure
    for own in profile.status.devices:
        figure = _profile_figure(own, training, profile.label, "status")
        if figure is not None:
            found[own.device] = _corrected(found.get(own.device), figure, own)
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


def _corrected(given: Figure | None, learned: Figure, row: LearnedDevice) -> Figure:
    """What was learned where it outweighs what was given; given watts stand as long as none were measured. Runs teach
    what holds without a cap: what caps make of it keeps its proportion.
    """
    if given is None:
        return replace(learned, percent=row.confidence_percent)
    if not outweighs(learned.value, row.samples, given.value, given.origin == "measured"):
        return given
    watts = given.watts if learned.watts is None else learned.watts
    slower, hungrier = learned.value / given.value, watts / given.watts if watts and given.watts else 1.0
    caps = tuple(replace(own, seconds=own.seconds * slower, watts=own.watts * hungrier) for own in given.caps)
    return replace(learned, watts=watts, percent=row.confidence_percent, caps=caps)


def _profile_figure(row: ProfileDevice | LearnedDevice, training: bool, object: str, part: str) -> Figure | None:
    """The row's figure; None where it does not say what the task needs (a throughput, or a run time)."""
    where = f"{part}.devices[{row.device}]"
    watts = _watts(row.watts, object, where)
    value, name = (row.samples_per_second, "samplesPerSecond") if training else (row.seconds, "seconds")
    if value is None:
        return None
    number = parse_quantity(value, object=object, field=f"{where}.{name}", positive=True)
    caps = () if training or isinstance(row, LearnedDevice) else tuple(_capped(row, object, where))
    return Figure(number, watts, _origin(row.origin), caps=caps)


def _capped(row: ProfileDevice, object: str, where: str) -> Iterator[OperatingPoint]:
    for own in row.caps:
        field = f"{where}.caps[{own.cap_watts}]"
        cap = parse_quantity(own.cap_watts, object=object, field=f"{field}.capWatts", positive=True)
        seconds = parse_quantity(own.seconds, object=object, field=f"{field}.seconds", positive=True)
        yield OperatingPoint(cap, seconds, parse_quantity(own.watts, object=object, field=f"{field}.watts"))


def _watts(value: Quantity | None, object: str, where: str) -> float | None:
    return None if value is None else parse_quantity(value, object=object, field=f"{where}.watts")


def _origin(text: str) -> Origin:
    return "measured" if text == "measured" else "simulated" if text == "simulated" else "estimated"


def drawn_watts(device: str, watts: float | None, demand: Demand, devices: DeviceTable) -> float:
    """Watts of the devices that one worker holds while it runs, their idle draw included, as DCGM measures it: as
    measured or given per device, else the device table's busy power (for `cpu`: of its cores). Never above the cap that
    the table has for the device. A slice may take all that its device does; one that the table does not know takes the
    largest there, so that it never looks economical.
    """
    if device == CPU:
        return CORE_WATTS * max(demand.cpu, 1.0) if watts is None else watts
    known = devices.cut_from(device)
    if known is None:
        return (devices.most_watts if watts is None else watts) * max(demand.gpus, 1.0)
    drawn = known.busy_watts if watts is None else min(watts, known.power.cap_watts)
    return drawn * max(demand.gpus, 1.0)
