"""What a user asks of `bench run`, checked; and how it ended, as an exit code."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from heterosched.errors import InvalidInput
from heterosched_lab.runs.execute import Finished
from heterosched_lab.runs.folder import read
from heterosched_lab.runs.range_specs import outside, specs
from heterosched_lab.runs.show import note

LARGEST_SEED = 2**32 - 1
MOST_SEEDS = 1000
FAILED, INTERRUPTED = 1, 130


@contextmanager
def terminable() -> Iterator[None]:
    """Within it a SIGTERM is a Ctrl-C: worker processes end too, and what there is gets marked as partial."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def seeds(text: str) -> tuple[int, ...]:
    """`42,43,44` or `42..51`, or both kinds together; each seed once."""
    found: list[int] = []
    for part in text.split(","):
        first, dots, last = part.strip().partition("..")
        low, high = _seed(first, text), _seed(last if dots else first, text)
        if high < low or high - low >= MOST_SEEDS:
            raise _bad(text, f"{part.strip()} is no range of at most {MOST_SEEDS} seeds")
        found += range(low, high + 1)
    if len(set(found)) < len(found):
        raise _bad(text, "a seed is there twice: equal seeds are no repeats")
    return tuple(found)


def _seed(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > LARGEST_SEED:
        raise _bad(whole, f"{text or 'nothing'} is no whole number of 0..{LARGEST_SEED}")
    return int(text)


def _bad(text: str, problem: str) -> InvalidInput:
    return InvalidInput("option --seeds", f"{text!r}", problem, "write them as 42,43,44 or 42..51")


def settings(pairs: Sequence[str]) -> dict[str, str]:
    """`--set key=value`, each key once."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InvalidInput("option --set", pair, "is not of the form key=value")
        if key in found:
            raise InvalidInput("option --set", key, "is there twice", "give it once")
        found[key] = value
    return found


def conclude(finished: Sequence[Finished], names: Sequence[str], check_ranges: bool) -> int:
    """The exit code. A benchmark without its data fails the run where it was named, and not where it was one of all."""
    code = FAILED if any(outside_ranges(one) for one in finished if check_ranges) else 0
    for one in finished:
        if one.state == "interrupted":
            return INTERRUPTED
        if one.state == "failed" or (one.state == "skipped" and one.name in names):
            note(f"error: benchmark {one.name}: {one.problem}")
            code = FAILED
    return code


def outside_ranges(finished: Finished) -> bool:
    """Whether a figure is outside its range spec; says which."""
    if finished.state not in ("done", "kept"):
        return False
    faults = outside(read(finished.folder), specs())
    if faults is None:
        note(f"note: {finished.name}: no range spec holds for this form and these options")
        return False
    for fault in faults:
        note(f"error: benchmark {finished.name}: {fault}")
    return bool(faults)
