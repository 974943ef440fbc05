"""Messages between the collector and its child: settings and inventories down as lines, telemetry up as frames."""

from __future__ import annotations

import msgspec
import numpy as np

from heterosched.model.telemetry import Telemetry

HEADER_BYTES = 4
"""Each frame is its length (big-endian) and a msgpack body."""


class _Frame(msgspec.Struct, array_like=True):
    nodes: tuple[str, ...]
    values: dict[str, bytes]
    sampled: dict[str, bytes]
    collected_at: float
    error: str
    origins: tuple[str, ...]
    origin: dict[str, bytes]
    rejects: dict[str, dict[str, int]]
    examples: tuple[str, ...]
    refused: dict[str, str]


def encode(telemetry: Telemetry) -> bytes:
    """One frame, header included."""
    body = msgspec.msgpack.encode(
        _Frame(
            telemetry.nodes,
            {metric: column.tobytes() for metric, column in telemetry.values.items()},
            {metric: column.tobytes() for metric, column in telemetry.sampled.items()},
            telemetry.collected_at,
            telemetry.error,
            telemetry.origins,
            {metric: column.tobytes() for metric, column in telemetry.origin.items()},
            {metric: dict(reasons) for metric, reasons in telemetry.rejects.items()},
            telemetry.examples,
            dict(telemetry.refused),
        )
    )
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def decode(body: bytes) -> Telemetry:
    """The telemetry of one frame's body; the arrays are read-only views of it."""
    frame = msgspec.msgpack.decode(body, type=_Frame)
    return Telemetry(
        frame.nodes,
        {metric: np.frombuffer(column) for metric, column in frame.values.items()},
        {metric: np.frombuffer(column) for metric, column in frame.sampled.items()},
        frame.collected_at,
        frame.error,
        frame.origins,
        {metric: np.frombuffer(column, dtype=np.int16) for metric, column in frame.origin.items()},
        frame.rejects,
        frame.examples,
        frame.refused,
    )
