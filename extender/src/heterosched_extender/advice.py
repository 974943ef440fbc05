"""Whether pods of ours went where they were advised to, or were bound without having been asked about at all.

The plain extender entry is ignorable: when the extender is down or hung, pods are bound without it. That is by design,
but it must not go unseen.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path

from heterosched.constants import SCHEDULER_NAME
from heterosched.errors import InvalidInput
from heterosched.kube.objects import PodObject, condition
from heterosched.units import parse_time
from heterosched_extender.service import Service

logger = logging.getLogger(__name__)

CLOCK_SLACK = 2.0
"""Seconds by which an answer may be later than the binding it led to: the API server writes whole seconds of its own
clock.
"""


class AdviceWatch:
    """Follows the bindings of pods. `since()`: epoch seconds; pods bound earlier had another process to advise them."""

    def __init__(self, service: Service, since: Callable[[], float]) -> None:
        self._service, self._since = service, since

    def changed(self, old: PodObject | None, new: PodObject | None) -> None:
        """A pod came, changed or went: count it once, when it is first seen bound."""
        service = self._service
        if new is None:
            if old is not None:
                service.hints.forget(old.metadata.uid)
                service.pending.forget(old.metadata.uid)
            return
        node, uid = new.spec.node_name, new.metadata.uid
        if not node or new.spec.scheduler_name != SCHEDULER_NAME or (old is not None and old.spec.node_name):
            return
        if service.snapshot is not None:
            service.pending.bound(uid, node, service.snapshot.version)
        bound_at = _bound_at(new)
        seen = service.decisions.seen(uid)
        if seen is None or seen > bound_at + CLOCK_SLACK:
            if bound_at >= self._since():
                service.stats.bound_without_advice += 1
                logger.warning("pod %s was bound to %s without advice", new.key, node)
            return
        best = service.decisions.bound(uid, node)
        if best == node:
            service.stats.bound_as_advised += 1
        elif best:
            service.stats.bound_elsewhere += 1
        else:
            service.stats.bound_undecided += 1
        if service.snapshot is not None:
            service.hints.bound(uid, node, service.snapshot.roster)


def _bound_at(pod: PodObject) -> float:
    """When the pod was bound, epoch seconds; infinity where the pod does not say, so that it counts as recent."""
    found = condition(pod.status.conditions, "PodScheduled")
    try:
        return math.inf if found is None else parse_time(found.last_transition_time or "")
    except InvalidInput:
        return math.inf


def last_alive(path: Path | None, now: Callable[[], float]) -> float:
    """Since when bindings are ours to judge: from the last sign of life of the process before us, else from now."""
    try:
        return now() if path is None else path.stat().st_mtime
    except OSError:
        return now()


def sign_of_life(path: Path | None) -> None:
    """Leave the time of now for the process after us. A place that cannot be written costs the judgement, nothing
    else.
    """
    if path is None:
        return
    try:
        path.touch()
    except OSError as error:
        logger.warning("%s cannot be written: %s", path, error)
