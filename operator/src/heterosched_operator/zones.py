"""The nodes' NUMA zones as plans read them: their sizes, and what the kubelet promises.

NodeResourceTopologies are an optional kind: without the CRD no node has zones, and nothing waits for them. Exporters
write every object anew each minute, with what is free now; that is the extender's matter, and no reason to plan again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from heterosched.kube.convert import Problems
from heterosched.kube.listwatch import ListWatch
from heterosched.kube.reflector import Reflector
from heterosched.kube.topology import TOPOLOGIES_PATH, TopologyObject, to_topology
from heterosched.model.topology import Topology, Zone


class Topologies:
    """Topologies by node, from their watch; `changed` is called when a plan might come out differently."""

    def __init__(self, api: ListWatch, changed: Callable[[], None]) -> None:
        self._changed, self._problems = changed, Problems()
        self._known: dict[str, Topology] = {}
        self.watch = Reflector(api, TOPOLOGIES_PATH, TopologyObject, on_change=self._on_change, optional=True)

    def known(self) -> Mapping[str, Topology]:
        """What is known now, as a value of its own."""
        return dict(self._known)

    async def listed(self) -> None:
        """Wait until they have been listed, or until the API server has said that it cannot."""
        await self.watch.heard()

    def _on_change(self, old: TopologyObject | None, new: TopologyObject | None) -> None:
        name = (new or old or TopologyObject()).metadata.name
        found = None if new is None else to_topology(new, self._problems, time.time())
        before = self._known.get(name)
        if found is None:
            self._known.pop(name, None)
        else:
            zones = tuple(Zone(zone.name, zone.size, {}) for zone in found.zones)
            self._known[name] = replace(found, zones=zones, updated_at=0.0)
        if self._known.get(name) != before:
            self._changed()
