"""The demo's sixty nodes have the CPUs, memory and GPUs of their rows, and the labels by which everybody knows them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import fleet
from heterosched.model.devices import DEVICE_TYPES
from heterosched.policy.table import BUILT_IN

NODES_FILE = Path(fleet.__file__).resolve().parents[2] / "examples" / "data" / "openb-nodes.csv"
ROW = {"sn": "openb-node-1", "cpu_milli": "96000", "memory_mib": "393216", "gpu": "2", "model": "V100M32"}


def test_comments_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    path.write_text("# where it is from\nsn,gpu\nnode-1,2\n# and more\nnode-2,4\n")
    assert fleet.read_rows(path) == [{"sn": "node-1", "gpu": "2"}, {"sn": "node-2", "gpu": "4"}]


def test_a_node_has_what_its_row_says() -> None:
    (node,) = fleet.build_nodes([ROW])
    assert node["metadata"]["name"] == "v100-0"
    assert node["status"]["capacity"] == node["status"]["allocatable"]
    assert node["status"]["capacity"] == {"cpu": "96000m", "memory": "393216Mi", "pods": "110", "nvidia.com/gpu": "2"}
    assert node["metadata"]["labels"]["nvidia.com/gpu.count"] == "2"
    assert float(node["metadata"]["annotations"]["sim.heterosched.io/idle-watts"]) == 2 * 30.0


def test_nodes_of_one_device_are_numbered_whatever_their_product() -> None:
    names = [
        n["metadata"]["name"] for n in fleet.build_nodes([ROW, {**ROW, "model": "V100M16"}, {**ROW, "model": "T4"}])
    ]
    assert names == ["v100-0", "v100-1", "t4-0"]


@pytest.mark.parametrize("model", fleet.MODELS.values(), ids=str)
def test_the_product_label_of_a_model_is_known_as_its_device(model: fleet.Model) -> None:
    assert model.device in DEVICE_TYPES
    assert DEVICE_TYPES.of_product(model.product) == model.device


def test_the_published_excerpt_makes_sixty_nodes_of_five_devices() -> None:
    nodes = fleet.build_nodes(fleet.read_rows(NODES_FILE))
    assert len({node["metadata"]["name"] for node in nodes}) == len(nodes) == 60
    devices = Counter(node["metadata"]["name"].rpartition("-")[0] for node in nodes)
    assert devices.keys() == {"t4", "p100", "v100", "a40", "a100"}
    assert all(int(node["status"]["capacity"]["nvidia.com/gpu"]) >= 1 for node in nodes)


def test_one_node_of_the_fleet_is_hot_and_no_other() -> None:
    nodes = fleet.build_nodes(fleet.read_rows(NODES_FILE))
    fleet.overheat(nodes, fleet.HOT_NODE, fleet.HOT_CELSIUS)
    told = {
        node["metadata"]["name"]: node["metadata"]["annotations"].get("sim.heterosched.io/gpu-temp") for node in nodes
    }
    assert {name: heat for name, heat in told.items() if heat} == {"a40-0": "93"}
    assert float(fleet.HOT_CELSIUS) > BUILT_IN["Performance"].limit_celsius
