"""By day as Balanced; at night energy takes over the weight of speed, unless the pod is a short one anyway.

A worked example of a policy plug-in: `rows` adds the policy `NightSaver`, `weights` adjusts it pod by pod. Any
SchedulingPolicy can use the same hook with `spec.hook: night-saver`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from heterosched.policy.hooks import Occasion
from heterosched.policy.table import BUILT_IN, PolicyRow

NIGHT = (22.0, 6.0)
"""From ten in the evening to six in the morning, hours in UTC."""

SHORT_SECONDS = 60.0
"""Work that takes no longer than this on its fastest device is not worth waiting for."""


class NightSaver:
    """The object that the entry point names."""

    name = "night-saver"

    def rows(self) -> Iterable[PolicyRow]:
        """One policy: the weights of Balanced, with this hook."""
        return [PolicyRow("NightSaver", BUILT_IN["Balanced"].weights, hook=self.name)]

    def weights(self, row: PolicyRow, occasion: Occasion) -> Mapping[str, int]:
        """At night the weight of speed goes to energy."""
        begin, end = NIGHT
        night = occasion.hour >= begin or occasion.hour < end
        short = bool(occasion.seconds) and min(occasion.seconds.values()) <= SHORT_SECONDS
        if not night or short:
            return row.weights
        return {**row.weights, "speed": 0, "energy": row.weights["energy"] + row.weights["speed"]}
