"""Why the pods of a job wait is told in the scheduler's own words, each of them once per task."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.constants import LABEL_JOB, LABEL_TASK
from heterosched.errors import Unavailable
from heterosched.kube.objects import PodObject
from heterosched_cli import waiting as module
from heterosched_cli.waiting import pending_pods, waiting

HOT = "0/4 nodes are available: 4 a GPU is at 95 degrees Celsius, the limit is 90."


def a_pod(name: str, message: str, status: str = "False", job: str = "train", task: str = "fit") -> PodObject:
    labels = {LABEL_JOB: job, LABEL_TASK: task}
    condition = {"type": "PodScheduled", "status": status, "reason": "Unschedulable", "message": message}
    raw = {"metadata": {"name": name, "namespace": "team", "labels": labels}, "status": {"conditions": [condition]}}
    return msgspec.convert(raw, PodObject)


def test_the_schedulers_message_is_told_once_for_the_pods_of_a_task() -> None:
    pods = [
        a_pod("fit-1", HOT),
        a_pod("fit-0", HOT),
        a_pod("bound", "", "True"),
        a_pod("test-0", "taints", task="test"),
    ]
    assert list(waiting([*pods, a_pod("x", HOT, job="other")], "team", "train")) == [
        f"fit: pod fit-0 and 1 more wait for a node: {HOT}",
        "test: pod test-0 waits for a node: taints",
    ]
    assert list(waiting(pods, "elsewhere", "train")) == []


def test_without_the_right_to_read_pods_there_is_a_warning_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: Any) -> Any:
        raise Unavailable("pods is forbidden")

    monkeypatch.setattr(module, "ask", refused)
    assert pending_pods(["train"], "team", None, "") == []
    assert "warning: why pods wait cannot be told: pods is forbidden" in capsys.readouterr().err


def test_only_the_pending_pods_of_the_named_jobs_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []

    class Listing:
        async def list(self, path: str, params: Any) -> list[Any]:
            asked.append((path, params))
            return [msgspec.to_builtins(a_pod("fit-0", HOT))]

    def answer(question: Any, *_: Any) -> Any:
        import asyncio

        return asyncio.run(question(Listing()))

    monkeypatch.setattr(module, "ask", answer)
    (pod,) = pending_pods(["train", "alone", "train"], "team", None, "")
    assert pod.metadata.name == "fit-0"
    assert pending_pods(["train"], "", None, "")
    selector = f"{LABEL_JOB} in (alone,train)"
    assert asked[0] == (
        "/api/v1/namespaces/team/pods",
        {"labelSelector": selector, "fieldSelector": "status.phase=Pending"},
    )
    assert asked[1][0] == "/api/v1/pods"
