"""A recorded workflow becomes a task graph with measured seconds and the bytes that move; bad rows are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched.wfcommons import BadRows
from heterosched_lab.readers.wfcommons import read_instance, task_graph
from public_data import public

DIAMOND = Path(__file__).parents[2] / "data" / "wf-diamond.json"


def test_a_graph_has_all_tasks_with_times_by_device() -> None:
    instance = read_instance(DIAMOND)
    graph = task_graph(instance, {"cpu": 1.0, "nvidia-t4": 2.0}, {"nvidia-t4": 60.0})
    measured = {task.id: task.runtime_in_seconds for task in instance.workflow.execution.tasks}
    assert set(graph.tasks) == set(measured)
    for name, task in graph.tasks.items():
        assert [option.seconds for option in task.options] == [measured[name], measured[name] / 2]
        assert [option.watts for option in task.options] == [0.0, 60.0]
    assert len(graph.edges) >= 4
    assert any(edge.size_bytes > 0 for edge in graph.edges)


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.json: cannot be read"):
        read_instance(tmp_path / "none.json")
    broken = json.loads(DIAMOND.read_text())
    broken["workflow"]["execution"]["tasks"][0]["runtimeInSeconds"] = -1
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(BadRows, match="runtimeInSeconds"):
        read_instance(path)
    broken["workflow"]["specification"]["tasks"] = []
    path.write_text(json.dumps(broken))
    with pytest.raises(InvalidInput, match="0 tasks"):
        read_instance(path)


def test_instances_larger_than_a_heterojob_are_read() -> None:
    folder = public("wfinstances")
    sizes = [len(read_instance(path).workflow.specification.tasks) for path in sorted(folder.glob("1000genome*"))]
    assert max(sizes) > 500
