"""Quantities, durations and times convert without loss or are refused with the object and field named."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.errors import InvalidQuantity
from heterosched.units import (
    LARGEST,
    format_duration,
    format_quantity,
    format_time,
    parse_duration,
    parse_quantity,
    parse_time,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0.0),
        ("12.5", 12.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("+3", 3.0),
        ("500m", 0.5),
        ("250u", 0.00025),
        ("7n", 7e-9),
        ("2k", 2000.0),
        ("5M", 5e6),
        ("1G", 1e9),
        ("8Gi", 8 * 2**30),
        ("1.5Ki", 1536.0),
        ("1T", 1e12),
        ("1P", 1e15),
        ("1E", 1e18),
        ("1e3", 1000.0),
        ("1E3", 1000.0),
        ("2e-2", 0.02),
        (4, 4.0),
        (0.25, 0.25),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str | int | float, number: float) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Gi",
        "1 Gi",
        "1gi",
        "1e3Ki",
        "nan",
        "inf",
        "1e",
        "--1",
        "1,5",
        "0x10",
        "٣",
        "1KiB",
        True,
        math.nan,
        math.inf,
    ],
)
def test_what_is_no_quantity_is_refused(text: str | float) -> None:
    with pytest.raises(InvalidQuantity, match=r"HeteroJob ns/a: spec.size: "):
        parse_quantity(text, object="HeteroJob ns/a", field="spec.size")


@pytest.mark.parametrize("value", [None, [], ["1"], {"cpu": "1"}, b"1"])
def test_what_is_neither_text_nor_number_is_refused_with_its_field(value: Any) -> None:
    with pytest.raises(InvalidQuantity, match=r"HeteroJob ns/a: spec.size: .* is no quantity"):
        parse_quantity(value, object="HeteroJob ns/a", field="spec.size")


HUGE = ["2E", "1Ei", "1e19", "1e400", "1e999999999999999999999", "9" * 400, 10**19, 10**5000, -(10**5000)]


@pytest.mark.parametrize("text", HUGE, ids=[f"huge{number}" for number in range(len(HUGE))])
def test_huge_numbers_are_refused_whatever_their_form(text: str | int) -> None:
    with pytest.raises(InvalidQuantity):
        parse_quantity(text)


def test_numbers_too_small_to_tell_from_zero_are_no_accident() -> None:
    assert parse_quantity("1e-400") == 0.0
    with pytest.raises(InvalidQuantity, match="not above zero"):
        parse_quantity("1e-400", positive=True)


@pytest.mark.parametrize("text", ["-1", -1, -0.5, "-500m"])
def test_negative_numbers_are_refused_unless_asked_for(text: str | float) -> None:
    with pytest.raises(InvalidQuantity, match="below 0"):
        parse_quantity(text)
    assert parse_quantity(text, least=-10) < 0


def test_zero_is_refused_where_a_positive_number_is_needed() -> None:
    with pytest.raises(InvalidQuantity, match="above zero"):
        parse_quantity("0", positive=True)


@given(st.floats(min_value=0, max_value=LARGEST))
def test_a_formatted_quantity_reads_back_to_its_last_digit(number: float) -> None:
    assert parse_quantity(format_quantity(number, 6)) == pytest.approx(number, abs=5.1e-7, rel=1e-15)


@given(st.floats(min_value=-1e15, max_value=1e15))
def test_formatted_quantities_fit_the_pattern_of_a_status(number: float) -> None:
    text = format_quantity(number)
    assert text != "-0"
    assert not set(text) - set("-0123456789.")
    assert not text.endswith(".")


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0"), (-0.0001, "0"), (612.5, "612.5"), (1e15, "1000000000000000"), (0.12345, "0.123")]
)
def test_formatted_quantities_have_no_superfluous_digit(number: float, text: str) -> None:
    assert format_quantity(number) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2h30m", 9000.0), ("90s", 90.0), ("1.5s", 1.5), ("0s", 0.0), ("1h", 3600.0), ("1h2m3s", 3723.0), (" 5m ", 300.0)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "-5s", "1d", "s", "1m1h", "1.5h", "1e3s", "٣s", "9" * 400 + "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuantity, match=r"HeteroJob ns/a: spec.deadline.within: "):
        parse_duration(text, object="HeteroJob ns/a", field="spec.deadline.within")


@given(st.integers(min_value=0, max_value=10_000_000))
def test_whole_seconds_survive_as_a_duration_for_people(seconds: int) -> None:
    shown = parse_duration(format_duration(seconds))
    assert abs(shown - seconds) < (60 if seconds >= 3600 else 1)


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.5, "12.5s"), (59.97, "1m00s"), (200, "3m20s"), (7500, "2h05m"), (0, "0.0s")]
)
def test_durations_are_shown_at_the_precision_that_people_can_use(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    "text",
    ["1970-01-01T00:01:40Z", "1970-01-01T02:01:40+02:00", "1970-01-01T00:01:40.000Z", "1970-01-01t00:01:40+00:00"],
)
def test_times_are_read_in_any_zone(text: str) -> None:
    assert parse_time(text) == 100.0


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-31", "2026-01-31T18:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_or_has_no_zone_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuantity, match=r"HeteroJob ns/a: spec.deadline.at: "):
        parse_time(text, object="HeteroJob ns/a", field="spec.deadline.at")


@given(st.integers(min_value=0, max_value=253_402_300_799_000))
def test_times_survive_to_the_millisecond(milliseconds: int) -> None:
    assert parse_time(format_time(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)


@given(st.integers(min_value=0, max_value=253_402_300_799))
def test_whole_seconds_are_written_without_a_fraction(seconds: int) -> None:
    text = format_time(seconds)
    assert len(text) == len("2026-01-31T18:00:00Z")
    assert text.endswith("Z")


@pytest.mark.parametrize("seconds", [1e12, 1e18, math.inf])
def test_a_time_beyond_the_calendar_is_its_last_second(seconds: float) -> None:
    assert format_time(seconds) == "9999-12-31T23:59:59Z"
