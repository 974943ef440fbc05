"""Random: any node that fits, any GPU of it that fits.

The baseline of Q. Weng et al., USENIX ATC 2023, section 6. (As `spec.strategy`, `random` is the one of
`heterosched.algorithms.random_node`.)
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.base import Outlook
from heterosched.algorithms.packing.fleet import Fleet, Floats, Ways


class RandomGpu:
    """By lot."""

    name = "random"

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """One component, alike for all nodes; of the GPUs of a node the emptiest, which chance would hit most often."""
        return ways.taken[None, :].astype(np.float64)

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """A number by lot for each candidate."""
        found: Floats = chance.random(size=(rated.shape[1],))
        return found
