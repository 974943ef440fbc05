"""Told to manage some namespaces, the operator sees their jobs alone, and what others' pods take on the nodes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.constants import LABEL_JOB
from heterosched.kube.errors import ApiError, ApiUnavailable
from heterosched.kube.objects import PodObject
from heterosched.kube.scope import Scope
from heterosched_operator.store import Store
from heterosched_operator.waking import Waker
from heterosched_operator.world import Rules
from manifests import a_job


def a_store(*namespaces: str) -> Store:
    nowhere: Any = None
    return Store(nowhere, Rules(), lambda: None, scope=Scope(namespaces))


def a_pod(namespace: str) -> PodObject:
    metadata = {"name": "p", "namespace": namespace, "uid": f"pod-{namespace}", "labels": {LABEL_JOB: "j"}}
    return msgspec.convert({"metadata": metadata}, PodObject)


def with_pod(store: Store, pod: PodObject) -> None:
    store.pods._items[pod.key] = pod
    store._on_pod(None, pod)


def test_pods_of_jobs_elsewhere_are_others_and_of_ours_are_ours() -> None:
    store = a_store("ours")
    store.children["ours"].synced.set()
    for namespace in ("ours", "theirs"):
        with_pod(store, a_pod(namespace))
    world = store.world(0.0)
    assert set(world.pods) == {("ours", "j")}
    assert [pod.metadata.namespace for pod in world.foreign] == ["theirs"]


def test_a_job_is_left_alone_as_long_as_its_jobs_cannot_be_seen() -> None:
    store = a_store("a", "b")
    for name in ("a", "b"):
        with_pod(store, a_pod(name))
        store.jobs.put(a_job("j", name).metadata(uid=name, resourceVersion="1").manifest())
    store.children["a"].synced.set()
    world = store.world(0.0)
    assert (set(world.jobs), set(world.pods)) == ({"a"}, {("a", "j")})
    # Until further notice, not for as long as pods take to stop: nobody knows what becomes of that job.
    assert [pod.metadata.namespace for pod in world.foreign] == ["b"]
    assert not store.manages("c")
    store.children["a"].failure = ApiError("LIST", 403, "Forbidden", "no more")
    assert not store.world(0.0).jobs


def test_each_namespace_is_asked_for_alone_and_nodes_and_pods_for_all() -> None:
    paths = {watch.path for watch in a_store("a", "b").watches}
    assert {f"/apis/batch/v1/namespaces/{name}/jobs" for name in "ab"} <= paths
    assert {f"/api/v1/namespaces/{name}/resourcequotas" for name in "ab"} <= paths
    assert {"/api/v1/nodes", "/api/v1/pods"} <= paths
    assert {"/apis/batch/v1/jobs", "/api/v1/resourcequotas"} <= {watch.path for watch in a_store().watches}


@pytest.mark.parametrize(
    ("failure", "silent"),
    [(ApiError("LIST", 403, "Forbidden", "no"), False), (ApiUnavailable("LIST", 0, "", "down"), True)],
)
def test_a_refusal_is_no_silence(failure: ApiError, silent: bool) -> None:
    store = a_store()
    for watch in store.watches:
        watch._heard = watch._clock()
    (quotas,) = store.quotas
    quotas._heard -= 1000
    quotas.failure = failure
    assert (store.age() > 900) == silent
    assert (quotas.path in store.refused()) != silent
    store.nodes._heard -= 1000
    store.nodes.failure = failure
    assert store.age() > 900, "without nodes nothing can be decided"


async def test_nobody_elsewhere_is_woken() -> None:
    patched: list[str] = []

    class Api:
        async def patch(self, path: str, body: object) -> None:
            patched.append(path)

    def waiting(namespace: str) -> PodObject:
        held = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "NUMA"}
        metadata = {"name": "p", "namespace": namespace, "uid": namespace}
        raw = {"metadata": metadata, "spec": {"schedulerName": "heterosched"}, "status": {"conditions": [held]}}
        return msgspec.convert(raw, PodObject)

    now = [0.0]
    pods = [waiting("ours"), waiting("theirs")]
    waker = Waker(Api(), lambda: pods, lambda: (), lambda: now[0], Scope(("ours",)))
    await waker.look()
    now[0] = 100.0
    assert await waker.look() == 1
    assert patched == ["/api/v1/namespaces/ours/pods/p"]
