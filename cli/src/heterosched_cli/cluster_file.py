"""A cluster from a file: nodes (and pods) as `kubectl get nodes,pods -A -o yaml` writes them, or a short form.

Short form, for trying things out without a cluster::

    nodes:
    - {name: v100, count: 4, device: nvidia-v100, gpus: 4, cpu: 32, memory: 128Gi}    # v100-0 ... v100-3
    - {name: cpu, count: 2, cpu: 64, memory: 256Gi}
    link: {bytesPerSecond: "1.25e9", latencySeconds: "0.0001"}                        # optional
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from heterosched.errors import InvalidInput
from heterosched.kube.convert import to_node
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.kube.topology import TopologyObject, to_topology
from heterosched.model import CPU, Cluster, Demand, Link, Node
from heterosched.model.topology import Topology
from heterosched.units import Quantity, parse_quantity
from heterosched_cli.files import Document, read_documents
from heterosched_cli.live_objects import Strict, reservations_of

MOST_NODES = 20_000
"""A count beyond this in the short form is a slip of the keyboard."""


class NodeGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the short form: `count` equal nodes called `name-0`, `name-1`, ..."""

    name: str
    cpu: Quantity
    memory: Quantity
    count: int = 1
    device: str = CPU
    gpus: int = 0
    labels: dict[str, str] = {}


class LinkForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The network between nodes, in the short form."""

    bytes_per_second: Quantity = 1.25e9
    latency_seconds: Quantity = 0.0001


class ShortForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole cluster in short form."""

    nodes: list[NodeGroup]
    link: LinkForm = LinkForm()


def read_cluster(path: Path, now: float) -> Cluster:
    """The cluster of a file; its pods hold their resources from `now` on. Raises InvalidInput."""
    documents = read_documents(path)
    short = [document for document in documents if not document.kind and "nodes" in document.content]
    if short:
        if len(documents) > 1:
            raise InvalidInput(short[0].where, "", "the short form stands alone in its file", "keep one document")
        cluster = _of_short_form(short[0])
    else:
        cluster = _of_objects(documents, str(path), now)
    _check_names(cluster, str(path))
    return cluster


def _of_short_form(document: Document) -> Cluster:
    try:
        form = msgspec.convert(document.content, ShortForm)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        field = where.rstrip("`").lstrip(".")
        remedy = "a line is {name, cpu, memory, count, device, gpus, labels}"
        raise InvalidInput(document.where, field, problem, remedy) from error
    link = Link(
        parse_quantity(form.link.latency_seconds, object=document.where, field="link.latencySeconds"),
        parse_quantity(form.link.bytes_per_second, object=document.where, field="link.bytesPerSecond", positive=True),
    )
    return Cluster(tuple(node for group in form.nodes for node in _nodes_of(group, document.where)), link=link)


def _nodes_of(group: NodeGroup, where: str) -> list[Node]:
    field = f"nodes[{group.name}]"
    if not 1 <= group.count <= MOST_NODES:
        raise InvalidInput(where, f"{field}.count", f"is {group.count}", f"give a number from 1 to {MOST_NODES}")
    if (group.gpus > 0) != (group.device != CPU):
        remedy = "give both the device and the number of gpus, or neither"
        raise InvalidInput(where, f"{field}.gpus", f"{group.gpus} on device {group.device!r}", remedy)
    size = Demand(
        parse_quantity(group.cpu, object=where, field=f"{field}.cpu", positive=True),
        parse_quantity(group.memory, object=where, field=f"{field}.memory", positive=True),
        float(group.gpus),
    )
    return [Node(f"{group.name}-{index}", group.device, size, labels=group.labels) for index in range(group.count)]


def _of_objects(documents: list[Document], path: str, now: float) -> Cluster:
    nodes, pods, problems = [], [], Strict(path)
    topologies: dict[str, Topology] = {}
    for document in documents:
        if document.kind == "Node":
            nodes.append(_node(document))
        elif document.kind == "Pod":
            pods.append(_converted(document, PodObject))
        elif document.kind == "NodeResourceTopology":
            found = to_topology(_converted(document, TopologyObject), problems, now)
            topologies |= {} if found is None else {found.node: found}
        else:
            kind = document.kind or "without kind"
            remedy = (
                "give nodes, pods and NodeResourceTopologies as kubectl get -A -o yaml writes them, or the short form"
            )
            raise InvalidInput(document.where, "kind", f"an object {kind} is no part of a cluster", remedy)
    if not nodes:
        raise InvalidInput(path, "", "there is no node in it", "write it with kubectl get nodes -o yaml")
    devices = {node.name: node.device for node in nodes}
    return Cluster(tuple(nodes), tuple(reservations_of(pods, devices, now, problems)), topologies=topologies)


def _node(document: Document) -> Node:
    """A hand-written node may have numbers for quantities, capacity alone, and no conditions: then it is ready."""
    status = document.content.get("status")
    status = dict(status) if isinstance(status, dict) else {}
    resources = status.get("allocatable") or status.get("capacity")
    if not isinstance(resources, dict):
        raise InvalidInput(document.where, "status.allocatable", "is not there", "give cpu, memory and GPUs there")
    status["allocatable"] = {name: str(quantity) for name, quantity in resources.items()}
    status.setdefault("conditions", [{"type": "Ready", "status": "True"}])
    node = _converted(Document(document.where, {**document.content, "status": status}), NodeObject)
    if not node.metadata.name:
        raise InvalidInput(document.where, "metadata.name", "is not there", "give the node a name")
    return to_node(node, Strict(document.where))


def _converted(document: Document, type: Any) -> Any:
    try:
        return msgspec.convert(document.content, type)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        raise InvalidInput(
            document.where, where.rstrip("`").lstrip("."), problem, "write it as kubectl does"
        ) from error


def _check_names(cluster: Cluster, path: str) -> None:
    for name, count in Counter(node.name for node in cluster.nodes).items():
        if count > 1:
            raise InvalidInput(path, f"nodes[{name}]", f"the name stands {count} times", "keep one of them")
