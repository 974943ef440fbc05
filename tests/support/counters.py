"""A made-up /sys/class/powercap: the kernel's energy counters as files."""

from __future__ import annotations

from pathlib import Path


def a_powercap(root: Path) -> Path:
    """Two packages (400 and 100 J so far, of 262 kJ), a zone within one of them, and the platform."""
    for zone, name, energy in (
        ("intel-rapl:0", "package-0", 400_000_000),
        ("intel-rapl:0:0", "core", 300_000_000),
        ("intel-rapl:1", "package-1", 100_000_000),
        ("intel-rapl:2", "psys", 900_000_000),
    ):
        folder = root / zone
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "energy_uj").write_text(f"{energy}\n")
        (folder / "max_energy_range_uj").write_text("262143328850\n")
    return root
