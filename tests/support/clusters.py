"""Clusters of the model, named as in the demo: `t4-0`, `v100-1`, `cpu-0`, ..."""

from __future__ import annotations

from collections.abc import Sequence

from heterosched.model import CPU, Cluster, Demand, Link, Node, Reservation, Taint

GIB = 2.0**30


def a_node(
    name: str, *, cores: float = 32, gpus: float = 2, labels: dict[str, str] | None = None, taints: Sequence[Taint] = ()
) -> Node:
    """A node of the device type in its name; `cpu-...` has no GPU."""
    short = name.rpartition("-")[0]
    device, gpus = (CPU, 0) if short == CPU else (f"nvidia-{short}", gpus)
    return Node(name, device, Demand(cores, 128 * GIB, gpus), True, labels or {}, tuple(taints))


def a_cluster(
    *held: Reservation, link: Link | None = None, gpus: float = 2, cores: float = 32, **counts: int
) -> Cluster:
    """`a_cluster(t4=2, cpu=1)`: so many nodes of each kind, and what others hold on them."""
    nodes = [a_node(f"{short}-{n}", gpus=gpus, cores=cores) for short, count in counts.items() for n in range(count)]
    return Cluster(tuple(nodes), held, link or Link())
