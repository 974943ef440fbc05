"""Pods that share their containers are counted once; trouble with a quantity is told of each of them all the same."""

from __future__ import annotations

from typing import Any

import pytest

from extender_calls import a_pod_manifest, pod_object
from heterosched.kube.convert import Problems, demand_of
from heterosched.kube.objects import PodObject
from heterosched.kube.topology import aligned_need
from heterosched_extender import kinds as kinds_module
from heterosched_extender.kinds import Kinds
from heterosched_extender.slim import slim_pod


def a_pod(name: str, **given: Any) -> PodObject:
    return slim_pod(pod_object(a_pod_manifest(name, node="n", **given)))


def test_equal_pods_are_one_kind_with_the_demand_and_need_of_each() -> None:
    kinds = Kinds(Problems())
    one, other, larger = a_pod("a", gpus=2), a_pod("b", gpus=2), a_pod("c", gpus=3)
    assert kinds.of(one) is kinds.of(other)
    for pod in (one, larger):
        assert kinds.of(pod).demand == demand_of(pod)
        assert kinds.of(pod).need == aligned_need(pod.spec, "p")


def test_a_quantity_that_cannot_be_read_is_told_of_every_pod() -> None:
    problems = Problems()
    kinds = Kinds(problems)
    kinds.of(a_pod("a", cores="many"))
    once = problems.count
    kinds.of(a_pod("b", cores="many"))
    assert problems.count == 2 * once > 0


def test_no_more_kinds_are_kept_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds_module, "MOST_KINDS", 3)
    kinds = Kinds(Problems())
    for gpus in range(1, 9):
        assert kinds.of(a_pod("a", gpus=gpus)).demand.gpus == gpus
    assert len(kinds._known) <= 3
