"""Of two versions the newer one stays, a deletion is final, and a full list makes good what a watch has missed."""

from __future__ import annotations

from typing import Any

from heterosched.api import HeteroJob
from heterosched_operator.cache import Cache
from manifests import a_job


def a_version(number: int, uid: str = "u", policy: str = "Balanced") -> dict[str, Any]:
    own = {"uid": uid, "resourceVersion": str(number), "namespace": "ns"}
    return a_job("j").policy(policy).metadata(**own).task("t").manifest()


def a_cache() -> tuple[Cache[HeteroJob], list[int]]:
    changes: list[int] = []
    return Cache(HeteroJob, lambda: changes.append(1)), changes


def test_an_own_write_is_not_undone_by_a_watch_that_lags() -> None:
    cache, changes = a_cache()
    cache.put(a_version(9, policy="Energy"))
    cache.event("MODIFIED", a_version(10, policy="Performance"))
    cache.event("MODIFIED", a_version(9, policy="Energy"))
    assert cache.items["u"].spec.policy == "Performance"
    assert len(changes) == 2


def test_what_is_deleted_does_not_come_back() -> None:
    cache, _ = a_cache()
    cache.put(a_version(5))
    cache.event("DELETED", a_version(6))
    cache.put(a_version(7))
    assert cache.items == {}


def test_a_list_deletes_what_it_lacks_unless_that_is_newer() -> None:
    cache, _ = a_cache()
    for raw in (a_version(5, "old"), a_version(20, "new")):
        cache.put(raw)
    cache.replace([a_version(8, "listed")], at=10)
    assert set(cache.items) == {"new", "listed"}


def test_an_object_that_cannot_be_read_is_named_and_keeps_its_last_good_form() -> None:
    cache, _ = a_cache()
    cache.put(a_version(1))
    broken = a_version(2)
    broken["spec"]["tasks"] = "none"
    cache.put(broken)
    assert cache.items["u"].spec.tasks[0].name == "t"
    assert "ns/j" in cache.unreadable["u"]
    cache.put(a_version(3))
    assert cache.unreadable == {}
