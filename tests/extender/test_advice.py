"""Pods of ours that are bound without having been asked about are counted, once, and only while it is ours to judge."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extender_calls import NOW, a_call, a_pod_manifest, a_snapshot, pod_object
from heterosched.api import PlanNote
from heterosched.kube.objects import PodObject
from heterosched.policy.table import PolicyRow
from heterosched.units import format_time
from heterosched_extender.advice import AdviceWatch, last_alive, sign_of_life
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import Service


@pytest.fixture
def service() -> Service:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = a_snapshot(t4=2)
    return service


def a_pod(name: str = "p", node: str = "", bound_at: float | None = NOW, **given: Any) -> PodObject:
    manifest = a_pod_manifest(name, node=node, **given)
    if node and bound_at is not None:
        when = format_time(bound_at)
        manifest["status"]["conditions"] = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": when}]
    return pod_object(manifest)


def counted(service: Service) -> tuple[int, int, int]:
    stats = service.stats
    return stats.bound_as_advised, stats.bound_elsewhere, stats.bound_without_advice


@pytest.mark.parametrize("node, expected", [("t4-0", (1, 0, 0)), ("t4-1", (0, 1, 0))])
def test_a_pod_that_was_scored_is_counted_by_where_it_went(
    service: Service, node: str, expected: tuple[int, int, int]
) -> None:
    service.prioritize(a_call(a_pod_manifest("p"), ["t4-0", "t4-1"]))
    watch = AdviceWatch(service, since=lambda: NOW - 100)
    pending, bound = a_pod(), a_pod(node=node)
    watch.changed(None, pending)
    watch.changed(pending, bound)
    watch.changed(bound, a_pod(node=node, phase="Running"))
    assert counted(service) == expected
    record = service.decisions.of_pod("p")
    assert record is not None and record.bound == node


@pytest.mark.parametrize(
    "pod, expected",
    [
        (a_pod(node="t4-0"), 1),
        (a_pod(node="t4-0", bound_at=None), 1),
        (a_pod(node="t4-0", bound_at=NOW - 200), 0),
        (a_pod(node="t4-0", scheduler="default-scheduler"), 0),
        (a_pod(), 0),
    ],
)
def test_a_pod_that_nobody_asked_about_counts_if_it_was_bound_on_our_watch(
    service: Service, pod: PodObject, expected: int
) -> None:
    AdviceWatch(service, since=lambda: NOW - 100).changed(None, pod)
    assert counted(service) == (0, 0, expected)


def test_a_pod_for_which_no_term_had_data_is_counted_as_undecided(service: Service) -> None:
    service.snapshot = replace(a_snapshot(t4=2), policies={"Cool": PolicyRow("Cool", {"thermal": 1})})
    service.prioritize(a_call(a_pod_manifest("p", plan=PlanNote(policy="Cool")), ["t4-0", "t4-1"]))
    AdviceWatch(service, since=lambda: NOW - 100).changed(None, a_pod(node="t4-1"))
    assert (service.stats.bound_undecided, counted(service)) == (1, (0, 0, 0))


def test_an_answer_that_came_after_the_binding_was_no_advice(service: Service) -> None:
    service.prioritize(a_call(a_pod_manifest("p"), ["t4-0", "t4-1"]))
    AdviceWatch(service, since=lambda: NOW - 100).changed(None, a_pod(node="t4-0", bound_at=NOW - 10))
    assert counted(service) == (0, 0, 1)


def test_a_pod_with_a_single_candidate_was_advised_by_the_filter(service: Service) -> None:
    service.filter(a_call(a_pod_manifest("p"), ["t4-0"]))
    AdviceWatch(service, since=lambda: NOW - 100).changed(None, a_pod(node="t4-0"))
    assert (counted(service), service.stats.bound_undecided) == ((0, 0, 0), 1)


def test_hints_follow_the_pod_and_end_with_it(service: Service) -> None:
    service.prioritize(a_call(a_pod_manifest("p"), ["t4-0", "t4-1"]))
    watch = AdviceWatch(service, since=lambda: NOW)
    assert service.snapshot is not None
    bound = a_pod(node="t4-1")
    watch.changed(None, bound)
    found = service.hints.cores(NOW, service.snapshot.roster, "", 30.0)
    assert found is not None and found.tolist() == [0.0, 2.0]
    watch.changed(bound, None)
    assert len(service.hints) == 0


def test_the_last_sign_of_life_of_the_process_before_counts(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    assert last_alive(path, lambda: NOW) == NOW
    sign_of_life(path)
    os.utime(path, (NOW - 7, NOW - 7))
    assert last_alive(path, lambda: NOW) == NOW - 7
    assert last_alive(None, lambda: NOW) == NOW


def test_a_place_that_cannot_be_written_is_worth_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sign_of_life(tmp_path / "missing" / "alive")
    assert "cannot be written" in caplog.text
    sign_of_life(None)
