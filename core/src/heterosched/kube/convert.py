"""From Kubernetes objects to the model: nodes, and what a pod demands.

A quantity that cannot be read never raises: the object keeps its place, the quantity counts as zero, and the trouble is
counted and logged once per object. The API server checks quantities, so such an object came past it (a replayed file, a
patched status) and must not take the other nodes down with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache

from heterosched.errors import InvalidQuantity
from heterosched.kube.objects import Container, NodeObject, PodObject, PodSpec, Resources, condition
from heterosched.model import Demand, Node, Taint
from heterosched.model.accelerators import is_accelerator, offer_of
from heterosched.model.devices import DEVICE_TYPES, DeviceTable
from heterosched.units import Quantity, parse_quantity, parse_time

logger = logging.getLogger(__name__)

Quantities = Mapping[str, Quantity]

_NOTHING = Demand()


class Problems:
    """Counts what could not be read and logs each object once, so that a bad node does not flood the log."""

    def __init__(self) -> None:
        self.count = 0
        self._named: set[str] = set()

    def add(self, object: str, problem: str) -> None:
        """Note `problem` of `object` (`Kind namespace/name`)."""
        self.count += 1
        if object not in self._named:
            self._named.add(object)
            logger.warning("%s: %s", object, problem)


def to_node(node: NodeObject, problems: Problems | None = None, table: DeviceTable = DEVICE_TYPES) -> Node:
    """The node as the planner sees it, its device type as the `table` names it. Not ready, or unschedulable: it takes
    no pods.
    """
    name = node.metadata.name
    label, field = f"Node {name}", "status.allocatable"
    devices = _accelerators(node.status.allocatable, label, field, problems)
    allocatable = _host(node.status.allocatable, label, field, problems, sum(devices.values()))
    offer = offer_of(node.labels, node.annotations, devices, table)
    ready = condition(node.status.conditions, "Ready")
    return Node(
        name=name,
        device=offer.device,
        allocatable=allocatable,
        ready=ready is not None and ready.status == "True" and not node.spec.unschedulable,
        labels=node.labels,
        taints=tuple(Taint(taint.key, taint.value, taint.effect) for taint in node.spec.taints or ()),
        shares=offer.shares,
    )


def addresses_of(node: NodeObject) -> tuple[str, ...]:
    """IPs and host names under which the node's exporters may appear."""
    return tuple(entry.address for entry in node.status.addresses or () if entry.address)


def cores_of(node: NodeObject, problems: Problems | None = None) -> float:
    """All cores of the host, reserved ones included: what a load average is to be measured against."""
    return _demand(node.status.capacity, f"Node {node.metadata.name}", "status.capacity", problems).cpu


def demand_of(pod: PodObject, problems: Problems | None = None) -> Demand:
    """What the pod takes from its node, by the scheduler's own rule for effective requests.

    The larger of (containers and sidecars together) and (the costliest init container, run beside the sidecars started
    before it), plus the overhead; requests given for the pod as a whole stand instead. A missing request is the limit.
    """
    return demand_of_spec(pod.spec, f"Pod {pod.key}", problems)


def held_by_node(pods: Iterable[PodObject]) -> dict[str, Demand]:
    """What the pods that are bound and have not ended take from each node, by its name."""
    held: dict[str, Demand] = {}
    for pod in pods:
        name = pod.spec.node_name
        if name and not pod.finished:
            held[name] = held.get(name, _NOTHING) + demand_of(pod)
    return held


def demand_of_spec(spec: PodSpec, object: str, problems: Problems | None = None) -> Demand:
    """The same for a pod template; `object` names it in the log."""
    running = _NOTHING
    for container in spec.containers or ():
        running += _container(container, object, problems)
    sidecars, starting = _NOTHING, _NOTHING
    for container in spec.init_containers or ():
        need = _container(container, object, problems)
        if container.restart_policy == "Always":
            sidecars += need
            need = _NOTHING
        starting = _larger(starting, sidecars + need)
    effective = _larger(running + sidecars, starting)
    if spec.resources is not None:
        effective = _instead(effective, spec.resources, object, problems)
    if spec.overhead:
        effective += _demand(spec.overhead, object, "spec.overhead", problems)
    return effective


def moment(text: str | None, object: str, problems: Problems | None = None) -> float | None:
    """Epoch seconds of an RFC 3339 text; None where there is none or it cannot be read."""
    if not text:
        return None
    try:
        return parse_time(text, object=object)
    except InvalidQuantity as error:
        (problems or Problems()).add(object, str(error))
        return None


def run_span(pod: PodObject, problems: Problems | None = None) -> tuple[float, float] | None:
    """Epoch seconds at which the first container started and the last one finished; None unless all have terminated."""
    statuses = pod.status.container_statuses or ()
    ended = [status.state.terminated for status in statuses if status.state and status.state.terminated]
    if not ended or len(ended) < len(statuses):
        return None
    object = f"Pod {pod.key}"
    starts = [moment(state.started_at, object, problems) for state in ended]
    finishes = [moment(state.finished_at, object, problems) for state in ended]
    known = [(s, f) for s, f in zip(starts, finishes, strict=True) if s is not None and f is not None]
    if len(known) < len(ended):
        return None
    return min(start for start, _ in known), max(finish for _, finish in known)


def _container(container: Container, object: str, problems: Problems | None) -> Demand:
    resources = container.resources
    wanted = {**(resources.limits or {}), **(resources.requests or {})}
    return _demand(wanted, object, f"containers[{container.name}].resources", problems)


def _instead(effective: Demand, resources: Resources, object: str, problems: Problems | None) -> Demand:
    wanted = {**(resources.limits or {}), **(resources.requests or {})}
    given = _demand(wanted, object, "spec.resources", problems)
    return Demand(
        given.cpu if "cpu" in wanted else effective.cpu,
        given.memory if "memory" in wanted else effective.memory,
        effective.gpus,
    )


def _demand(quantities: Quantities | None, object: str, field: str, problems: Problems | None) -> Demand:
    if not quantities:
        return _NOTHING
    return _host(quantities, object, field, problems, sum(_accelerators(quantities, object, field, problems).values()))


def _host(quantities: Quantities | None, object: str, field: str, problems: Problems | None, gpus: float) -> Demand:
    """With the cores and bytes of `quantities`."""
    cpu, memory = (
        number((quantities or {}).get(name), object, f"{field}.{name}", problems) for name in ("cpu", "memory")
    )
    return Demand(cpu, memory, gpus)


def _accelerators(
    quantities: Quantities | None, object: str, field: str, problems: Problems | None
) -> dict[str, float]:
    """Devices and slices of all makers by resource."""
    return {
        name: number(quantity, object, f"{field}.{name}", problems)
        for name, quantity in (quantities or {}).items()
        if is_accelerator(name)
    }


def number(quantity: Quantity | None, object: str, field: str, problems: Problems | None = None) -> float:
    """A quantity as a number; zero where there is none or it cannot be read, which is noted."""
    if quantity is None:
        return 0.0
    try:
        return _parsed(quantity)
    except InvalidQuantity as error:
        (problems or Problems()).add(object, f"{field}: {error.problem}; counted as zero")
        return 0.0


@lru_cache(maxsize=8192, typed=True)
def _parsed(quantity: Quantity) -> float:
    """Thousands of pods share a handful of texts ("1", "500m", "2Gi"); errors are not cached."""
    return parse_quantity(quantity)


def _larger(one: Demand, other: Demand) -> Demand:
    return Demand(max(one.cpu, other.cpu), max(one.memory, other.memory), max(one.gpus, other.gpus))
