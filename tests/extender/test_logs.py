"""A log line is text for people, or one JSON object that holds all of it."""

from __future__ import annotations

import json
import logging
import sys

from heterosched_extender.logs import JsonLines


def test_a_record_becomes_one_line_with_its_traceback_inside() -> None:
    try:
        raise ValueError("broken\nin two")
    except ValueError:
        record = logging.LogRecord("x.y", logging.ERROR, "f", 1, "%s failed", ("filter",), sys.exc_info())
    line = JsonLines().format(record)
    assert "\n" not in line
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"]) == ("ERROR", "x.y", "filter failed")
    assert "ValueError: broken" in found["exception"]
    assert found["time"].endswith("+00:00")


def test_a_plain_record_has_no_exception() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "served 5 nodes", (), None)
    assert set(json.loads(JsonLines().format(record))) == {"time", "level", "logger", "message"}
