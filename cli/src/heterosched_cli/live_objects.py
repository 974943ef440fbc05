"""Objects of the API server as structs, and what pods hold on nodes, for a plan beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from heterosched.api import decode_note
from heterosched.errors import InvalidInput
from heterosched.kube.convert import Problems, demand_of, moment
from heterosched.kube.objects import PodObject
from heterosched.model import Reservation
from heterosched_cli.output import warn

Read = TypeVar("Read", bound=msgspec.Struct)


class Strict(Problems):
    """A quantity that cannot be read ends the command: what a user wrote, the user can correct."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def add(self, object: str, problem: str) -> None:
        """Raises InvalidInput."""
        field, _, rest = problem.partition(": ")
        raise InvalidInput(f"{object} in {self._where}", field, rest.removesuffix("; counted as zero"), "correct it")


def reservations_of(
    pods: Iterable[PodObject], devices: Mapping[str, str], now: float, problems: Problems
) -> Iterator[Reservation]:
    """What bound, unfinished pods hold on the nodes of `devices` (device by node), in epoch seconds from `now` on.

    A pod of ours ends when its plan says, any other one holds its resources until further notice.
    """
    for pod in pods:
        node = pod.spec.node_name
        if node not in devices or pod.finished:
            continue
        finish = math.inf
        note = decode_note(pod.annotations)
        started = moment(pod.status.start_time, f"Pod {pod.key}", problems)
        if note is not None and started is not None and note.device in note.seconds:
            finish = max(now, started + note.seconds[note.device])
        yield Reservation(node, demand_of(pod, problems), now, finish)


def readable(objects: Iterable[Any], type: type[Read]) -> Iterator[Read]:
    """The objects as structs; one that cannot be read is a warning and left out."""
    for raw in objects:
        try:
            yield msgspec.convert(raw, type)
        except msgspec.ValidationError as error:
            name = raw.get("metadata", {}).get("name")
            warn(f"{type.__name__} {name} cannot be read, left out: {error}")
