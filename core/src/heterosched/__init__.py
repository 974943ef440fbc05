"""HeteroSched's decision core: the pure library that operator, extender, simulator and command line share.

Time is in seconds, energy in joules, power in watts, memory and data in bytes, all as floats; other units are converted
at the edge (`heterosched.units`). Only `heterosched.kube` and `heterosched.telemetry` do I/O.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
