"""`heterosched` offers what planning takes, loads it on demand, and exports no Task: the model does."""

from __future__ import annotations

import subprocess
import sys

import pytest

import heterosched
from heterosched.model import Task


def test_task_is_not_among_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from heterosched import *", names)
    assert "Task" not in names
    assert "Task" not in heterosched.__all__
    assert not hasattr(heterosched, "Task")
    assert set(heterosched.__all__) <= set(names)


def test_task_is_a_name_of_the_model() -> None:
    assert Task.__module__ == "heterosched.model.tasks"


@pytest.mark.parametrize("name", sorted(set(heterosched.__all__) - {"__version__"}))
def test_every_public_name_is_there_and_told(name: str) -> None:
    assert getattr(heterosched, name).__doc__


def test_the_package_alone_loads_nothing() -> None:
    code = "import sys, heterosched; print(sorted(name for name in sys.modules if name.startswith('heterosched')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['heterosched']"


def test_the_public_names_are_enough_to_plan_a_graph() -> None:
    way = heterosched.Option("nvidia-t4", 10.0, heterosched.Demand(gpus=1), 70.0)
    tasks = [Task(name, (way,)) for name in "ab"]
    graph = heterosched.TaskGraph.build(tasks, [heterosched.Edge("a", "b")])
    cluster = heterosched.Cluster((heterosched.Node("t4-0", "nvidia-t4", heterosched.Demand(8, 1e9, 1)),))
    problem = heterosched.Problem(graph, cluster)
    schedule = heterosched.strategy("heft").schedule(problem)
    assert heterosched.check(problem, schedule) == []
    assert heterosched.totals(problem, schedule) == heterosched.Totals(20.0, 1400.0)
