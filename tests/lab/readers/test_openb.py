"""openb's lists are read as published; a row that makes no sense is named and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.readers.openb import OpenbNode, OpenbPod, read_nodes, read_pods, stream_pods
from heterosched_lab.readers.rows import Tally
from public_data import public

PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
GOOD = "p0,6000,1024,1,460,V100M16|V100M32,LS,Running,427061,12902960,427061\n"
SHORT = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np0,12000,16384,8,1000\np1,500,1024,0,0\n"


def _file(folder: Path, text: str) -> Path:
    path = folder / "pods.csv"
    path.write_text(text)
    return path


def test_pods_with_and_without_times(tmp_path: Path) -> None:
    models = frozenset({"V100M16", "V100M32"})
    pods = read_pods(_file(tmp_path, PODS + GOOD)).rows
    assert pods == (OpenbPod("p0", 6000, 2.0**30, 1, 460, models, 427061, 12902960),)
    pods = read_pods(_file(tmp_path, SHORT)).rows
    assert pods[0] == OpenbPod("p0", 12000, 2.0**34, 8, 1000, frozenset())
    assert pods[1].gpus == 0


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("p1,1,1,2,500,,,,0,0,0", "column gpu_milli: 500 on each of 2 GPUs"),
        ("p1,1,1,1,1500,,,,0,0,0", "column gpu_milli: 1500 on each of 1 GPUs"),
        ("p1,1,1,1,0,,,,0,0,0", "column gpu_milli: 0 on each of 1 GPUs"),
        ("p1,-1,1,1,1000,,,,0,0,0", "column cpu_milli: -1 is below 0"),
        ("p1,1,1,1,1000,,,,-5,0,0", "column creation_time: -5 is below 0"),
        ("p1,1,1,1,1000,H900,,,0,0,0", "column gpu_spec: unknown device H900"),
        ("p0,1,1,1,1000,,,,0,0,0", "p0 stands in line 2 too"),
    ],
)
def test_a_bad_pod(tmp_path: Path, row: str, problem: str) -> None:
    path = _file(tmp_path, PODS + GOOD + row + "\n")
    with pytest.raises(InvalidInput) as refused:
        read_pods(path, models=("V100M16", "T4"))
    assert str(refused.value).startswith("pods.csv: line 3")
    assert problem in str(refused.value)
    tally = Tally(path.name)
    assert [pod.name for pod in stream_pods(path, tally, models=("V100M16", "T4"))] == ["p0"]
    assert (tally.good, tally.bad) == (1, 1)


def test_nodes(tmp_path: Path) -> None:
    path = _file(tmp_path, "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,1024,2,P100\nn1,96000,1024,0,\n")
    assert read_nodes(path).rows == (OpenbNode("n0", 64000, 2.0**30, 2, "P100"), OpenbNode("n1", 96000, 2.0**30, 0, ""))


@pytest.mark.parametrize(("trace", "count"), [("default", 8152), ("gpuspec10", 8152), ("multigpu20", 8324)])
def test_the_public_lists_have_no_bad_row(trace: str, count: int) -> None:
    nodes = read_nodes(public("openb", "openb_node_list_gpu_node.csv")).rows
    assert (len(nodes), sum(node.gpus for node in nodes)) == (1213, 6212)
    models = {node.model for node in nodes}
    assert len(read_pods(public("openb", f"openb_pod_list_{trace}.csv"), models=models).rows) == count
