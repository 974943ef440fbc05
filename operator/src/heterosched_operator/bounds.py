"""Keeps a status within the bounds of its schema: a status that the API server refuses would stop the job for good.

Figures of absurd but valid specs (a trillion seconds at a gigawatt) are told as the largest that there is room for.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from heterosched.api.status import HeteroJobStatus

WHOLE_DIGITS: Final = 19
LARGEST: Final = "9" * WHOLE_DIGITS
FIGURES: Final = frozenset(
    {
        *("rank", "seconds", "energy_joules", "makespan_seconds", "cost", "gap_percent"),
        *("planned_seconds", "planned_energy_joules", "saved_seconds_percent", "saved_energy_percent"),
        *("price_per_kwh", "carbon_per_kwh", "carbon_grams", "power_cap_watts"),
    }
)
"""Fields that hold decimal strings."""
LENGTHS: Final = {"message": 1024, "makespan": 32, "variant": 1152, "cpus": 256, "currency": 3}
"""Characters of texts that come from outside or grow with the job."""
ITEMS: Final = {"conditions": 32, "tasks": 500, "workers": 1024, "gpu_ids": 64}
"""Entries of lists."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def bounded(status: HeteroJobStatus) -> HeteroJobStatus:
    """The status as far as its schema has room for it; the very same object where all of it fits."""
    return _bounded(status)


def _bounded(struct: _Struct) -> _Struct:
    changed = {}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        fitting = _fitting(name, value)
        if fitting is not value:
            changed[name] = fitting
    return msgspec.structs.replace(struct, **changed) if changed else struct


def _fitting(name: str, value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _bounded(value)
    if isinstance(value, str):
        if name in FIGURES and len(value) > WHOLE_DIGITS:
            return _figure(value)
        limit = LENGTHS.get(name)
        return value if limit is None or len(value) <= limit else value[:limit]
    if isinstance(value, list) and value:
        room = value if len(value) <= ITEMS.get(name, len(value)) else value[: ITEMS[name]]
        fitted = [_fitting(name, item) for item in room]
        same = len(fitted) == len(value) and all(new is old for new, old in zip(fitted, value, strict=True))
        return value if same else fitted
    return value


def _figure(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    whole = text.removeprefix("-").partition(".")[0]
    return text if len(whole) <= WHOLE_DIGITS else sign + LARGEST
