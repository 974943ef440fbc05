"""Conversion at the edge: Kubernetes quantities, Go durations and RFC 3339 times to and from plain floats.

Inside the system time is seconds, energy joules, power watts, memory bytes. Every reader refuses NaN, infinity and
values outside the stated range, with the object and field in the error.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal

from heterosched.errors import InvalidQuantity

Quantity = str | int | float
"""A Kubernetes quantity as it stands in JSON: `"12.5"`, `"8Gi"`, `"500m"`, `4`."""

LARGEST = 1e18
"""Beyond this a figure is a mistake, not a measurement (an exabyte; thirty billion years)."""

_SUFFIXES: dict[str, Decimal] = {
    "": Decimal(1),
    **dict(zip("numkMGTPE", (Decimal(10) ** e for e in (-9, -6, -3, 3, 6, 9, 12, 15, 18)), strict=True)),
    **{f"{s}i": Decimal(1024) ** e for e, s in enumerate("KMGTPE", start=1)},
}
_NUMBER = r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_QUANTITY = re.compile(_NUMBER + r"(?:[eE][+-]?[0-9]+)?)|" + _NUMBER + r")(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)")
_DURATION = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?")
_LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def parse_quantity(
    value: Quantity, *, object: str = "quantity", field: str = "", least: float = 0.0, positive: bool = False
) -> float:
    """The plain number that a Kubernetes quantity stands for.

    Raises InvalidQuantity when it cannot be read, is below `least` (or not above zero when `positive`) or above 1e18.
    """
    number = _number(value, object, field)
    if positive and number <= 0:
        raise InvalidQuantity(object, field, f"{value!r} is not above zero", "give a positive quantity")
    if number < least:
        raise InvalidQuantity(object, field, f"{value!r} is below {least:g}", "give a larger quantity")
    if number > LARGEST:
        raise InvalidQuantity(object, field, f"{value!r} is beyond {LARGEST:g}", "check the unit suffix")
    return number


def _number(value: object, object: str, field: str) -> float:
    """Whatever stands where a quantity should: pod specs are kept as written, lists and mappings included."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidQuantity(object, field, f"{value!r} is no quantity", "write a number such as 12.5 or 8Gi")
    if isinstance(value, int):
        if abs(value) > 10 * LARGEST:
            raise InvalidQuantity(object, field, "it has more than 19 digits", "check the unit")
        return float(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidQuantity(object, field, f"{value!r} is not a finite number", "write 12.5 or 8Gi")
        return value
    match = _QUANTITY.fullmatch(value.strip())
    if match is None:
        raise InvalidQuantity(object, field, f"{value!r} is no quantity", "write a number such as 12.5, 500m or 8Gi")
    try:
        number = float(Decimal(match[1] or match[2]) * _SUFFIXES[match[3] or ""])
    except ArithmeticError as error:
        raise InvalidQuantity(object, field, f"{value!r} is out of range", "check the exponent") from error
    if not math.isfinite(number):
        raise InvalidQuantity(object, field, f"{value!r} is out of range", "check the exponent")
    return number


def format_quantity(number: float, digits: int = 3) -> str:
    """A decimal quantity with at most `digits` places and no exponent: the form in which figures stand in a status."""
    text = f"{number:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def parse_duration(text: str, *, object: str = "duration", field: str = "") -> float:
    """Seconds of a Go-style duration such as `2h30m`, `90s`, `1.5s`. Raises InvalidQuantity."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise InvalidQuantity(object, field, f"{text!r} is no duration", "write 2h30m, 45s or 1.5s")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total > LARGEST:
        raise InvalidQuantity(object, field, f"{text!r} is beyond {LARGEST:g} s", "give a shorter time")
    return total


def format_duration(seconds: float) -> str:
    """`2h05m`, `3m20s`, `12.5s`: for people, at the precision they can use."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


def parse_time(text: str, *, object: str = "time", field: str = "") -> float:
    """Seconds since the epoch of an RFC 3339 time; a time without a zone is refused. Raises InvalidQuantity."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidQuantity(object, field, f"{text!r} is no RFC 3339 time", "write 2026-01-31T18:00:00Z") from error
    if moment.tzinfo is None:
        raise InvalidQuantity(object, field, f"{text!r} has no time zone", "add Z or an offset such as +02:00")
    return moment.timestamp()


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond where it is no whole second; beyond the year 9999 its last second."""
    whole, thousandths = divmod(round(min(seconds, _LAST_MOMENT) * 1000), 1000)
    moment = datetime.fromtimestamp(whole, UTC).replace(microsecond=thousandths * 1000)
    return moment.isoformat(timespec="milliseconds" if thousandths else "seconds").replace("+00:00", "Z")
