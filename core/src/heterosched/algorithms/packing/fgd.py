"""FGD: where the placement fragments GPUs least for the pods that are expected.

Q. Weng et al.: Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent. USENIX
ATC 2023, section 4. The score is that of the paper's simulator: 100 x sigmoid of the drop in whole GPUs, rounded
down, so that small differences are ties.
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.adapter import PackingStrategy
from heterosched.algorithms.packing.base import MOST, Highest, Outlook
from heterosched.algorithms.packing.fleet import MILLI, Fleet, Floats, Ways


class Fgd(Highest):
    """Least growth of fragmentation."""

    name = "fgd"

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """One component: 0..100."""
        drop = -outlook.typical.fragmented(fleet, ways) / MILLI
        return np.floor(MOST / (1.0 + np.exp(-drop)))[None, :]


class FgdStrategy(PackingStrategy):
    """Tasks as they come, each by FGD."""

    name = "fgd"
    policy = Fgd
