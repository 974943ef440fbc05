"""A user's own rows of the device table, from a YAML or TOML file (in a cluster: a ConfigMap that is mounted).

devices:
- name: nvidia-l40s                 # as jobs and profiles name it
  products: [nvidia-l40s]           # regular expressions for the maker's product label, without regard to case
  memory: 48Gi
  idleWatts: "35"
  busyWatts: "350"
  curve: {"0.3": 180, "0.6": 280}   # watts by utilisation between idle and busy; a straight line without it
  capWatts: 300                     # where nvidia-smi -pl or the like holds it back; lowers its relative speed too
  relativeSpeed: "5.83"             # without a cap, against a V100; only where neither run time nor profile is known
  source: data sheet DA-11472       # for people
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heterosched.constants import RESOURCE_NVIDIA_GPU
from heterosched.errors import InvalidInput
from heterosched.model.devices import DEVICE_TYPES, DeviceTable, DeviceType, is_device_name
from heterosched.model.power import PowerModel
from heterosched.settings import read_mapping
from heterosched.units import parse_quantity

_KEYS = (
    "name",
    "products",
    "memory",
    "idleWatts",
    "busyWatts",
    "relativeSpeed",
    "resource",
    "source",
    "curve",
    "capWatts",
)
_AMOUNTS = ("memory", "idleWatts", "busyWatts", "relativeSpeed")


def read_device_file(path: Path | None) -> DeviceTable:
    """The device table with the rows of the file before the built-in ones; without a file these alone. Raises
    InvalidInput that names the row.
    """
    if path is None:
        return DEVICE_TYPES
    label = f"device file {path}"
    found = read_mapping(path, label)
    entries = found.get("devices")
    if set(found) != {"devices"} or not isinstance(entries, list):
        raise InvalidInput(label, "devices", "the file holds no such list, or more than that", "give a list of devices")
    return DEVICE_TYPES.with_rows(_row(entry, label, f"devices[{number}]") for number, entry in enumerate(entries))


def _row(entry: object, label: str, field: str) -> DeviceType:
    if not isinstance(entry, Mapping):
        raise InvalidInput(label, field, f"{entry!r} is no mapping", f"give {', '.join(_KEYS)}")
    unknown, missing = set(entry) - set(_KEYS), {*_KEYS[:6]} - set(entry)
    if unknown or missing:
        problem = f"unknown keys {sorted(unknown)}, missing keys {sorted(missing)}"
        raise InvalidInput(label, field, problem, f"known are {', '.join(_KEYS)}")
    amounts = {
        key: parse_quantity(entry[key], object=label, field=f"{field}.{key}", positive=key != "idleWatts")
        for key in _AMOUNTS
    }
    power = _power(entry, amounts["idleWatts"], amounts["busyWatts"], label, field)
    return DeviceType(
        name=_name(entry, label, field),
        products=_patterns(entry["products"], label, f"{field}.products"),
        power=power,
        memory_bytes=amounts["memory"],
        relative_speed=amounts["relativeSpeed"] * power.speed,
        resource=str(entry.get("resource", RESOURCE_NVIDIA_GPU)),
    )


def _power(entry: Mapping[Any, Any], idle: float, busy: float, label: str, field: str) -> PowerModel:
    def number(value: Any, where: str) -> float:
        return parse_quantity(value, object=label, field=f"{field}.{where}", positive=True)

    given = entry.get("curve", {})
    if not isinstance(given, Mapping):
        raise InvalidInput(label, f"{field}.curve", f"{given!r} is no mapping", "give watts by utilisation, 0 to 1")
    curve = sorted((number(load, "curve"), number(watts, "curve")) for load, watts in given.items())
    cap = number(entry["capWatts"], "capWatts") if "capWatts" in entry else math.inf
    try:
        return PowerModel(idle, busy, tuple(curve), cap)
    except InvalidInput as error:
        raise InvalidInput(label, f"{field}: {error.field}", error.problem, error.remedy) from error


def _name(entry: Mapping[Any, Any], label: str, field: str) -> str:
    """What jobs, profiles and their status can hold: the API server would refuse anything else there."""
    value = entry["name"]
    if not isinstance(value, str) or not is_device_name(value):
        problem = f"{value!r} is no name of small letters, digits, -, . and _, 63 at the most"
        raise InvalidInput(label, f"{field}.name", problem, "give a name such as nvidia-l40s")
    return value


def _patterns(value: object, label: str, field: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidInput(label, field, f"{value!r} is no list of texts", "give the product names that it goes by")
    for pattern in value:
        try:
            re.compile(pattern)
        except re.error as error:
            remedy = "give a regular expression, or the product's name"
            raise InvalidInput(label, field, f"{pattern!r}: {error}", remedy) from error
    return tuple(value)
