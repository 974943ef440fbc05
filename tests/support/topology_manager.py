"""A kubelet that admits pods by its Topology Manager, as an independent judge: it shares no code with the product.

Written from the algorithm as Kubernetes documents it ("Control Topology Management Policies on a node", KEP-693, the
static CPU and memory managers, device plugins): every provider gives hints (sets of NUMA nodes that can serve the
request; preferred are those of the least size that could serve it on an empty machine), hints are merged by
intersection, the merged hint is preferred if all hints are preferred and alike, the narrowest preferred one wins, lower
numbers first.
Not modelled: options of the policies, sockets, hyper-threads, pod-level resources, devices on several NUMA nodes.

Amounts are whole numbers by resource name. A container is ``{"requests": {...}, "init": bool, "sidecar": bool}``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Mask = frozenset[int]
Hint = tuple[Mask | None, bool]
Container = dict[str, Any]


def _is_memory(resource: str) -> bool:
    return resource == "memory" or resource.startswith("hugepages-")


@dataclass
class _Running:
    """What a pod holds: resource -> NUMA node -> amount; memory with the group of nodes that it came from."""

    held: dict[str, Counter[int]] = field(default_factory=dict)
    groups: list[tuple[str, Mask]] = field(default_factory=list)


class Kubelet:
    """A machine with NUMA nodes 0, 1, ... of these capacities."""

    def __init__(self, policy: str, scope: str, zones: list[dict[str, int]]) -> None:
        self.policy, self.scope = policy, scope
        self.size = [dict(zone) for zone in zones]
        self.free = [dict(zone) for zone in zones]
        self.running: dict[str, _Running] = {}
        self.resources = sorted({resource for zone in zones for resource in zone})
        self._masks: list[Mask] = [
            frozenset(nodes)
            for count in range(1, len(zones) + 1)
            for nodes in itertools.combinations(range(len(zones)), count)
        ]

    # --- from outside -------------------------------------------------------------------------------------------------

    def admit(self, uid: str, containers: list[Container], guaranteed: bool) -> bool:
        """Take the pod in, or refuse it (TopologyAffinityError, a manager that finds nothing): then nothing is held."""
        running = self.running[uid] = _Running()
        reusable: dict[str, Counter[int]] = {}
        ordered = sorted(containers, key=lambda container: not (container.get("init") or container.get("sidecar")))
        aligns, forgives = self.policy != "none", self.policy in ("none", "best-effort")
        pod: Hint = self._affinity(self._for_pod(ordered, guaranteed), {}) if aligns else (None, True)
        for container in ordered:
            request = self._aligned(container, guaranteed)
            mask, preferred = self._affinity(request, reusable) if aligns and self.scope == "container" else pod
            fits = (preferred or forgives) and self._allocate(
                running, request, mask, reusable, bool(container.get("init"))
            )
            if not fits:
                self.end(uid)
                return False
        return True

    def end(self, uid: str) -> None:
        """The pod has ended."""
        for resource, nodes in self.running.pop(uid).held.items():
            for node, amount in nodes.items():
                self.free[node][resource] += amount

    def photograph(self) -> list[dict[str, tuple[int, int]]]:
        """Per NUMA node (size, free) by resource, as an exporter reads them."""
        return [
            {resource: (size[resource], free[resource]) for resource in size}
            for size, free in zip(self.size, self.free, strict=True)
        ]

    # --- requests -----------------------------------------------------------------------------------------------------

    def _aligned(self, container: Container, guaranteed: bool) -> dict[str, int]:
        found = {}
        for resource, amount in container["requests"].items():
            if resource not in self.resources or amount <= 0:
                continue
            exclusive = guaranteed and (resource != "cpu" or float(amount).is_integer())
            if exclusive or not (resource == "cpu" or _is_memory(resource)):
                found[resource] = int(amount)
        return found

    def _for_pod(self, containers: list[Container], guaranteed: bool) -> dict[str, int]:
        """The request of the pod as a whole: the larger of its init containers' and the sum of the others."""
        lasting: Counter[str] = Counter()
        sidecars: Counter[str] = Counter()
        most: Counter[str] = Counter()
        for container in containers:
            request = self._aligned(container, guaranteed)
            if container.get("init"):
                most |= sidecars + Counter(request)
            else:
                lasting.update(request)
                sidecars.update(request if container.get("sidecar") else {})
        return dict(lasting | most)

    # --- hints --------------------------------------------------------------------------------------------------------

    def _affinity(self, request: dict[str, int], reusable: dict[str, Counter[int]]) -> Hint:
        hints = [
            self._hints(resource, amount, reusable) for resource, amount in request.items() if not _is_memory(resource)
        ]
        memory = {resource: amount for resource, amount in request.items() if _is_memory(resource)}
        if memory:
            hints.append(self._memory_hints(memory))
        if self.policy == "single-numa-node":
            hints = [[hint for hint in own if hint[0] is None or (len(hint[0]) == 1 and hint[1])] for own in hints]
        best: Hint | None = None
        for chosen in itertools.product(*hints):
            masks = [mask for mask, _ in chosen if mask is not None]
            merged = frozenset(range(len(self.size))).intersection(*masks)
            preferred = all(preferred for _, preferred in chosen) and len(set(masks)) <= 1
            if merged and (best is None or _better((merged, preferred), best)):
                best = merged, preferred
        return best or (frozenset(range(len(self.size))), False)

    def _hints(self, resource: str, amount: int, reusable: dict[str, Counter[int]]) -> list[Hint]:
        """Of CPUs and devices. What an init container leaves must be used: other masks are no choice."""
        again = reusable.get(resource, Counter())
        enough = [len(mask) for mask in self._masks if sum(self.size[node].get(resource, 0) for node in mask) >= amount]
        least = min(enough, default=len(self.size))
        found: list[Hint] = []
        for mask in self._masks:
            if not mask >= {node for node, left in again.items() if left}:
                continue
            if sum(self.free[node].get(resource, 0) for node in mask) + sum(again.values()) >= amount:
                found.append((mask, len(mask) == least))
        return found or [(None, False)]

    def _memory_hints(self, memory: dict[str, int]) -> list[Hint]:
        """Memory of all kinds together. NUMA nodes that serve a pod as a group serve nobody else."""
        groups = {group for pod in self.running.values() for _, group in pod.groups}
        least = len(self.size)
        found: list[Mask] = []
        for mask in self._masks:
            if any(sum(self.size[node].get(kind, 0) for node in mask) < amount for kind, amount in memory.items()):
                continue
            least = min(least, len(mask))
            if any(group & mask and group != mask for group in groups if len(group) > 1 or len(mask) > 1):
                continue
            if all(sum(self.free[node].get(kind, 0) for node in mask) >= amount for kind, amount in memory.items()):
                found.append(mask)
        return [(mask, len(mask) == least) for mask in found] or [(None, False)]

    # --- allocation ---------------------------------------------------------------------------------------------------

    def _allocate(
        self,
        running: _Running,
        request: dict[str, int],
        mask: Mask | None,
        reusable: dict[str, Counter[int]],
        init: bool,
    ) -> bool:
        """From the nodes of the mask first; what an init container got is left to those after it."""
        for resource, amount in request.items():
            again = reusable.setdefault(resource, Counter())
            got: Counter[int] = Counter()
            order = sorted(range(len(self.size)), key=lambda node: (mask is not None and node not in mask, node))
            for node in order:
                old = min(again[node], amount - got.total())
                new = min(self.free[node].get(resource, 0), amount - got.total() - old)
                again[node] -= old
                if new:
                    self.free[node][resource] -= new
                    running.held.setdefault(resource, Counter())[node] += new
                got[node] += old + new
            if got.total() < amount:
                return False
            if init:
                again.update(got)
            if _is_memory(resource):
                running.groups.append((resource, frozenset(node for node, part in got.items() if part)))
        return True


def _better(one: Hint, best: Hint) -> bool:
    """Preferred before not; then the narrower; then the one with the lower numbers."""
    assert one[0] is not None and best[0] is not None
    if one[1] != best[1]:
        return one[1]
    return (len(one[0]), sum(1 << node for node in one[0])) < (len(best[0]), sum(1 << node for node in best[0]))
