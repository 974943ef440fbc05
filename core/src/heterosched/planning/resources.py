"""What a pod of a task demands: its template, with a variant's resources in place of those of the first container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from heterosched.api.heterojob import Resources
from heterosched.errors import InvalidInput
from heterosched.model import Demand
from heterosched.model.accelerators import is_accelerator
from heterosched.model.topology import Need, Requests, aligned_need
from heterosched.units import parse_quantity

Json = Mapping[str, Any]


_AS_IN_A_POD = "write it as in a pod template"


def pod_demand(template: Json, instead: Resources | None, object: str, field: str) -> Demand:
    """Effective requests of one pod, by the scheduler's rule; `instead` takes the place of the first container's.

    The larger of (containers and sidecars together) and (the costliest init container beside the sidecars started
    before it), plus the overhead; requests of the pod as a whole stand instead of the sum. A missing request
    is the limit. Raises InvalidInput that names `object` and the path below `field`.
    """
    spec = _mapping(template.get("spec"), object, f"{field}.spec")
    if not spec.get("containers"):
        raise InvalidInput(object, f"{field}.spec.containers", "there is no container", "add one")
    running, sidecars, starting = Demand(), Demand(), Demand()
    for number, container in enumerate(_list(spec.get("containers"), object, f"{field}.spec.containers")):
        replaced = number == 0 and instead is not None and instead.given
        resources = {"requests": instead.requests, "limits": instead.limits} if instead and replaced else None
        running += _container(container, resources, object, f"{field}.spec.containers[{number}]")
    for number, container in enumerate(_list(spec.get("initContainers"), object, f"{field}.spec.initContainers")):
        need = _container(container, None, object, f"{field}.spec.initContainers[{number}]")
        if container.get("restartPolicy") == "Always":
            sidecars, need = sidecars + need, Demand()
        starting = _larger(starting, sidecars + need)
    effective = _larger(running + sidecars, starting)
    whole = _wanted(spec.get("resources"), object, f"{field}.spec.resources")
    given = _demand(whole, object, f"{field}.spec.resources")
    if "cpu" in whole:
        effective = Demand(given.cpu, effective.memory, effective.gpus)
    if "memory" in whole:
        effective = Demand(effective.cpu, given.memory, effective.gpus)
    overhead = _mapping(spec.get("overhead"), object, f"{field}.spec.overhead")
    return effective + _demand(overhead, object, f"{field}.spec.overhead")


def pod_need(template: Json, instead: Resources | None, object: str, field: str) -> Need:
    """What a kubelet aligns to NUMA zones of one pod; arguments and errors as of `pod_demand`.

    Devices by claim are aligned by no kubelet, whatever the claim asks for: one stands for all.
    """
    spec, found = _mapping(template.get("spec"), object, f"{field}.spec"), []
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(_list(spec.get(kind), object, f"{field}.spec.{kind}")):
            where = f"{field}.spec.{kind}[{number}].resources"
            given = _mapping(container.get("resources"), object, where)
            if kind == "containers" and number == 0 and instead is not None and instead.given:
                given = {"requests": instead.requests, "limits": instead.limits}
            requests, limits = (_amounts(given.get(part), object, f"{where}.{part}") for part in ("requests", "limits"))
            finishes = kind == "initContainers" and container.get("restartPolicy") != "Always"
            found.append(Requests(requests, limits, finishes))
    need = aligned_need(found, whole_pod=bool(spec.get("resources")))
    return need.claiming(1.0) if spec.get("resourceClaims") else need


def _amounts(given: object, object: str, field: str) -> dict[str, float]:
    wanted = _mapping(given, object, field)
    return {name: parse_quantity(wanted[name] or 0, object=object, field=f"{field}.{name}") for name in wanted}


def _container(container: Json, instead: Json | None, object: str, field: str) -> Demand:
    resources = container.get("resources") if instead is None else instead
    return _demand(_wanted(resources, object, f"{field}.resources"), object, f"{field}.resources")


def _wanted(resources: object, object: str, field: str) -> dict[str, Any]:
    """Requests by resource name; a limit without a request is its request."""
    given = _mapping(resources, object, field)
    limits = _mapping(given.get("limits"), object, f"{field}.limits")
    return {**limits, **_mapping(given.get("requests"), object, f"{field}.requests")}


def _demand(wanted: Json, object: str, field: str) -> Demand:
    cpu, memory = (
        parse_quantity(wanted.get(name) or 0, object=object, field=f"{field}.{name}") for name in ("cpu", "memory")
    )
    devices = [name for name in wanted if is_accelerator(name)]
    gpus = sum(parse_quantity(wanted[name] or 0, object=object, field=f"{field}.{name}") for name in devices)
    return Demand(cpu, memory, gpus)


def _larger(one: Demand, other: Demand) -> Demand:
    return Demand(max(one.cpu, other.cpu), max(one.memory, other.memory), max(one.gpus, other.gpus))


def _mapping(value: object, object: str, field: str) -> Json:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(object, field, f"{value!r} is no mapping", _AS_IN_A_POD)
    return value


def _list(value: object, object: str, field: str) -> Iterable[Json]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise InvalidInput(object, field, "it is no list of containers", _AS_IN_A_POD)
    return value
