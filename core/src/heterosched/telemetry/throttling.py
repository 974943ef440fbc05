"""PromQL that tells whether a GPU is held back, and what errors it reported; pure text.

Throttle reasons are NVML's bits: 0x8 hardware slowdown, 0x20 and 0x40 heat, 0x80 power brake (the supply asks for it).
Bit 0x4, the GPU's own power cap, is not among them: at full load many GPUs sit at their cap all day, and a cap that was
set to save energy is no fault. Exporters without the bits may publish the counter of thermal violations instead, which
grows while heat holds a GPU back.
"""

from __future__ import annotations

from typing import Final

HARDWARE_XIDS: Final = (48, 62, 64, 74, 79, 95, 110, 119, 120, 140)
"""XIDs that speak of the GPU and not of the program on it (NVIDIA, "XID Errors", r580): memory errors that are not
contained or not repaired, a failed NVLink, a GPU that fell off the bus, a GSP that does not answer. Most others (13,
31, 43, 45) are the program's, and some (63, 92, 94) tell of an error that the GPU has dealt with.
"""


def throttling(window: str) -> tuple[str, str]:
    """1 where a GPU throttles for heat or a power brake, else 0; and when that was sampled."""
    names = ("CLOCKS_EVENT_REASONS", "CLOCK_THROTTLE_REASONS", "THERMAL_VIOLATION")
    events, reasons, heat = (f"DCGM_FI_DEV_{name}" for name in names)
    # The bits of a blank sensor mean nothing, and a mask has 32 of them.
    mask = f"({events} < 2^32 or {reasons} < 2^32)"
    bits = f"clamp_max(floor({mask} / 8) % 2 + floor({mask} / 32) % 8, 1)"
    sampled = " or ".join(f"timestamp({series})" for series in (events, reasons, heat))
    return f"{bits} or (rate({heat}[{window}]) > bool 0)", sampled


def xid() -> tuple[str, str]:
    """Series whose label `xid`, else whose value, is an XID; and when they were sampled.

    The gauge holds the last XID until the exporter is restarted, which is when the GPU was looked after. A program's
    error after it hides it: the counter of newer exporters, one series for each XID, does not.
    """
    codes = "|".join(str(code) for code in HARDWARE_XIDS)
    gauge, counter = "DCGM_FI_DEV_XID_ERRORS", f'DCGM_EXP_XID_ERRORS_COUNT{{xid=~"{codes}"}}'
    return f"{gauge} or {counter} > 0", f"timestamp({gauge}) or timestamp({counter})"
