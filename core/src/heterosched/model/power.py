"""What a device draws: idle, busy, the curve between them, and what a cap makes of it.

Below a cap a device lowers its clock. Dynamic power grows with the third power of the frequency where the voltage
follows it (P = C V^2 f; M. Weiser et al.: Scheduling for Reduced CPU Energy, OSDI 1994), so the speed that is left is
the cube root of the share of dynamic power that the cap leaves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from heterosched.errors import InvalidInput

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PowerModel:
    """Watts of one device. `curve`: (utilisation 0..1, watts) points between idle and busy, empty for a straight line.

    `cap_watts`: what it may draw at most, infinity where nothing holds it back. Raises InvalidInput.
    """

    idle_watts: float
    busy_watts: float
    curve: Curve = ()
    cap_watts: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.idle_watts <= self.busy_watts < math.inf:  # false for NaN too
            problem = f"idle {self.idle_watts!r} W and busy {self.busy_watts!r} W"
            raise InvalidInput("power model", "watts", problem, "give 0 <= idle <= busy, both finite")
        if not self.cap_watts > self.idle_watts:
            problem = f"{self.cap_watts!r} W is not above the {self.idle_watts:g} W of the idle device"
            raise InvalidInput("power model", "cap", problem, "raise the cap, or switch the device off")
        if any(not (x < y and v <= w) for (x, v), (y, w) in pairwise(self._points)):
            problem = f"{self.curve!r} does not rise from idle to busy"
            raise InvalidInput("power model", "curve", problem, "give points of rising utilisation and watts")

    @property
    def _points(self) -> Curve:
        return ((0.0, self.idle_watts), *self.curve, (1.0, self.busy_watts))

    def watts(self, utilisation: float = 1.0) -> float:
        """Power at a utilisation of 0..1, never above the cap."""
        load = max(0.0, utilisation)
        if load >= 1.0:
            return min(self.cap_watts, self.busy_watts)
        (x, low), (y, high) = next(pair for pair in pairwise(self._points) if load <= pair[1][0])
        return min(self.cap_watts, low + (high - low) * (load - x) / (y - x))

    @property
    def speed(self) -> float:
        """Speed of the busy device under its cap, as a share of that without."""
        dynamic = self.busy_watts - self.idle_watts
        if self.cap_watts >= self.busy_watts or dynamic <= 0:
            return 1.0
        return math.cbrt((self.cap_watts - self.idle_watts) / dynamic)

    def capped(self, watts: float) -> PowerModel:
        """The same device under a cap. Raises InvalidInput where an idle device draws more."""
        return replace(self, cap_watts=watts)
