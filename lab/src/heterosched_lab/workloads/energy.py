"""Energy of a run: measured by RAPL where the kernel lets us read it, else estimated from CPU time, and said which.

RAPL (running average power limit): counters of microjoules per processor package under /sys/class/powercap
(Linux, Documentation/power/powercap/powercap.rst). They hold what the whole package drew, whoever used it, and start
again from 0 after `max_energy_range_uj`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.types import EnergySource

POWERCAP = Path("/sys/class/powercap")
MOST_WATTS = 500.0
"""No package draws more, so that a run shorter than the counter's range over this cannot have wrapped twice."""


@dataclass(frozen=True, slots=True)
class PowerModel:
    """The estimate: `idle_watts` all the time, and `core_watts` more for each core while it computes.

    The defaults are AutoScheduler's ladder, 15 W idle to 95 W at full load, over the eight threads of its benchmarks.
    They are nobody's machine: only differences between runs on one machine mean anything. Raises InvalidInput.
    """

    idle_watts: float = 15.0
    core_watts: float = 10.0

    def __post_init__(self) -> None:
        for name, watts in (("idle_watts", self.idle_watts), ("core_watts", self.core_watts)):
            if not 0 <= watts < math.inf:
                raise InvalidInput("power model", name, f"it is {watts:g} W", "give a finite power of 0 W or more")

    def joules(self, seconds: float, cpu_seconds: float) -> float:
        """Energy of a run of `seconds` in which the cores computed for `cpu_seconds` together."""
        return self.idle_watts * seconds + self.core_watts * cpu_seconds


@dataclass(frozen=True, slots=True)
class Package:
    """The counter of a processor package; the range is in microjoules."""

    counter: Path
    range_uj: int


def packages(root: Path = POWERCAP) -> tuple[Package, ...]:
    """The packages whose counters can be read; none where there is no RAPL or only root may read it.

    Zones below a package (cores, memory controller) are parts of it and "psys" is the whole platform: neither counts.
    """
    found = []
    for zone in sorted(root.glob("intel-rapl:*")):
        try:
            if zone.name.count(":") == 1 and (zone / "name").read_text().startswith("package"):
                package = Package(zone / "energy_uj", int((zone / "max_energy_range_uj").read_text()))
                int(package.counter.read_text())
                found.append(package)
        except (OSError, ValueError):
            continue
    return tuple(found)


@dataclass(frozen=True)
class Meter:
    """Reads the counters before and after a run; without any, or where they tell nothing, the model estimates."""

    packages: tuple[Package, ...]
    model: PowerModel = PowerModel()

    @classmethod
    def of(cls, root: Path = POWERCAP, model: PowerModel | None = None) -> Meter:
        """A meter of what can be read below `root`."""
        return cls(packages(root), model or PowerModel())

    def read(self) -> Mapping[Path, int]:
        """The counters now, in microjoules; one that has become unreadable is missing."""
        found = {}
        for package in self.packages:
            try:
                found[package.counter] = int(package.counter.read_text())
            except (OSError, ValueError):
                continue
        return found

    def joules(
        self, before: Mapping[Path, int], after: Mapping[Path, int], seconds: float, cpu_seconds: float
    ) -> tuple[float, EnergySource]:
        """Energy between two readings. Estimated where a counter is missing or may have wrapped more than once."""
        total = 0
        for package in self.packages:
            one, two = before.get(package.counter), after.get(package.counter)
            if one is None or two is None or seconds * MOST_WATTS * 1e6 >= package.range_uj:
                return self.model.joules(seconds, cpu_seconds), "estimated"
            total += two - one if two >= one else two - one + package.range_uj
        if not self.packages:
            return self.model.joules(seconds, cpu_seconds), "estimated"
        return total / 1e6, "measured"
