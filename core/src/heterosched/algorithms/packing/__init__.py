"""Packing: which node, and which GPU of it, takes a pod that arrives now, scored on arrays of the fleet."""

from heterosched.algorithms.packing.base import Outlook, Packing, packing, packings
from heterosched.algorithms.packing.fleet import MILLI, Ask, Asks, Fleet, Ways
from heterosched.algorithms.packing.typical import Typical, typical
from heterosched.algorithms.packing.watts import WattTable

__all__ = [
    "MILLI",
    "Ask",
    "Asks",
    "Fleet",
    "Outlook",
    "Packing",
    "Typical",
    "WattTable",
    "Ways",
    "packing",
    "packings",
    "typical",
]
